// One quantity over time: its mean as a line, and from its least to its greatest value as a band. A hole stays a hole.

import { nowUs } from "./clock.js";
import { numberForm, scaleOf } from "./scale.js";
import { second } from "./times.js";

const HEIGHT_PX = 72;
const HOLE = 2.5; // of the usual distance of two points: farther apart they are not joined

/** What people call a quantity: `relative humidity (outside)`. */
export function titleOf({ sensor, name }) {
  return `${name.replaceAll("_", " ")} (${sensor})`;
}

export class Graph {
  #data = { us: [], min: [], mean: [], max: [] };
  #from = 0;
  #to = 1;
  #at = null;
  #plot = null;

  /** `point(us, clientX)` is called as the pointer moves over it, with null as it leaves; `chosen(us)` when a point is clicked. */
  static async of(series, { point, chosen }) {
    const { default: uPlot } = await import("./uplot.js");
    return new Graph(uPlot, series, point, chosen);
  }

  constructor(uPlot, series, point, chosen) {
    this.uPlot = uPlot;
    this.element = document.querySelector("#graph").content.firstElementChild.cloneNode(true);
    const part = (selector) => this.element.querySelector(selector);
    this.parts = { chart: part(".chart"), value: part(".value"), high: part(".high"), low: part(".low") };
    part("h3").textContent = titleOf(series);
    this.parts.chart.addEventListener("pointermove", ({ clientX }) => point(this.#usAt(clientX), clientX));
    this.parts.chart.addEventListener("pointerleave", () => point(null));
    this.parts.chart.addEventListener("click", ({ clientX }) => chosen(this.#nearest(this.#usAt(clientX))?.us ?? this.#usAt(clientX)));
  }

  /** Take what is known; `step` is how far apart two points are where there are more readings than points. */
  fill({ at_us: us, min, mean, max, unit }, step) {
    this.unit = unit;
    this.#data = { us, min, mean, max };
    const apart = us.slice(1).map((atUs, index) => atUs - us[index]).sort((one, other) => one - other);
    const usual = Math.max(step, apart[Math.floor(apart.length / 2)] ?? 0);
    const columns = [[], [], [], []];
    us.forEach((atUs, index) => {
      if (index && atUs - us[index - 1] > HOLE * usual) push(columns, (us[index - 1] + atUs) / 2, null, null, null);
      push(columns, atUs, min[index], mean[index], max[index]);
    });
    this.columns = columns;
    this.form = numberForm(unit, Math.max(...max.map(Math.abs), ...min.map(Math.abs), 0));
    this.#draw();
  }

  /** Show that stretch. */
  look(from, to) {
    this.#from = from;
    this.#to = to;
    if (!this.#plot) return;
    this.#rescale();
    this.#plot.setScale("x", { min: from / 1e6, max: to / 1e6 });
  }

  /** Mark the instant whose picture is shown; null: none. */
  place(us) {
    this.#at = us;
    this.#plot?.redraw(false);
    this.say(null);
  }

  /** Say the value at an instant; null: that of the picture that is shown, or the newest. */
  say(us) {
    const told = this.#nearest(us ?? this.#at ?? Infinity);
    if (this.#plot) this.#plot.setCursor(us === null ? { left: -10, top: -10 } : { left: this.#plot.valToPos(us / 1e6, "x"), top: 1 }, false);
    this.parts.value.textContent = told ? this.#words(told) : "";
  }

  fit() {
    const width = this.parts.chart.clientWidth;
    if (width && this.#plot && this.#plot.width !== width) this.#plot.setSize({ width, height: HEIGHT_PX });
  }

  /** Draw it anew, in the colours of now. */
  paint() {
    this.#plot?.destroy();
    this.#plot = null;
    this.#draw();
  }

  remove() {
    this.#plot?.destroy();
    this.element.remove();
  }

  #words({ us, min, mean, max }) {
    const write = (value) => this.form.format(value);
    const spread = min === max ? "" : ` (${write(min)} to ${write(max)})`;
    return `${write(mean)} ${this.unit}${spread} · ${second(us, nowUs())}`;
  }

  #usAt(clientX) {
    const { left, width } = this.parts.chart.getBoundingClientRect();
    return this.#from + ((clientX - left) / width) * (this.#to - this.#from);
  }

  /** The point that is nearest to an instant. */
  #nearest(wanted) {
    const { us, min, mean, max } = this.#data;
    if (!us.length) return null;
    let low = 0;
    let high = us.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (us[middle] < wanted) low = middle + 1;
      else high = middle;
    }
    const index = low && wanted - us[low - 1] < us[low] - wanted ? low - 1 : low;
    return { us: us[index], min: min[index], mean: mean[index], max: max[index] };
  }

  /** The values that are shown decide the scale. */
  #rescale() {
    const { us, min, max } = this.#data;
    const shown = us.flatMap((atUs, index) => (atUs >= this.#from && atUs < this.#to ? [min[index], max[index]] : []));
    const scale = scaleOf(shown.length ? shown : [0], this.unit);
    this.parts.high.textContent = shown.length ? this.form.format(scale.high) : "";
    this.parts.low.textContent = shown.length ? this.form.format(scale.low) : "";
    this.element.classList.toggle("nothing", !shown.length);
    this.scale = scale;
  }

  #draw() {
    this.#rescale();
    if (this.#plot) {
      this.#plot.setData(this.columns, false);
      this.#plot.setScale("x", { min: this.#from / 1e6, max: this.#to / 1e6 });
      return;
    }
    const colour = (name) => getComputedStyle(this.element).getPropertyValue(`--${name}`).trim();
    const none = { stroke: "transparent", width: 0, points: { show: false } };
    this.#plot = new this.uPlot(
      {
        width: this.parts.chart.clientWidth || 300,
        height: HEIGHT_PX,
        padding: [4, 0, 4, 0],
        legend: { show: false },
        axes: [{ show: false }, { show: false }],
        scales: { x: { auto: false }, y: { range: () => [this.scale.low, this.scale.high] } },
        cursor: { x: true, y: false, drag: { x: false, y: false }, bind: { mousemove: () => null, mouseleave: () => null } },
        bands: [{ series: [3, 1], fill: colour("band") }],
        series: [{}, none, { stroke: colour("density"), width: 1.5, points: { show: false } }, none],
        hooks: { draw: [(plot) => this.#needle(plot, colour("text"))] },
      },
      this.columns,
      this.parts.chart,
    );
    this.#plot.setScale("x", { min: this.#from / 1e6, max: this.#to / 1e6 });
  }

  #needle(plot, colour) {
    if (this.#at === null || this.#at < this.#from || this.#at > this.#to) return;
    const { ctx, bbox } = plot;
    const x = Math.round(plot.valToPos(this.#at / 1e6, "x", true));
    ctx.fillStyle = colour;
    ctx.fillRect(x, bbox.top, devicePixelRatio, bbox.height);
  }
}

function push([seconds, min, mean, max], us, low, middle, high) {
  seconds.push(us / 1e6);
  min.push(low);
  mean.push(middle);
  max.push(high);
}
