// The bar of the last 24 hours under a tile, which leads to the time that is pointed at.

import { outline } from "./beats.js";
import { iso, moment } from "./times.js";

export class BeatBar {
  #beat = null;
  #nowUs = 0;

  /** Shown under the camera `id` as long as there is something to show. */
  constructor(id, template) {
    this.id = id;
    this.element = template.content.firstElementChild.cloneNode(true);
    this.path = this.element.querySelector("path");
    for (const type of ["pointermove", "pointerdown"]) this.element.addEventListener(type, (event) => this.#point(event));
  }

  show(name, beat, nowUs) {
    this.#beat = beat;
    this.#nowUs = nowUs;
    const some = beat.frames.filter((many) => many > 0).length;
    this.path.setAttribute("d", outline(beat, nowUs));
    this.element.querySelector("svg").setAttribute("viewBox", `0 0 ${beat.frames.length} 10`);
    const minutes = beat.sliceUs / 6e7;
    const label = `${name}, the last 24 hours: pictures in ${some} of ${beat.frames.length} parts of ${minutes} minutes`;
    this.element.setAttribute("aria-label", label);
    // Without a pointer: where the newest picture is.
    const newest = beat.frames.findLastIndex((many) => many > 0);
    this.#lead(beat.startUs + Math.max(0, newest) * beat.sliceUs);
  }

  #point({ clientX }) {
    const { left, width } = this.element.getBoundingClientRect();
    const { startUs, sliceUs, frames } = this.#beat;
    const along = Math.min(0.9999, Math.max(0, (clientX - left) / width));
    const atUs = startUs + Math.floor(along * frames.length * sliceUs);
    const many = frames[Math.floor(along * frames.length)];
    this.element.title = `${moment(atUs, this.#nowUs)}: ${many || "no"} picture${many === 1 ? "" : "s"} kept`;
    this.#lead(atUs);
  }

  #lead(atUs) {
    this.element.href = `/cameras/${this.id}?at=${iso(atUs)}`;
  }
}
