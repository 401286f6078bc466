// What the page says of itself: that the server or a broker is away, and that a camera's state changed.

import { nowUs } from "./clock.js";
import { nameOf } from "./roster.js";
import { second, span } from "./times.js";

const CALM_MS = 400; // a link that is back sooner than this was never worth a word

/**
 * Show the strip at the top of the page while the server or a broker cannot be reached.
 *
 * `lost(sinceUs)` is called when the server cannot be reached, and with 0 when it can again.
 */
export function watchConnection(live, lost) {
  const strip = document.querySelector("#connection");
  const [what, when] = strip.querySelectorAll("span");
  const again = strip.querySelector("button");
  let lostUs = 0;
  let retryAtMs = 0;
  let because = "";
  let outages = [];
  let showing = null;
  let counting = null;

  function show() {
    const gone = document.documentElement.dataset.connection === "lost";
    strip.hidden = !gone && outages.length === 0;
    strip.classList.toggle("broker", !gone);
    again.hidden = when.hidden = !gone;
    write(what, gone ? noServer(lostUs, because) : outages.map(noBroker).join(" "));
    const leftMs = retryAtMs - Date.now();
    write(when, leftMs > 500 ? `Trying again in ${span((leftMs + 500) * 1000)}.` : "Trying again now.");
  }

  function mark(connection, sinceUs) {
    document.documentElement.dataset.connection = connection;
    clearTimeout(showing);
    clearInterval(counting);
    if (sinceUs) counting = setInterval(show, 500);
    lost(sinceUs);
    show();
  }

  live.addEventListener("closed", ({ detail }) => {
    retryAtMs = detail.retryAtMs;
    because = detail.reason ? `: ${detail.reason}` : "";
    if (lostUs) return;
    lostUs = nowUs();
    showing = setTimeout(() => mark("lost", lostUs), CALM_MS);
  });
  live.addEventListener("open", () => {
    lostUs = 0;
    mark("open", 0);
  });
  for (const type of ["cameras", "outages"]) {
    live.addEventListener(type, ({ detail }) => {
      outages = detail.outages ?? [];
      show();
    });
  }
  again.addEventListener("click", () => live.retry());
}

function noServer(sinceUs, because) {
  return `No connection to the server since ${second(sinceUs, nowUs())}${because}. What you see is what came last.`;
}

function noBroker({ sentence, since_us: sinceUs }) {
  return `${sentence.replace(/\.$/, "")}. Since ${second(sinceUs, nowUs())} nothing is known of its cameras.`;
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text; // a screen reader says what changes
}

/** Say to a screen reader which cameras changed their state; nothing else is worth interrupting for. */
export function announce(cameras) {
  const heard = cameras.filter(({ verdict }) => verdict.kind !== "unknown"); // that is one sentence, said once
  const said = heard.slice(0, 5).map((camera) => `${nameOf(camera)} is ${camera.verdict.words}`);
  if (heard.length > 5) said.push(`${heard.length - 5} more changed`);
  if (said.length) document.querySelector("#announcements").textContent = said.join(", ");
}
