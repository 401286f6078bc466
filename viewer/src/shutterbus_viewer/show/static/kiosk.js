// A wall that nobody touches: it fills the screen, turns its pages, keeps the screen awake and comes back by itself.

import { layOutPage } from "./layout.js";

const TURN_MS = 20_000;
const STILL_MS = 3000;
const DAY_MS = 86_400_000;
const root = document.documentElement;

export class Kiosk {
  #number = 0;

  /** `turn()` shows the next page. */
  constructor(live, turn) {
    root.classList.add("kiosk");
    setInterval(() => {
      if (document.hidden) return;
      this.#number += 1;
      turn();
    }, TURN_MS);
    let before = false;
    live.addEventListener("open", () => {
      if (before) reload({ always: false });
      before = true;
    });
    // What grows in a page that is open for months goes, and the cookie is renewed.
    setInterval(() => reload({ always: true }), DAY_MS);
    hidePointer();
    stayAwake();
  }

  /** Fill the window with a page of `tiles`; return those of it. */
  layOut(wall, tiles, size) {
    return layOutPage(wall, tiles, size, this.#number);
  }

}

/** Load the page again if the server can be reached: `always`, or if it is of another version, which knows our address no more. */
async function reload({ always }) {
  try {
    const { status } = await fetch(import.meta.url, { method: "HEAD", cache: "no-store" });
    if (status === 404 || (always && status === 200)) location.reload();
  } catch {
    // it is away: what is on the screen is better than nothing
  }
}

function hidePointer() {
  let timer = null;
  const moved = () => {
    clearTimeout(timer);
    root.classList.remove("untouched");
    timer = setTimeout(() => root.classList.add("untouched"), STILL_MS);
  };
  addEventListener("pointermove", moved);
  moved();
}

function stayAwake() {
  let lock = null;
  const ask = async () => {
    if (document.hidden || (lock && !lock.released)) return;
    try {
      lock = await navigator.wakeLock.request("screen");
    } catch {
      lock = null; // a battery that is low, say; the next try is soon
    }
  };
  if (!navigator.wakeLock) return; // an old browser, or no HTTPS
  document.addEventListener("visibilitychange", ask);
  setInterval(ask, TURN_MS);
  ask();
}
