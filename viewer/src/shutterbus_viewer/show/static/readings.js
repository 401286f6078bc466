// What the sensors beside a camera measured, each with a line of what came since the viewer started.

import { numberForm, scaleOf } from "./scale.js";
import { age, moment, second } from "./times.js";

const POINTS_KEPT = 600;
const WIDTH = 240;
const HEIGHT = 48;

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
      series.parts.age.textContent = age(atUs, nowUs);
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
      const names = ["value", "age", "line", "end", "range", "high", "low"];
      const parts = Object.fromEntries(names.map((of) => [of, part(`.${of}`)]));
      series = { unit, points: [], parts: { ...parts, svg: part("svg") }, pointed: false };
      followPointer(part(".graph"), series);
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

/** While the pointer or a finger is on the line, the text below it says what was measured there. */
function followPointer(graph, series) {
  graph.addEventListener("pointermove", ({ clientX }) => {
    const { left, width } = graph.getBoundingClientRect();
    series.pointed = true;
    series.parts.range.textContent = series.say(pointAt(series.points, (clientX - left) / width));
  });
  graph.addEventListener("pointerleave", () => {
    series.pointed = false;
    series.parts.range.textContent = series.summary;
  });
}

function draw(series, nowUs) {
  const { points, unit, parts } = series;
  const values = points.map(([, measured]) => measured);
  const scale = scaleOf(values, unit);
  const [first] = points[0];
  const [last, newest] = points.at(-1);
  const written = numberForm(unit, Math.max(...values.map(Math.abs)));
  const x = (atUs) => (last > first ? ((atUs - first) / (last - first)) * WIDTH : WIDTH);
  const y = (measured) => HEIGHT - 2 - ((measured - scale.low) / (scale.high - scale.low)) * (HEIGHT - 4);
  parts.line.setAttribute("d", points.map(([atUs, measured], index) => `${index ? "L" : "M"}${x(atUs).toFixed(1)} ${y(measured).toFixed(1)}`).join(""));
  parts.end.setAttribute("d", `M${WIDTH} ${y(newest).toFixed(1)}h0`);
  parts.high.textContent = written.format(scale.high);
  parts.low.textContent = written.format(scale.low);
  const withUnit = (measured) => `${written.format(measured)} ${unit ?? ""}`.trim();
  parts.value.textContent = withUnit(newest);
  const [lowest, highest] = [Math.min(...values), Math.max(...values)].map((measured) => written.format(measured));
  series.summary = points.length > 1 ? `${lowest} to ${highest} since ${moment(first, nowUs)}` : "one value so far";
  parts.svg.setAttribute("aria-label", series.summary);
  series.say = ([atUs, measured]) => `${withUnit(measured)} at ${second(atUs, nowUs)}`;
  if (!series.pointed) parts.range.textContent = series.summary;
}

/** The point that is nearest in time to where the pointer is on the line. */
function pointAt(points, share) {
  const atUs = points[0][0] + share * (points.at(-1)[0] - points[0][0]);
  return points.reduce((best, point) => (Math.abs(point[0] - atUs) < Math.abs(best[0] - atUs) ? point : best));
}
