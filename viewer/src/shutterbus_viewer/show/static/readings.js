// What the sensors beside a camera measured, each with a line of what came since the viewer started.

import { age, moment } from "./times.js";

const POINTS_KEPT = 600;
const WIDTH = 240;
const HEIGHT = 48;
const number = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });

export class Readings {
  #series = new Map();

  constructor(list, template) {
    this.list = list;
    this.template = template;
  }

  /** Take in all that the server remembers. */
  fill(readings) {
    for (const reading of readings ?? []) {
      const series = this.#known(reading);
      if (reading.recent?.length) series.points = reading.recent.slice(-POINTS_KEPT);
      this.#point(series, reading);
    }
  }

  /** Take in one that just came. */
  add(reading) {
    this.#point(this.#known(reading), reading);
  }

  /** Bring ages and lines up to date. */
  refresh(nowUs) {
    for (const series of this.#series.values()) {
      const [atUs] = series.points.at(-1);
      series.age.textContent = age(atUs, nowUs);
      if (series.drawn === series.points.length + atUs) continue;
      series.drawn = series.points.length + atUs;
      draw(series, nowUs);
    }
  }

  #known({ sensor, name, unit }) {
    const key = `${sensor} ${name}`;
    let series = this.#series.get(key);
    if (!series) {
      const element = this.template.content.firstElementChild.cloneNode(true);
      const part = (selector) => element.querySelector(selector);
      part("h3").textContent = name.replaceAll("_", " ").replace(/^cpu\b/, "CPU");
      part(".sensor").textContent = sensor;
      series = { element, unit, points: [], value: part(".value"), age: part(".age"), line: part(".line"), end: part(".end"), range: part(".range"), svg: part("svg") };
      this.#series.set(key, series);
      this.list.append(element);
    }
    return series;
  }

  #point(series, { at_us: atUs, value, unit }) {
    series.unit = unit ?? series.unit;
    if (series.points.length && series.points.at(-1)[0] >= atUs) return;
    series.points.push([atUs, value]);
    if (series.points.length > POINTS_KEPT) series.points.shift();
  }
}

function draw({ points, unit, value, line, end, range, svg }, nowUs) {
  const values = points.map(([, measured]) => measured);
  const low = Math.min(...values);
  const high = Math.max(...values);
  const [first] = points[0];
  const [last, newest] = points.at(-1);
  const x = (atUs) => (last > first ? ((atUs - first) / (last - first)) * WIDTH : WIDTH);
  // A flat line lies in the middle; a change fills the height.
  const y = (measured) => (high > low ? HEIGHT - 2 - ((measured - low) / (high - low)) * (HEIGHT - 4) : HEIGHT / 2);
  line.setAttribute("d", points.map(([atUs, measured], index) => `${index ? "L" : "M"}${x(atUs).toFixed(1)} ${y(measured).toFixed(1)}`).join(""));
  end.setAttribute("d", `M${WIDTH} ${y(newest).toFixed(1)}h0`);
  value.textContent = `${number.format(newest)} ${unit ?? ""}`.trim();
  range.textContent = points.length > 1 ? `${number.format(low)} to ${number.format(high)} since ${moment(first, nowUs)}` : "one value so far";
  svg.setAttribute("aria-label", range.textContent);
}
