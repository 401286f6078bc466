// The pictures of the time that the scrubber shows, as one file.

import { instant } from "./instant.js";
import { asZip } from "./pastwords.js";
import { second } from "./times.js";

const BUCKET_US = 3e8;

const $ = (selector) => document.querySelector(selector);

/** Wire up the dialog; return what opens it. */
export function wireZip(past, scrubber) {
  const dialog = $("#zip");
  const every = $("#zip-every");
  const link = $("#zip-get");
  let range = null; // {from, to} as the dialog was opened
  let kept = null; // what is kept of it: {frames, bytes}; null while it is not known

  function say() {
    const seconds = Number(every.value);
    const most = seconds ? Math.ceil((range.to - range.from) / (seconds * 1e6)) : Infinity;
    const frames = kept && Math.min(kept.frames, most);
    $("#zip-size").textContent = kept ? asZip(frames, frames && (kept.bytes / kept.frames) * frames) : "";
    link.href = `${past.base}/frames.zip?from=${instant(range.from)}&to=${instant(range.to)}${seconds ? `&every=${seconds}s` : ""}`;
    link.hidden = kept?.frames === 0;
  }

  async function count(wanted) {
    try {
      const buckets = await past.buckets(wanted.from, wanted.to);
      if (range !== wanted) return;
      const sum = (all) => all.reduce((total, one) => total + one, 0);
      kept = { frames: sum(buckets.frames), bytes: sum(buckets.bytes) };
      say();
    } catch {
      // the size is not known; the download itself says what is wrong
    }
  }

  every.addEventListener("change", say);
  link.addEventListener("click", () => dialog.close());
  return (nowUs) => {
    const whole = (us) => Math.floor(us / BUCKET_US) * BUCKET_US; // what is counted by five minutes is then exact
    range = { from: whole(scrubber.from), to: Math.min(whole(scrubber.to) + BUCKET_US, nowUs) };
    kept = null;
    $("#zip-range").textContent = `${second(range.from, nowUs)} – ${second(range.to, nowUs)}`;
    say();
    count(range);
    dialog.showModal();
  };
}
