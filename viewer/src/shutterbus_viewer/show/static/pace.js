// How many pictures a page asks for: the next one of a camera comes when the last is acknowledged, so a calm wall waits with that.

import { remembered } from "./remembered.js";

const CALM_MS = 1000;
const SAVING_MS = 10_000; // the visitor's browser is set to save data

export class Pace {
  #lastMs = new Map();

  constructor(live) {
    this.live = live;
  }

  /** Acknowledge a picture when it is time for the next one; at once, if it was overtaken and is not `drawn`. */
  ack(facts, drawn) {
    const now = performance.now();
    const lastMs = this.#lastMs.get(facts.camera) ?? -Infinity;
    const dueMs = drawn === null ? now : Math.max(now, lastMs + this.#calmMs);
    if (drawn !== null) this.#lastMs.set(facts.camera, dueMs);
    if (dueMs === now) this.live.ack(facts);
    else setTimeout(() => this.live.ack(facts), dueMs - now);
  }

  get #calmMs() {
    if (remembered("every-picture", "no") === "yes") return 0;
    return navigator.connection?.saveData ? SAVING_MS : CALM_MS;
  }
}
