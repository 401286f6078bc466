// The place of the one picture: fitted into the window, or pixel for pixel and dragged about.

import { fittingWidth } from "./tile.js";

export class Stage {
  real = false;

  /** `ask(width)` is called when another width is needed; see Live.watch. */
  constructor(element, canvas, ask) {
    this.element = element;
    this.canvas = canvas;
    this.ask = ask;
    this.picture = null;
    new ResizeObserver(() => this.fit()).observe(element);
    canvas.addEventListener("dblclick", () => this.toggle());
    element.addEventListener("pointerdown", (event) => this.#drag(event));
  }

  /** Give the stage the picture's proportions, so that nothing below it moves when the picture comes. */
  shape(picture) {
    if (!picture?.width || !picture.height) return;
    if (picture.width === this.picture?.width && picture.height === this.picture.height) return;
    this.picture = picture;
    this.element.style.setProperty("--aspect", picture.width / picture.height);
    this.fit();
  }

  /** Change between the whole picture and its real pixels. */
  toggle() {
    this.real = !this.real;
    this.element.classList.toggle("real", this.real);
    document.querySelector("#real").setAttribute("aria-pressed", String(this.real));
    this.fit();
    if (!this.real) return;
    this.element.focus({ preventScroll: true });
    this.element.scrollTo((this.element.scrollWidth - this.element.clientWidth) / 2, (this.element.scrollHeight - this.element.clientHeight) / 2);
  }

  /** Size the picture, and ask for what that needs. */
  fit() {
    const { canvas, element, picture } = this;
    if (this.real && picture) {
      // One pixel of the picture on one pixel of the screen, also where a CSS pixel is several.
      canvas.style.width = `${picture.width / devicePixelRatio}px`;
      canvas.style.height = `${picture.height / devicePixelRatio}px`;
    } else {
      canvas.style.removeProperty("width");
      canvas.style.removeProperty("height");
    }
    const box = element.getBoundingClientRect();
    if (box.width) this.ask(this.real ? 0 : fittingWidth(box, picture));
  }

  #drag(start) {
    if (!this.real || start.pointerType !== "mouse" || start.button !== 0) return;
    const { element } = this;
    const from = { x: element.scrollLeft + start.clientX, y: element.scrollTop + start.clientY };
    const move = (event) => element.scrollTo(from.x - event.clientX, from.y - event.clientY);
    element.setPointerCapture(start.pointerId);
    element.addEventListener("pointermove", move);
    element.addEventListener("pointerup", () => element.removeEventListener("pointermove", move), { once: true });
  }
}
