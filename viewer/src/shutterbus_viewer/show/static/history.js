// What is shown of a camera: what is live, or its picture at an instant. One request at a time counts: the newest.

import { Around } from "./around.js";
import { nowUs } from "./clock.js";
import { Images } from "./images.js";
import { isAbort } from "./past.js";
import { inGap, refused, words } from "./pastwords.js";

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
  loading = false; // whether its picture is waited for
  width = 0;
  #control = new AbortController();
  #isAway = false;
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

  /** The server can be reached again: show what could not be shown. */
  again() {
    if (this.#isAway) this.restore();
  }

  /** Show what the address says. */
  restore() {
    if (this.address.at === null || this.problem) this.#toLive();
    else this.go(this.address.at);
  }

  /** Show the picture nearest to an instant; where none is near, say so. `push`: Back leads to what was there before. */
  go(us, { push = false, nearUs = 0 } = {}) {
    const find = async (signal) => {
      const frame = await this.past.frame(us, "nearest", "", signal);
      const isNear = frame && Math.abs(frame.us - us) <= Math.max(this.gapUs, nearUs);
      return { frame, asked: isNear ? null : us };
    };
    return this.seek(us, find, { push, none: words.nothingKept });
  }

  /** Show a frame. `coming`: the frames to fetch ahead because they are played next; else those around it. */
  show(frame, { push = false, coming = null } = {}) {
    return this.seek(frame.us, async () => ({ frame }), { push, coming });
  }

  /**
   * Go to about `us`, and show the frame that `find(signal)` comes to: `{frame, asked}`, where `asked` is the instant
   * that has none, or `{live: true}`. Where there is no frame, `none` says so.
   */
  async seek(us, find, { push = false, coming = null, none = words.noEarlier } = {}) {
    const { signal } = this.#begin(us, push, coming !== null);
    this.loading = true;
    try {
      const { frame, asked = null, live = false } = await find(signal);
      if (signal.aborted) return;
      if (live) this.live();
      else if (frame) await this.#load(frame, signal, asked, coming);
      else this.#say(none);
    } catch (error) {
      this.#refuse(error, signal);
    } finally {
      if (!signal.aborted) this.loading = false;
    }
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
    try {
      const image = await this.images.get(frame.id, width);
      if (!signal.aborted && frame === this.frame) this.#tell("frame", { frame, image });
    } catch (error) {
      this.#refuse(error, signal);
    }
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
    this.#isAway = false;
    clearTimeout(this.#resting);
    this.address.show({ at: us, push: push || !this.isPast });
    this.#tell("place", { played });
    return this.#control;
  }

  async #load(frame, signal, asked, coming) {
    this.frame = frame;
    if (asked === null && this.address.at !== frame.us) this.address.show({ at: frame.us });
    this.#say(asked === null ? "" : inGap(asked, frame.us, nowUs()));
    this.#tell("place", { played: coming !== null });
    const wanted = coming ?? this.around.known(frame, AHEAD);
    this.images.keep(new Set([frame, ...wanted].map(({ id }) => id)));
    const facts = this.past.facts(frame.id, signal);
    facts.catch(() => {}); // the picture says why
    const image = await this.images.get(frame.id, this.width);
    if (signal.aborted) return;
    this.loading = false;
    this.#tell("frame", { frame, image });
    facts.then((told) => signal.aborted || this.#tell("facts", told)).catch(() => {});
    const fetch = ({ id }) => this.images.get(id, this.width).catch(() => {}); // it is asked for again when it is wanted
    if (coming) coming.forEach(fetch);
    else this.around.learn(frame, AHEAD, signal, fetch).catch(() => {});
  }

  #refuse(error, signal) {
    if (isAbort(error) || signal.aborted) return;
    if (error.status === undefined) throw error;
    this.#isAway = error.status === 0;
    this.#say(refused(error));
    this.#tell("refused", error.status);
  }

  #say(sentence) {
    this.#tell("said", sentence);
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
