// The scrubber: time from a week to ten seconds, the density of the pictures in it, and the place that is shown.

import { marks } from "./axis.js";
import { needle, paintMarks } from "./timepaint.js";
import { Track } from "./track.js";

const SECOND_US = 1e6;
const LEAST_SPAN_US = 10 * SECOND_US;
const MOST_SPAN_US = 7 * 864e8;
const FIRST_SPAN_US = 2 * 36e8;
const BEGIN_SPAN_US = 3e8;
const AXIS_PX = 20;
const LABEL_PX = 64;
const BAR_LEAST = 0.15; // of the height, so that few pictures are seen beside many
const NEARER = 0.5; // one step of the keys and buttons

export class Scrubber extends Track {
  #at = null;
  #now = 0;
  #with = null;

  /** `density` tells what is where; see there. Events as of Track, and `span` when it comes nearer or goes farther. */
  constructor(element, density) {
    super(element, (...all) => this.#paint(...all));
    this.density = density;
    density.addEventListener("more", () => this.redraw());
    element.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    this.from = -FIRST_SPAN_US;
    this.to = 0;
  }

  /** Show no more time at first than there is, of what has only begun: then one sees it grow. */
  begin(keptUs) {
    this.zoom(Math.max(BEGIN_SPAN_US, Math.min(FIRST_SPAN_US, 1.5 * keptUs)) / this.span);
  }

  get span() {
    return this.to - this.from;
  }

  /** Show that instant, and, beside what is compared, the other; `now` is where time ends. `text` says it in words. */
  show({ at, now, other = null, text }) {
    const passed = this.#at !== null && this.#at >= this.#now ? now - this.#now : 0; // it stands at the end of time
    const first = this.#at === null;
    this.#at = at;
    this.#now = now;
    this.#with = other;
    if (passed && at >= now) this.#look(this.from + passed, this.to + passed);
    if (first || at < this.from || at > this.to) {
      const beyond = at > this.to ? at - this.to : at - this.from;
      const by = !first && Math.abs(beyond) < this.span / 4 ? beyond : at - (this.from + this.to) / 2;
      this.#look(this.from + by, this.to + by); // a little, as its edge is dragged; else to the middle
    }
    for (const [name, value] of Object.entries({ valuenow: Math.round(at / SECOND_US), valuemax: Math.round(now / SECOND_US), valuetext: text })) {
      if (this.element.getAttribute(`aria-${name}`) !== String(value)) this.element.setAttribute(`aria-${name}`, value);
    }
    this.redraw();
  }

  /** Come nearer (`factor` below 1) or go farther; what is at `us` stays where it is. */
  zoom(factor, us = this.#at >= this.from && this.#at <= this.to ? this.#at : (this.from + this.to) / 2) {
    const span = Math.max(LEAST_SPAN_US, Math.min(MOST_SPAN_US, this.span * factor));
    const share = (us - this.from) / this.span;
    this.#look(us - share * span, us + (1 - share) * span);
  }

  nearer() {
    this.zoom(NEARER);
  }

  farther() {
    this.zoom(1 / NEARER);
  }

  pinch(before, after) {
    const middle = this.usAt((before[0] + before[1]) / 2);
    const apart = ([one, other]) => Math.max(8, Math.abs(one - other));
    this.zoom(apart(before) / apart(after), middle);
    const moved = (after[0] + after[1] - before[0] - before[1]) / 2;
    this.#look(this.from - moved * this.usPerPx, this.to - moved * this.usPerPx);
  }

  #wheel(event) {
    event.preventDefault();
    const pixels = (delta) => (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 33 * delta : delta);
    const sideways = event.shiftKey && !event.deltaX ? event.deltaY : event.deltaX;
    if (Math.abs(sideways) > Math.abs(event.shiftKey ? 0 : event.deltaY)) {
      const us = pixels(sideways) * this.usPerPx;
      this.#look(this.from + us, this.to + us);
    } else {
      this.zoom(Math.exp(pixels(event.deltaY) * (event.ctrlKey ? 0.01 : 0.002)), this.usAt(event.clientX));
    }
  }

  /** Nothing is to be seen beyond now: the window ends a little after it. */
  #look(from, to) {
    const span = to - from;
    const end = this.#now ? Math.min(to, this.#now + span * 0.04) : to;
    this.from = end - span;
    this.to = end;
    this.dispatchEvent(new CustomEvent("span", { detail: span }));
    this.redraw();
  }

  #paint(context, { width, height }, colours) {
    const floor = height - AXIS_PX;
    context.fillStyle = colours.surface;
    context.fillRect(0, 0, width, floor);
    if (this.#now < this.to) {
      context.fillStyle = colours.raised;
      context.fillRect(this.x(this.#now), 0, width, floor);
    }
    this.#paintDensity(context, floor, colours);
    paintMarks(context, this, marks(this.from, this.to, LABEL_PX / width), floor, height, colours);
    if (this.#with !== null) needle(context, this.x(this.#with), floor, colours.late, colours.surface);
    needle(context, this.x(this.#at), floor, colours.text, colours.surface);
  }

  #paintDensity(context, floor, colours) {
    const instants = this.density.instants(this.from, this.to);
    context.fillStyle = colours.density;
    if (instants) {
      for (const us of instants) context.fillRect(this.x(us) - 0.5, floor * 0.3, 1.5, floor * 0.7);
      return;
    }
    const bars = this.density.bars(this.from, this.to);
    const most = Math.max(...bars.map(({ frames }) => frames), 1);
    for (const { us, endUs, frames } of bars) {
      const tall = floor * 0.9 * (BAR_LEAST + ((1 - BAR_LEAST) * frames) / most);
      const left = this.x(us);
      context.fillRect(left, floor - tall, Math.max(1, this.x(Math.min(endUs, Math.max(us, this.#now))) - left), tall);
    }
  }
}
