// Before and after: the picture shown and another one at the same place, by a divider, in turn, or their difference.

import { nowUs } from "./clock.js";
import { Overlay } from "./overlay.js";
import { isAbort } from "./past.js";
import { inGap, refused, words } from "./pastwords.js";
import { Painter } from "./picture.js";
import { second } from "./times.js";
import { sameDate, sameTime } from "./zone.js";

const HOUR_US = 36e8;
const BEFORE = {
  hour: (us) => us - HOUR_US,
  day: (us) => sameTime(us, -1),
  week: (us) => sameTime(us, -7),
  year: (us) => sameDate(us, -1),
};

const $ = (selector) => document.querySelector(selector);

export class Comparison {
  #control = new AbortController();
  #frame = null;
  #wanted = null;

  /** `from()` is the frame that is shown, also of what is live. */
  constructor(history, stage, from) {
    this.history = history;
    this.from = from;
    this.canvas = $("#other");
    this.painter = new Painter(this.canvas, (facts, drawn) => drawn && this.#drawn(facts));
    this.overlay = new Overlay(stage, this.canvas, () => this.#isEarlier);
    for (const button of document.querySelectorAll("[data-before]")) {
      button.addEventListener("click", () => this.open(BEFORE[button.dataset.before](history.at)));
    }
    $("#swap").addEventListener("click", () => this.#swap());
    $("#compare-end").addEventListener("click", () => this.toggle());
    history.addEventListener("place", () => this.refresh());
  }

  get on() {
    return this.history.isPast && this.history.address.with !== null;
  }

  /** Compare with the day before, or stop comparing. */
  toggle() {
    const frame = this.from();
    if (this.on) this.history.address.show({ at: this.history.at, with: null });
    else if (frame) this.open(BEFORE.day(frame.us));
    this.refresh();
  }

  /** Compare with the picture nearest to that instant. */
  open(us) {
    const at = this.history.at ?? this.from()?.us;
    if (at === undefined) return;
    const wasLive = !this.history.isPast;
    this.history.address.show({ at, with: us, push: true });
    if (wasLive) this.history.go(at);
    else this.refresh();
  }

  /** Show what the address says. */
  refresh() {
    for (const part of [$("#compare"), $("#compared"), this.canvas]) part.hidden = !this.on;
    $("[data-past=compare]").setAttribute("aria-pressed", String(this.on));
    if (!this.on) return this.#end();
    if (!this.overlay.mode) this.overlay.show("slide");
    const other = this.history.address.with;
    if (other !== this.#wanted) this.#load(other);
    this.#name();
    return undefined;
  }

  resize(width) {
    if (this.on && this.#frame && (width || Infinity) > this.canvas.width) this.#draw(this.#frame);
  }

  #end() {
    this.overlay.end();
    this.#control.abort();
    this.#frame = this.#wanted = null;
    $("#compare-said").textContent = "";
    this.painter.clear();
  }

  async #load(us) {
    this.#control.abort();
    this.#control = new AbortController();
    const { signal } = this.#control;
    this.#wanted = us;
    this.#frame = null;
    try {
      const frame = await this.history.past.frame(us, "nearest", "", signal);
      this.#frame = frame;
      const inWords = frame && Math.abs(frame.us - us) > this.history.gapUs ? inGap(us, frame.us, nowUs()) : "";
      $("#compare-said").textContent = frame ? inWords : words.nothingKept;
      this.#name();
      if (frame) await this.#draw(frame);
    } catch (error) {
      this.#refuse(error, signal);
    }
  }

  async #draw(frame) {
    const { signal } = this.#control;
    try {
      // Not by Images: that forgets what is far from the frame shown.
      const image = await this.history.past.image(frame.id, this.history.width, signal);
      if (frame === this.#frame) this.painter.show({ facts: { id: frame.id, captured_at_us: frame.us }, image });
    } catch (error) {
      this.#refuse(error, signal);
    }
  }

  #refuse(error, signal) {
    if (isAbort(error) || signal.aborted) return;
    if (error.status === undefined) throw error;
    $("#compare-said").textContent = refused(error);
  }

  #drawn({ id }) {
    this.canvas.dataset.frame = id;
    this.overlay.cut();
  }

  /** The earlier of both is on the left. */
  get #isEarlier() {
    return this.history.address.with <= this.history.at;
  }

  #name() {
    const [left, right] = $("#compared").children;
    const { address, at, frame } = this.history;
    const times = [this.#frame?.us ?? address.with, frame?.us ?? at].map((us) => second(us, nowUs()));
    [left.textContent, right.textContent] = this.#isEarlier ? times : times.reverse();
    this.overlay.cut();
  }

  #swap() {
    const { at, with: other } = this.history.address;
    this.history.address.show({ at: other, with: at });
    this.history.go(other);
  }
}
