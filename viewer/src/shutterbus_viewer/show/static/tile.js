// One camera on the wall.

import { BeatBar } from "./beat.js";
import { Painter } from "./picture.js";
import { nameOf } from "./roster.js";
import { exact, second, span } from "./times.js";
import { ageWords } from "./verdict.js";

const STEP_PX = 64; // the server scales to multiples of this, so that browsers of nearly one size share its work
const BEHIND_AT_LEAST_S = 60;
const WIDEST_PX = 8192; // it refuses more

/** The size of a picture that is as large as fits into a box. */
export function fitted(box, picture) {
  const aspect = picture?.width && picture.height ? picture.width / picture.height : box.width / box.height;
  const width = Math.min(box.width, box.height * aspect);
  return { width, height: width / aspect };
}

/** The width to ask for, in device pixels, for a picture that is `width` CSS pixels wide on the screen. */
export function widthFor(width) {
  return Math.max(STEP_PX, Math.min(WIDEST_PX, Math.ceil((width * devicePixelRatio) / STEP_PX) * STEP_PX));
}

export class Tile {
  #told = null; // what its bar shows
  #bar = null;

  /** `templates` are those of a tile and of its bar; `done` is told of each picture given to `show`; see Painter. */
  constructor(camera, templates, done) {
    this.camera = camera;
    this.templates = templates;
    this.aspect = null; // of the first picture known: what comes later in another shape moves nothing
    this.box = null; // its room for a picture, CSS pixels
    this.element = templates.tile.content.firstElementChild.cloneNode(true);
    this.link = this.element.querySelector("a");
    this.canvas = this.element.querySelector("canvas");
    this.wrong = this.element.querySelector(".wrong");
    this.age = this.element.querySelector(".age");
    this.near = false;
    this.drawn = null; // facts of the picture on the canvas
    this.broken = false;
    this.painter = new Painter(this.canvas, (facts, drawn) => {
      this.#after(facts, drawn);
      done(facts, drawn);
    });

    this.name = this.element.querySelector(".name");
    this.name.title = camera.id;
    this.link.href = `/cameras/${camera.id}`;
    this.element.dataset.camera = camera.id;
  }

  show(picture) {
    this.painter.show(picture);
  }

  /** Give the picture this room. */
  resize(box) {
    if (this.box?.width === box.width && this.box.height === box.height) return;
    this.box = box;
    this.element.style.setProperty("--width", `${box.width}px`);
    this.element.style.setProperty("--height", `${box.height}px`);
  }

  /** Show what was kept of the camera in the last hours; null: nothing ever was. */
  beat(told, nowUs) {
    if (told === this.#told || !(told || this.#bar)) return;
    this.#told = told;
    if (!told) return this.#bar.element.remove();
    this.#bar ??= new BeatBar(this.camera.id, this.templates.bar);
    this.#bar.show(nameOf(this.camera), told, nowUs);
    this.element.append(this.#bar.element);
  }

  /** Forget the picture, so that a long wall does not fill the memory. */
  release() {
    this.painter.clear();
    this.drawn = null;
    delete this.canvas.dataset.frame;
  }

  /** Bring words and colours up to date. Cheap when nothing changed. */
  refresh(nowUs) {
    const { verdict, picture, state } = this.camera;
    if (picture?.width && picture.height) this.aspect ??= picture.width / picture.height;
    const shown = this.drawn ?? picture;
    const old = shown ? ageWords(shown, nowUs) : "";
    const name = nameOf(this.camera);
    set(this.name, "textContent", name);
    set(this.element.dataset, "state", verdict.kind);
    set(this.age, "textContent", old);
    const at = shown?.captured_at_us == null ? "" : second(shown.captured_at_us, nowUs);
    set(this.age.dataset, "at", at);
    set(this.wrong, "textContent", this.#whatIsWrong(verdict, state));
    // Out of sight nothing is counted on, and an age that stands still would be wrong.
    const aged = this.near ? `, ${spoken(old)}` : "";
    const taken = at ? `, captured ${at}${aged}` : "";
    const label = `${name}, ${verdict.words}${taken}`;
    if (this.canvas.ariaLabel !== label) this.canvas.setAttribute("aria-label", label);
  }

  #whatIsWrong(verdict, state) {
    if (verdict.kind !== "live" && verdict.kind !== "late") return verdict.words;
    const problems = state.problems ?? [];
    set(this.wrong, "title", problems.join("\n"));
    const wrong = [
      verdict.kind === "late" && "late",
      verdict.aheadUs && `clock ${span(verdict.aheadUs)} ahead`,
      this.broken && "cannot be drawn",
      problems.length && (problems.length > 1 ? `${problems.length} problems` : "1 problem"),
      dropped(state) && `${dropped(state)} dropped`,
    ].filter(Boolean);
    this.wrong.classList.toggle("quietly", wrong.length === 0); // held back is late, and not lost
    if (behind(state)) wrong.push(`${behind(state)} behind`);
    return wrong.join(" · ");
  }

  #after(facts, drawn) {
    if (drawn === null) return;
    this.broken = !drawn;
    if (!drawn) return;
    this.drawn = facts;
    this.canvas.dataset.frame = facts.id;
    const { captured_at_us: capturedUs, now_us: nowUs } = facts;
    this.canvas.title = capturedUs == null ? "age unknown" : `captured ${exact(capturedUs, nowUs)}`;
  }
}

/** Pictures that the server will never get, of those it heard of within a day. */
function dropped({ counters }) {
  return counters?.dropped_within_a_day ?? 0;
}

/** Pictures that wait to be sent; those of a moment ago are only on their way. */
function behind({ held }) {
  return held?.frames && (held.oldest_age_s ?? Infinity) >= BEHIND_AT_LEAST_S ? held.frames : 0;
}

function spoken(old) {
  return /ago|now|:/.test(old) ? old : `${old} ago`;
}

function set(target, name, value) {
  if (target[name] !== value) target[name] = value;
}
