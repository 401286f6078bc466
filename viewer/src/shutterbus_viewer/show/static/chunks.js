// Answers about stretches of time, each asked for once, and again while it may still grow.

import { nowUs } from "./clock.js";

const REST_MS = 120; // a zoom goes over many stretches of which only the last are worth asking for
const AT_ONCE = 12; // more than that are never on the screen
const AGAIN_MS = 20_000; // for a stretch that is not over, or could not be told
const GROWS_US = 6e8; // after its end, for pictures that were held back
const KEPT = 200;

export class Chunks {
  #chunks = new Map(); // by number: {value, asOfUs, askedMs}
  #wanted = new Set();
  #resting = null;

  /** `fetch(fromUs, toUs)` tells of a stretch that is `sizeUs` long; `came()` is called after each answer. */
  constructor(sizeUs, fetch, came) {
    this.sizeUs = sizeUs;
    this.fetch = fetch;
    this.came = came;
  }

  /** What is known already of the stretches in a range: `{fromUs, asOfUs, value}`; the others are asked for. */
  in(fromUs, toUs) {
    const known = [];
    for (let number = Math.floor(fromUs / this.sizeUs); number * this.sizeUs < toUs; number++) {
      const chunk = this.#chunks.get(number);
      if (chunk?.value) known.push({ fromUs: number * this.sizeUs, ...chunk });
      if (!this.#isDue(number, chunk)) continue;
      this.#wanted.delete(number);
      this.#wanted.add(number); // the last to be asked for is wanted most
    }
    if (this.#wanted.size && !this.#resting) this.#resting = setTimeout(() => this.#ask(), REST_MS);
    return known;
  }

  #isDue(number, chunk) {
    if (number * this.sizeUs > nowUs()) return false;
    if (!chunk) return true;
    const settled = chunk.value && (number + 1) * this.sizeUs + GROWS_US < chunk.asOfUs;
    return !settled && performance.now() - chunk.askedMs > AGAIN_MS;
  }

  #ask() {
    this.#resting = null;
    for (const number of [...this.#wanted].slice(-AT_ONCE)) this.#fetch(number);
    this.#wanted.clear();
    while (this.#chunks.size > KEPT) this.#chunks.delete(this.#chunks.keys().next().value);
  }

  async #fetch(number) {
    const chunk = this.#chunks.get(number) ?? { value: null, asOfUs: 0 };
    const asOfUs = nowUs();
    chunk.askedMs = performance.now();
    this.#chunks.set(number, chunk);
    try {
      chunk.value = await this.fetch(number * this.sizeUs, (number + 1) * this.sizeUs);
      chunk.asOfUs = asOfUs;
      this.came();
    } catch {
      // what cannot be told now is asked for again; the picture itself says what is wrong
    }
  }
}
