// The readings that the graphs show, as a table and as a file.

import { nowUs } from "./clock.js";
import { titleOf } from "./graph.js";
import { instant } from "./instant.js";
import { numberForm } from "./scale.js";
import { second } from "./times.js";

const ROWS_MAX = 300;
const REST_MS = 200;

export class ReadingsTable {
  #series = [];
  #from = 0;
  #to = 0;
  #resting = null;

  /** `details` holds the table, and a link to the file. */
  constructor(details, camera) {
    this.details = details;
    this.camera = camera;
    details.addEventListener("toggle", () => this.#draw());
    details.querySelector("a").addEventListener("click", () => this.#link());
  }

  fill(series) {
    this.#series = series;
    this.#draw();
  }

  /** Have only what lies between these instants. */
  look(from, to) {
    if (from === this.#from && to === this.#to) return;
    this.#from = from;
    this.#to = to;
    this.#resting ??= setTimeout(() => {
      this.#resting = null;
      this.#draw();
    }, REST_MS);
  }

  /** Every instant that has a value, and of each quantity what it has then. */
  #rows() {
    const rows = new Map();
    this.#series.forEach(({ at_us: all }, column) => {
      all.forEach((us, index) => {
        if (us < this.#from || us >= this.#to) return;
        if (!rows.has(us)) rows.set(us, []);
        rows.get(us)[column] = index;
      });
    });
    return [...rows].sort(([one], [other]) => one - other);
  }

  #draw() {
    if (!this.details.open) return;
    const rows = this.#rows();
    const forms = this.#series.map(({ unit, max }) => numberForm(unit, Math.max(...max.map(Math.abs), 0)));
    const head = row("th", ["Time", ...this.#series.map((series) => `${titleOf(series)}${series.unit && `, ${series.unit}`}`)]);
    const body = rows.slice(-ROWS_MAX).reverse().map(([us, indices]) => row("td", [second(us, nowUs()), ...this.#series.map((series, column) => told(series, indices[column], forms[column]))]));
    this.details.querySelector("thead").replaceChildren(head);
    this.details.querySelector("tbody").replaceChildren(...body);
    const more = rows.length - ROWS_MAX;
    this.details.querySelector("p span").textContent = more > 0 ? `The last ${ROWS_MAX} of ${rows.length} rows; the file has all.` : "";
  }

  #link() {
    const quoted = (text) => `"${String(text).replaceAll('"', '""')}"`;
    const names = this.#series.flatMap(({ sensor, name, unit }) => ["min", "mean", "max"].map((kind) => quoted(`${sensor} ${name} ${kind}${unit && ` (${unit})`}`)));
    const lines = this.#rows().map(([us, indices]) =>
      [instant(us), ...this.#series.flatMap(({ min, mean, max }, column) => [min, mean, max].map((values) => values[indices[column]] ?? ""))].join(","),
    );
    const link = this.details.querySelector("a");
    URL.revokeObjectURL(link.href);
    link.href = URL.createObjectURL(new Blob([`time,${names.join(",")}\r\n${lines.map((line) => `${line}\r\n`).join("")}`], { type: "text/csv" }));
    link.download = `${this.camera}-readings.csv`;
  }
}

function told({ min, mean, max }, index, form) {
  if (index === undefined) return "";
  const spread = min[index] === max[index] ? "" : ` (${form.format(min[index])} to ${form.format(max[index])})`;
  return `${form.format(mean[index])}${spread}`;
}

function row(kind, texts) {
  const line = document.createElement("tr");
  for (const text of texts) {
    const cell = document.createElement(kind);
    cell.textContent = text;
    line.append(cell);
  }
  return line;
}
