// The frames before and after one, known before they are asked for.

const FORGOTTEN_MS = 60_000; // what a camera held back may still be filed in between

export class Around {
  #beside = { next: new Map(), previous: new Map() };
  #asked = new Map(); // what is on its way: a key that is held down asks again and again
  #sinceMs = 0;

  constructor(past) {
    this.past = past;
  }

  /** The `next` or `previous` frame; null if there is none now. */
  async beside(frame, direction) {
    this.#forget();
    const known = this.#beside[direction].get(frame.id);
    if (known) return known;
    const key = `${direction} ${frame.id}`;
    if (!this.#asked.has(key)) this.#asked.set(key, this.#ask(frame, direction).finally(() => this.#asked.delete(key)));
    return this.#asked.get(key);
  }

  /** The frames within `steps` of one that are known already; with itself. */
  known(frame, steps) {
    const all = [frame];
    for (const frames of Object.values(this.#beside)) {
      for (let at = frame, step = 0; step < steps && (at = frames.get(at.id)); step++) all.push(at);
    }
    return all;
  }

  /** Learn the frames within `steps`, the nearest first, the one after before the one before; `found(frame)` for each. */
  async learn(frame, steps, signal, found) {
    const ends = { next: frame, previous: frame };
    for (let step = 0; step < steps; step++) {
      for (const direction of ["next", "previous"]) {
        ends[direction] &&= await this.beside(ends[direction], direction);
        if (signal.aborted) return;
        if (ends[direction]) found(ends[direction]);
      }
    }
  }

  async #ask(frame, direction) {
    const found = await this.past.frame(frame.us, direction, frame.id);
    if (found) {
      this.#beside[direction].set(frame.id, found);
      this.#beside[direction === "next" ? "previous" : "next"].set(found.id, frame);
    }
    return found;
  }

  #forget() {
    if (performance.now() - this.#sinceMs < FORGOTTEN_MS) return;
    this.#sinceMs = performance.now();
    for (const frames of Object.values(this.#beside)) frames.clear();
  }
}
