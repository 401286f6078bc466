// What the page says of itself: that the connection is lost, and that a camera's state changed.

import { nowUs } from "./clock.js";
import { second, span } from "./times.js";

const CALM_MS = 400; // a link that is back sooner than this was never worth a word

/** Show the strip at the foot of the page while there is no connection, and count down to the next try. */
export function watchConnection(live) {
  const strip = document.querySelector("#connection");
  const [what, when] = strip.querySelectorAll("span");
  let lostUs = 0;
  let retryAtMs = 0;
  let because = "";
  let showing = null;
  let counting = null;

  function count() {
    what.textContent = `No connection to the server since ${second(lostUs, nowUs())}${because}. What you see is what came last.`;
    const leftMs = retryAtMs - Date.now();
    when.textContent = leftMs > 500 ? `Trying again in ${span((leftMs + 500) * 1000)}.` : "Trying again now.";
  }

  function show() {
    strip.hidden = false;
    document.documentElement.dataset.connection = "lost";
    count();
    counting = setInterval(count, 500);
  }

  live.addEventListener("closed", ({ detail }) => {
    retryAtMs = detail.retryAtMs;
    because = detail.reason ? `: ${detail.reason}` : "";
    if (lostUs) return;
    lostUs = nowUs();
    showing = setTimeout(show, CALM_MS);
  });
  live.addEventListener("open", () => {
    lostUs = 0;
    clearTimeout(showing);
    clearInterval(counting);
    strip.hidden = true;
    document.documentElement.dataset.connection = "open";
  });
  strip.querySelector("button").addEventListener("click", () => live.retry());
}

/** Say to a screen reader which cameras changed their state; nothing else is worth interrupting for. */
export function announce(cameras) {
  const said = cameras.slice(0, 5).map(({ id, verdict }) => `${id} is ${verdict.words}`);
  if (cameras.length > 5) said.push(`${cameras.length - 5} more changed`);
  document.querySelector("#announcements").textContent = said.join(", ");
}
