// A stretch of time drawn from left to right, with a place on it that can be dragged. What is drawn is up to others.

const TAP_PX = 5; // a finger that moved less has not dragged

/**
 * `draw(context, size, colours)` draws it, in CSS pixels; `from` and `to` are its ends in us.
 *
 * Events: `drag` and `hover` with `{us}` as detail (hover: null when the pointer left), `drop` with `{us, tapped}`.
 */
export class Track extends EventTarget {
  from = 0;
  to = 1;
  #drawing = false;
  #pointers = new Map();
  #moved = 0;

  constructor(element, draw) {
    super();
    this.element = element;
    this.canvas = element.querySelector("canvas");
    this.draw = draw;
    new ResizeObserver(() => this.redraw()).observe(element);
    new MutationObserver(() => this.redraw()).observe(document.documentElement, { attributeFilter: ["data-theme"] });
    element.addEventListener("pointerdown", (event) => this.#down(event));
    element.addEventListener("pointermove", (event) => this.#move(event));
    element.addEventListener("pointerup", (event) => this.#up(event));
    element.addEventListener("pointercancel", (event) => this.#up(event));
    element.addEventListener("pointerleave", () => this.#tell("hover", null));
  }

  get width() {
    return this.element.clientWidth || 1;
  }

  get usPerPx() {
    return (this.to - this.from) / this.width;
  }

  x(us) {
    return (us - this.from) / this.usPerPx;
  }

  /** The instant at a place of the window. */
  usAt(clientX) {
    return this.from + (clientX - this.element.getBoundingClientRect().left) * this.usPerPx;
  }

  /** Draw it anew before the next frame is shown. */
  redraw() {
    if (this.#drawing) return;
    this.#drawing = true;
    requestAnimationFrame(() => {
      this.#drawing = false;
      const { canvas, element } = this;
      const { clientWidth: width, clientHeight: height } = element;
      if (!width) return;
      const [across, down] = [width, height].map((length) => Math.round(length * devicePixelRatio));
      if (canvas.width !== across) canvas.width = across;
      if (canvas.height !== down) canvas.height = down;
      const context = canvas.getContext("2d");
      context.setTransform(across / width, 0, 0, down / height, 0, 0);
      context.clearRect(0, 0, width, height);
      this.draw(context, { width, height }, coloursOf(element));
    });
  }

  /** Two fingers nearer to each other or apart, or moved together; see Scrubber. */
  pinch() {}

  #down(event) {
    if (event.pointerType === "mouse" && event.button !== 0) return;
    this.element.setPointerCapture(event.pointerId);
    this.#pointers.set(event.pointerId, event.clientX);
    if (this.#pointers.size === 1) this.#moved = 0;
    this.#tell("hover", null);
  }

  #move(event) {
    const before = this.#pointers.get(event.pointerId);
    if (before === undefined) {
      if (event.pointerType === "mouse") this.#tell("hover", { us: this.usAt(event.clientX), clientX: event.clientX });
      return;
    }
    if (this.#pointers.size > 1) {
      const other = [...this.#pointers].find(([id]) => id !== event.pointerId)[1];
      this.pinch([before, other], [event.clientX, other]);
      this.#moved = Infinity;
    } else {
      this.#moved += Math.abs(event.clientX - before);
      if (this.#moved >= TAP_PX) this.#tell("drag", { us: this.usAt(event.clientX) });
    }
    this.#pointers.set(event.pointerId, event.clientX);
  }

  #up(event) {
    if (!this.#pointers.delete(event.pointerId) || this.#pointers.size || this.#moved === Infinity) return;
    if (event.type === "pointerup") this.#tell("drop", { us: this.usAt(event.clientX), tapped: this.#moved < TAP_PX });
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

function coloursOf(element) {
  const style = getComputedStyle(element);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  return Object.fromEntries(["surface", "raised", "line", "text", "quiet", "density", "late", "behind"].map((name) => [name, colour(name)]));
}
