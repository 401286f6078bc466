// How two pictures that lie on each other are seen: cut at a divider, in turn, or as their difference.

const BLINK_MS = 800;
const THUMB_REM = 2.75; // as in the stylesheet: the middle of the divider's thumb stays within the stage

const $ = (selector) => document.querySelector(selector);

export class Overlay {
  #blinking = null;

  /** `canvas` lies on the stage's picture; `keepsLeft()` is whether it is seen left of the divider. */
  constructor(stage, canvas, keepsLeft) {
    this.stage = stage;
    this.canvas = canvas;
    this.keepsLeft = keepsLeft;
    $("#divider").addEventListener("input", () => this.cut());
    stage.element.addEventListener("scroll", () => this.cut());
    new ResizeObserver(() => this.cut()).observe(stage.canvas);
    for (const button of document.querySelectorAll("[data-compare]")) {
      button.addEventListener("click", () => this.show(button.dataset.compare));
    }
  }

  /** `slide`, `blink`, `difference`, or empty where nothing is compared. */
  get mode() {
    return this.stage.element.dataset.comparing ?? "";
  }

  /** See them that way. Who wants no motion changes between them by asking for `blink` again. */
  show(mode) {
    const turns = mode === "blink" && this.mode === mode && !this.canvas.classList.contains("away");
    this.end();
    this.stage.element.dataset.comparing = mode;
    if (turns) this.canvas.classList.add("away");
    if (mode === "blink" && !matchMedia("(prefers-reduced-motion: reduce)").matches) {
      this.#blinking = setInterval(() => this.canvas.classList.toggle("away"), BLINK_MS);
    }
    for (const button of document.querySelectorAll("[data-compare]")) {
      button.setAttribute("aria-pressed", String(button.dataset.compare === mode));
    }
    $("#divider").hidden = mode !== "slide";
    this.cut();
  }

  end() {
    clearInterval(this.#blinking);
    this.canvas.classList.remove("away");
    delete this.stage.element.dataset.comparing;
    $("#divider").hidden = true;
  }

  /** Cut the upper picture off where the divider stands in the window, however near both are and whatever is seen of them. */
  cut() {
    const { canvas, stage } = this;
    canvas.style.clipPath = "";
    if (this.mode !== "slide") return;
    const thumb = THUMB_REM * parseFloat(getComputedStyle(document.documentElement).fontSize);
    const place = stage.element.getBoundingClientRect();
    const picture = canvas.getBoundingClientRect();
    const x = place.left + thumb / 2 + ($("#divider").value / 100) * (place.width - thumb);
    canvas.style.clipPath = this.keepsLeft() ? `inset(0 ${picture.right - x}px 0 0)` : `inset(0 0 0 ${x - picture.left}px)`;
  }
}
