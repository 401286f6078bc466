// What was kept of each camera in the last 24 hours: one request for the whole wall, now and then, and never while nobody looks.

const ADDRESS = "/api/buckets?hours=24&slices=96";
const AGAIN_MS = 300_000;
const HIGH = 10; // units of the drawing; one wide is a slice
const LEAST = 3; // one picture must be seen
const USUAL = 0.9; // of the slices that have any: a burst must not make all others look poor

export class Beats {
  #came;
  #askedMs = -Infinity;
  #timer = null;
  #told = new Map();

  /** `came()` is called after each answer. */
  constructor(came) {
    this.#came = came;
  }

  start() {
    document.addEventListener("visibilitychange", () => this.#next());
    this.#next();
  }

  /** `{startUs, sliceUs, frames}` of a camera; null if nothing was ever kept of it. */
  of(id) {
    return this.#told.get(id) ?? null;
  }

  #next() {
    clearTimeout(this.#timer);
    if (document.hidden) return;
    const leftMs = this.#askedMs + AGAIN_MS - performance.now();
    if (leftMs <= 0) this.#ask();
    else this.#timer = setTimeout(() => this.#next(), leftMs);
  }

  async #ask() {
    this.#askedMs = performance.now();
    try {
      const answer = await fetch(ADDRESS, { redirect: "error", priority: "low" });
      if (answer.ok) {
        const { start_us: startUs, slice_us: sliceUs, cameras } = await answer.json();
        this.#told = new Map(Object.entries(cameras).map(([id, frames]) => [id, { startUs, sliceUs, frames }]));
        this.#came();
      }
    } catch {
      // no connection: the top of the page says so, and the bars are those of before
    }
    this.#next();
  }
}

/** The outline of the bars, as an SVG path in a box of one unit a slice and HIGH units; the last slice goes on until `nowUs`. */
export function outline({ startUs, sliceUs, frames }, nowUs) {
  const last = frames.length - 1;
  const passed = Math.min(1, Math.max(0.1, (nowUs - startUs - last * sliceUs) / sliceUs));
  const rates = frames.map((many, at) => (at === last ? many / passed : many));
  const some = rates.filter((rate) => rate > 0).sort((one, other) => one - other);
  const usual = some[Math.floor(USUAL * (some.length - 1))];
  const bar = (rate, at) => `M${at} ${HIGH}v-${Math.max(LEAST, Math.min(HIGH, Math.round((HIGH * rate) / usual)))}h1V${HIGH}z`;
  return rates.map((rate, at) => (rate > 0 ? bar(rate, at) : "")).join("");
}
