// The place of the one picture: the whole of it fitted in, or nearer, moved about with pointer, fingers or arrow keys.

import { fitted, widthFor } from "./tile.js";

const NEAREST = 2; // pixels of the screen for one of the picture, each way; a small picture may be 4 times its fitted size
const CLOSER = 2; // a double tap comes at least this much nearer, where real pixels are no larger than that
const SETTLED_MS = 150; // a zoom goes through many widths, of which only the last is worth asking for

export class Stage {
  zoom = 1; // 1: the whole picture
  #pointers = new Map();
  #asking = null;
  #wheeledMs = -Infinity;

  /** `canvas` is what is sized, with all that lies on it; `ask(width)` is called when another width is needed; see Live.watch. */
  constructor(element, canvas, ask) {
    this.element = element;
    this.canvas = canvas;
    this.ask = ask;
    this.picture = null;
    new ResizeObserver(() => this.fit()).observe(element);
    element.addEventListener("dblclick", (event) => this.toggle(event, CLOSER));
    element.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    element.addEventListener("touchstart", (event) => event.touches.length > 1 && event.preventDefault(), { passive: false });
    element.addEventListener("pointerdown", (event) => this.#down(event));
    element.addEventListener("pointermove", (event) => this.#move(event));
    for (const type of ["pointerup", "pointercancel"]) {
      element.addEventListener(type, ({ pointerId }) => this.#pointers.delete(pointerId));
    }
  }

  get zoomed() {
    return this.zoom > 1;
  }

  /** The zoom at which a pixel of the picture is one of the screen, also where a CSS pixel is several. */
  get #real() {
    return this.picture ? this.picture.width / devicePixelRatio / fitted(this.#box, this.picture).width : 1;
  }

  get #box() {
    return { width: this.element.clientWidth, height: this.element.clientHeight };
  }

  /** Give the stage the picture's proportions, so that nothing below it moves when the picture comes. */
  shape(picture) {
    if (!picture?.width || !picture.height) return;
    if (picture.width === this.picture?.width && picture.height === this.picture.height) return;
    this.picture = picture;
    this.element.style.setProperty("--aspect", picture.width / picture.height);
    this.fit();
  }

  /** Change between the whole picture and its real pixels, or `atLeast` times nearer, around a point of the window. */
  toggle(point = middle(this.element), atLeast = 0) {
    this.zoomTo(this.zoomed ? 1 : Math.max(this.#real, atLeast), point);
    if (this.zoomed) this.element.focus({ preventScroll: true });
  }

  /** Show the picture `zoom` times as large as fits; what is at `point` of the window stays there. */
  zoomTo(zoom, point) {
    const before = this.canvas.getBoundingClientRect();
    const across = (point.clientX - before.left) / before.width;
    const down = (point.clientY - before.top) / before.height;
    // A small picture may be enlarged, and one smaller than its place has its real pixels below 1.
    this.zoom = Math.max(Math.min(1, this.#real), Math.min(zoom, Math.max(4, NEAREST * this.#real)));
    if (Math.abs(this.zoom - 1) < 0.01) this.zoom = 1;
    this.fit();
    const after = this.canvas.getBoundingClientRect();
    this.element.scrollBy(after.left + across * after.width - point.clientX, after.top + down * after.height - point.clientY);
  }

  /** Size the picture, and ask for what that needs. */
  fit() {
    const { canvas, element, picture, zoom } = this;
    const whole = zoom === 1;
    element.classList.toggle("zoomed", !whole);
    element.classList.toggle("pixels", !whole && zoom >= this.#real * 0.99);
    document.querySelector("#real").setAttribute("aria-pressed", String(!whole));
    if (!element.clientWidth) return;
    const size = picture ? fitted(this.#box, picture) : this.#box;
    canvas.style.width = whole ? "" : `${size.width * zoom}px`;
    canvas.style.height = whole ? "" : `${size.height * zoom}px`;
    const width = picture && size.width * zoom * devicePixelRatio >= picture.width - 1 ? 0 : widthFor(size.width * zoom);
    clearTimeout(this.#asking);
    if (whole) this.ask(width);
    else this.#asking = setTimeout(() => this.ask(width), SETTLED_MS);
  }

  /** Away from the whole picture the wheel zooms; there, downwards still scrolls the page, and so does what began as scrolling. */
  #wheel(event) {
    const goesOn = event.timeStamp - this.#wheeledMs < 300;
    this.#wheeledMs = event.timeStamp;
    const scrolls = event.deltaY > 0 || scrollY > 0 || goesOn;
    if (!event.ctrlKey && !this.zoomed && scrolls) return;
    event.preventDefault();
    this.#wheeledMs = -Infinity;
    const pixels = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 33 * event.deltaY : event.deltaY;
    this.zoomTo(Math.max(1, this.zoom * Math.exp(-pixels * (event.ctrlKey ? 0.01 : 0.002))), event);
  }

  #down(event) {
    if (event.pointerType === "mouse" && (event.button !== 0 || !this.zoomed)) return;
    this.#pointers.set(event.pointerId, event);
    if (this.zoomed || this.#pointers.size > 1) this.element.setPointerCapture(event.pointerId);
  }

  /** One pointer moves the picture, two bring it nearer. */
  #move(event) {
    const last = this.#pointers.get(event.pointerId);
    if (!last) return;
    const [first, second] = this.#pointers.values();
    this.#pointers.set(event.pointerId, event);
    if (!second) {
      this.element.scrollBy(last.clientX - event.clientX, last.clientY - event.clientY);
      return;
    }
    const other = last === first ? second : first;
    const nearer = distance(event, other) / distance(last, other);
    if (Number.isFinite(nearer)) this.zoomTo(Math.max(1, this.zoom * nearer), between(event, other));
  }
}

function middle(element) {
  const { left, top, width, height } = element.getBoundingClientRect();
  return { clientX: left + width / 2, clientY: top + height / 2 };
}

function distance(one, other) {
  return Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
}

function between(one, other) {
  return { clientX: (one.clientX + other.clientX) / 2, clientY: (one.clientY + other.clientY) / 2 };
}
