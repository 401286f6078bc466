// Going from the picture that is shown to another: the one beside it, a minute on, a day on, to the ends of the day.

import { nowUs } from "./clock.js";
import { dateOf, dayStart, sameTime, shiftDate } from "./zone.js";

/** `from()` is the frame that is shown, also of what is live; null if none. */
export class Moves {
  constructor(history, from) {
    this.history = history;
    this.from = from;
  }

  /** The frame after or before; after the last one comes what is live. */
  step(direction) {
    const from = this.from();
    const find = async (signal) => {
      const frame = await this.#beside(from, direction, signal);
      return { frame, live: !frame && direction === "next" };
    };
    return from && this.#seek(from, find);
  }

  /** What was `us` later; at least the next frame that way. */
  by(us) {
    const from = this.from();
    const find = async (signal) => {
      const wanted = from.us + us;
      const nearest = await this.history.past.frame(wanted, "nearest", "", signal);
      const isOnTheWay = nearest && Math.sign(nearest.us - from.us) === Math.sign(us);
      const frame = isOnTheWay ? nearest : await this.#beside(from, us > 0 ? "next" : "previous", signal);
      const isNear = frame && Math.abs(frame.us - wanted) <= Math.max(this.history.gapUs, Math.abs(us));
      return { frame, asked: isNear ? null : wanted, live: !frame && us > 0 };
    };
    return from && this.#seek(from, find);
  }

  /** The same time of the day, `days` days later. */
  days(days) {
    const us = sameTime(this.history.at ?? nowUs(), days);
    if (us >= nowUs()) this.history.live();
    else this.history.go(us, { push: true });
  }

  /** The `first` or `last` picture of the day. */
  end(which) {
    const at = this.history.at ?? nowUs();
    const date = dateOf(at);
    const ends = { first: [dayStart(date) - 1, "next"], last: [dayStart(shiftDate(date, 1)), "previous"] };
    const find = async (signal) => ({ frame: await this.history.past.frame(...ends[which], "", signal) });
    return this.history.seek(at, find, { push: true });
  }

  #seek(from, find) {
    return this.history.seek(this.history.at ?? from.us, find, { push: !this.history.isPast });
  }

  #beside(from, direction, signal) {
    const { around, frame, past } = this.history;
    // What is live may not be in the archive yet: its place among the others is not worth keeping.
    return from === frame ? around.beside(from, direction) : past.frame(from.us, direction, from.id, signal);
  }
}
