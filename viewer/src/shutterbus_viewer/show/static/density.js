// How many pictures there are when: counts of some minutes, or the pictures one by one where a screen can show them so.

import { Chunks } from "./chunks.js";

const SECOND_US = 1e6;
const MINUTE_US = 60 * SECOND_US;
const ALL_SPAN_US = 4 * MINUTE_US; // up to this many on the screen: every frame
const SOME_SPAN_US = 40 * MINUTE_US; // up to this: one of each second
const MOST = 3000;
const LIVE_KEPT = 5000;

/** Events: `more` when something came. */
export class Density extends EventTarget {
  #live = []; // instants of pictures that came while the page was open

  constructor(past) {
    super();
    const came = () => this.dispatchEvent(new Event("more"));
    this.counts = new Chunks(864e8, (from, to) => past.buckets(from, to), came);
    this.some = new Chunks(10 * MINUTE_US, (from, to) => past.frames(from, to, { everyS: 1, most: MOST }), came);
    this.all = new Chunks(MINUTE_US, (from, to) => past.frames(from, to, { most: MOST }), came);
  }

  /** Note a picture that just came. */
  seen(us) {
    this.#live.push(us);
    if (this.#live.length > LIVE_KEPT) this.#live.shift();
    this.dispatchEvent(new Event("more"));
  }

  /** Stretches with pictures: `[{us, endUs, frames}]`. */
  bars(fromUs, toUs) {
    const bars = new Map();
    for (const { fromUs: startUs, asOfUs, value } of this.counts.in(fromUs, toUs)) {
      const size = value.bucket_us;
      value.start_us.forEach((us, index) => bars.set(us, { us, endUs: us + size, frames: value.frames[index] }));
      for (const us of this.#since(asOfUs, startUs, startUs + this.counts.sizeUs)) {
        const start = Math.floor(us / size) * size;
        const bar = bars.get(start) ?? { us: start, endUs: start + size, frames: 0 };
        bars.set(start, { ...bar, frames: bar.frames + 1 });
      }
    }
    return [...bars.values()].filter(({ us, endUs }) => endUs > fromUs && us < toUs);
  }

  /** The instants of single pictures; null where there are too many for that, or they are not known yet. */
  instants(fromUs, toUs) {
    if (toUs - fromUs > SOME_SPAN_US) return null;
    const chunks = toUs - fromUs > ALL_SPAN_US ? this.some : this.all;
    const known = chunks.in(fromUs, toUs);
    if (!known.length) return null;
    return known.flatMap(({ fromUs: startUs, asOfUs, value }) => [
      ...value.map(({ us }) => us),
      ...this.#since(asOfUs, startUs, startUs + chunks.sizeUs),
    ]);
  }

  #since(asOfUs, fromUs, toUs) {
    return this.#live.filter((us) => us > asOfUs && us >= fromUs && us < toUs);
  }
}
