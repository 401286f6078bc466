// What is shown of a camera: what is live, or its picture at an instant. One request at a time counts: the newest.

import { Around } from "./around.js";
import { nowUs } from "./clock.js";
import { Images } from "./images.js";
import { isAbort } from "./past.js";
import { inGap, refused, words } from "./pastwords.js";
import { dateOf, dayStart, sameTime, shiftDate } from "./zone.js";

const REST_MS = 80; // a finger that rests this long wants to see
const AHEAD = 3; // frames fetched ahead, each way
const GAP_AT_LEAST_US = 60e6;

/**
 * Events: `place` when another instant is shown, or live; `dragged` while that is under a finger; `frame` with
 * `{frame, image}` when its picture is there, `facts` with its facts; `said` with a sentence, or empty.
 *
 * `expectedUs()` is how long after one picture the next is due; 0 if not known.
 */
export class History extends EventTarget {
  problem = ""; // why there is no past
  frame = null; // what is shown, or on its way; null when live
  width = 0;
  #control = new AbortController();
  #resting = null;

  constructor(past, address, expectedUs) {
    super();
    this.past = past;
    this.address = address;
    this.expectedUs = expectedUs;
    this.images = new Images(past);
    this.around = new Around(past);
    address.addEventListener("change", () => this.restore());
  }

  /** Whether the past is shown. */
  get isPast() {
    return this.address.at !== null && !this.problem;
  }

  get at() {
    return this.isPast ? this.address.at : null;
  }

  /** When the picture was taken that is shown, or, while it is dragged, the instant under the finger; null when live. */
  get shownUs() {
    return this.isPast ? (this.frame?.us ?? this.at) : null;
  }

  /** Show what the address says. */
  restore() {
    if (this.address.at === null || this.problem) this.#toLive();
    else this.go(this.address.at);
  }

  /** Show the picture nearest to an instant; where none is near, say so. `push`: Back leads to what was there before. */
  async go(us, { push = false, nearUs = 0 } = {}) {
    const { signal } = this.#begin(us, push);
    await this.#try(signal, async () => {
      const frame = await this.past.frame(us, "nearest", "", signal);
      if (!frame) this.#say(words.nothingKept);
      else await this.#load(frame, signal, Math.abs(frame.us - us) > Math.max(this.gapUs, nearUs) ? us : null);
    });
  }

  /** Show a frame. */
  async show(frame, { push = false, ahead = AHEAD, played = false } = {}) {
    const { signal } = this.#begin(frame.us, push, played);
    await this.#try(signal, () => this.#load(frame, signal, null, ahead));
  }

  /** Show the frame after or before; after the last one comes what is live. */
  async step(direction, from = this.frame) {
    if (!from) return;
    const { signal } = this.#begin(this.address.at ?? from.us, !this.isPast);
    await this.#try(signal, async () => {
      // What is live may not be in the archive yet: its place among the others is not worth knowing.
      const known = from === this.frame;
      const frame = await (known ? this.around.beside(from, direction, signal) : this.past.frame(from.us, direction, from.id, signal));
      if (frame) await this.#load(frame, signal);
      else if (direction === "next") this.live();
      else this.#say(words.noEarlier);
    });
  }

  /** Show what was `us` later; at least the next frame that way. */
  async stepBy(us, from = this.frame) {
    if (!from) return;
    const { signal } = this.#begin(this.address.at ?? from.us, !this.isPast);
    await this.#try(signal, async () => {
      const wanted = from.us + us;
      let frame = await this.past.frame(wanted, "nearest", "", signal);
      if (!frame || Math.sign(frame.us - from.us) !== Math.sign(us)) {
        frame = await this.around.beside(from, us > 0 ? "next" : "previous", signal);
      }
      if (frame) await this.#load(frame, signal, Math.abs(frame.us - wanted) > Math.max(this.gapUs, Math.abs(us)) ? wanted : null);
      else if (us > 0) this.live();
      else this.#say(words.noEarlier);
    });
  }

  /** Show the same time of the day, `days` days later. */
  sameTime(days, push = true) {
    const us = sameTime(this.at ?? nowUs(), days);
    if (us >= nowUs()) this.live();
    else this.go(us, { push });
  }

  /** Show the `first` or `last` picture of the day. */
  async edge(which) {
    const date = dateOf(this.at ?? nowUs());
    const ends = { first: [dayStart(date) - 1, "next"], last: [dayStart(shiftDate(date, 1)), "previous"] };
    const { signal } = this.#begin(this.at ?? nowUs(), true);
    await this.#try(signal, async () => {
      const frame = await this.past.frame(...ends[which], "", signal);
      if (frame) await this.#load(frame, signal);
    });
  }

  /** Note the instant under a finger; its picture comes when that rests. */
  drag(us, nearUs) {
    const push = !this.isPast;
    this.frame = null;
    this.#begin(us, push);
    this.#tell("dragged", us);
    this.#resting = setTimeout(() => this.go(us, { nearUs }), REST_MS);
  }

  live() {
    if (this.isPast) this.address.show({ at: null, push: true });
    this.#toLive();
  }

  /** The place of the picture is that wide now, in pixels; 0: all of the picture's are wanted. */
  async resize(width) {
    const more = (width || Infinity) > (this.width || Infinity);
    this.width = width;
    if (!more || !this.isPast || !this.frame) return;
    const { frame } = this;
    const { signal } = this.#control;
    await this.#try(signal, async () => this.#tell("frame", { frame, image: await this.images.get(frame.id, width) }));
  }

  /** Where two pictures are farther apart than this, pictures are missing. */
  get gapUs() {
    return Math.max(GAP_AT_LEAST_US, 2 * this.expectedUs());
  }

  #toLive() {
    this.#control.abort();
    clearTimeout(this.#resting);
    this.frame = null;
    this.#say("");
    this.#tell("place", { played: false });
  }

  #begin(us, push, played = false) {
    this.#control.abort();
    this.#control = new AbortController();
    clearTimeout(this.#resting);
    this.address.show({ at: us, push: push || !this.isPast });
    this.#tell("place", { played });
    return this.#control;
  }

  async #load(frame, signal, asked = null, ahead = AHEAD) {
    this.frame = frame;
    if (asked === null && this.address.at !== frame.us) this.address.show({ at: frame.us });
    this.#say(asked === null ? "" : inGap(asked, frame.us, nowUs()));
    this.#tell("place", { played: ahead === 0 });
    this.images.keep(new Set(this.around.known(frame, AHEAD).map(({ id }) => id)));
    const facts = this.past.facts(frame.id, signal);
    facts.catch(() => {}); // the picture says why
    const image = await this.images.get(frame.id, this.width);
    if (signal.aborted) return;
    this.#tell("frame", { frame, image });
    facts.then((told) => signal.aborted || this.#tell("facts", told)).catch(() => {});
    if (ahead) await this.#fetchAhead(frame, ahead, signal);
  }

  async #fetchAhead(frame, ahead, signal) {
    const fetch = ({ id }) => this.images.get(id, this.width).catch(() => {}); // it is asked for again when it is wanted
    await this.around.learn(frame, ahead, signal, fetch).catch(() => {});
  }

  async #try(signal, action) {
    try {
      await action();
    } catch (error) {
      if (isAbort(error) || signal.aborted) return;
      if (error.status === undefined) throw error;
      this.#say(refused(error));
      this.#tell("refused", error.status);
    }
  }

  #say(sentence) {
    this.#tell("said", sentence);
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
