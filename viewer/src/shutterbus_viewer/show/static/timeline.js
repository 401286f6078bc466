// Under the picture: the day, the scrubber, and the small picture of the minute under the pointer.

import { nowUs } from "./clock.js";
import { Density } from "./density.js";
import { place, stretch, words } from "./pastwords.js";
import { Scrubber } from "./scrubber.js";
import { drawCell, Sheets } from "./sheets.js";
import { Strip } from "./strip.js";
import { clockSeconds, shortDay } from "./times.js";

const FILL_MS = 400; // after the picture is there: it matters more than the strip
const NEAR_PX = 4;
const HOUR_US = 36e8;

const $ = (selector) => document.querySelector(selector);

export class Timeline {
  #hovered = null;
  #dragged = null;
  #filling = null;

  constructor(history) {
    this.history = history;
    this.density = new Density(history.past);
    this.sheets = new Sheets(history.past);
    this.scrubber = new Scrubber($("#scrubber"), this.density);
    this.strip = new Strip($("#strip"), this.density, this.sheets, () => history.gapUs);
    for (const track of [this.scrubber, this.strip]) {
      track.addEventListener("drag", ({ detail }) => history.drag(this.#bounded(detail.us), NEAR_PX * track.usPerPx));
      track.addEventListener("drop", ({ detail }) => this.#drop(track, detail));
      track.addEventListener("hover", ({ detail }) => this.#hover(track, detail));
    }
    this.scrubber.addEventListener("span", ({ detail }) => ($("#span").textContent = stretch(detail)));
    this.scrubber.element.addEventListener("keydown", (event) => this.#key(event));
    $("#nearer").addEventListener("click", () => this.scrubber.nearer());
    $("#farther").addEventListener("click", () => this.scrubber.farther());
    this.sheets.addEventListener("sheet", () => this.#drawSmall());
    this.density.addEventListener("more", () => this.#fill());
    history.addEventListener("dragged", ({ detail }) => this.#drag(detail));
    history.addEventListener("refused", () => this.settle());
  }

  /** Bring both up to date with what is shown and with the time. */
  refresh() {
    const now = nowUs();
    const at = this.history.at ?? now;
    if (this.history.at === null) this.settle();
    const text = this.history.at === null ? words.live : place(this.history.frame, at, now);
    this.scrubber.show({ at, now, other: this.history.address.with, text });
    if (this.strip.show(at, now)) this.#fill();
  }

  #bounded(us) {
    return Math.min(us, nowUs());
  }

  #drop(track, { us, tapped }) {
    if (us >= nowUs()) this.history.live();
    else this.history.go(us, { push: tapped, nearUs: NEAR_PX * track.usPerPx });
  }

  #key(event) {
    const hours = { PageUp: -1, PageDown: 1 }[event.key];
    if (!hours) return;
    event.preventDefault();
    this.history.go(this.#bounded((this.history.at ?? nowUs()) + hours * HOUR_US));
  }

  #fill() {
    if (navigator.connection?.saveData) return;
    this.#filling ??= setTimeout(() => {
      this.#filling = null;
      this.strip.fill();
    }, FILL_MS);
  }

  #drag(us) {
    this.#dragged = us;
    this.#drawSmall();
  }

  /** The picture itself is on the screen: what stood for it goes. */
  settle() {
    this.#dragged = null;
    $("#minute").hidden = true;
  }

  #hover(track, pointer) {
    this.#hovered = pointer && { ...pointer, track };
    this.#drawSmall();
  }

  /** The small picture of an instant; see Sheets. An hour without pictures has no sheet to ask for. */
  #cell(us) {
    const hour = Math.floor(us / HOUR_US) * HOUR_US;
    if (!this.density.bars(hour, hour + HOUR_US).length) return null;
    return this.sheets.cell(us, this.history.gapUs);
  }

  /** The small picture in the place of the large one while a finger moves, or above the pointer. */
  #drawSmall() {
    if (this.#dragged !== null) {
      const cell = this.#cell(this.#dragged);
      if (cell) drawCell($("#minute"), cell);
      if (cell) $("#minute").dataset.frame = cell.id;
      if (cell !== undefined) $("#minute").hidden = false;
      $("#minute").classList.toggle("none", cell === null);
    }
    const bubble = $("#bubble");
    bubble.hidden = this.#hovered === null;
    if (this.#hovered === null) return;
    const { us, clientX, track } = this.#hovered;
    const cell = this.#cell(us);
    bubble.querySelector("canvas").hidden = !cell;
    if (cell) drawCell(bubble.querySelector("canvas"), cell);
    bubble.querySelector("span").textContent = us < nowUs() ? `${shortDay(us)} ${clockSeconds(us)}` : words.live;
    const { left, top, width } = track.element.getBoundingClientRect();
    const frame = bubble.offsetParent.getBoundingClientRect();
    const half = bubble.offsetWidth / 2;
    bubble.style.left = `${Math.max(half, Math.min(width - half, clientX - left)) + left - frame.left}px`;
    bubble.style.top = `${top - frame.top}px`;
  }
}
