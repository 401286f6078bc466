// Readings of the time that the scrubber shows: a graph for each quantity, as wide as the scrubber, and one cursor for all.

import { nowUs } from "./clock.js";
import { Graph } from "./graph.js";
import { isAbort } from "./past.js";
import { ReadingsTable } from "./readingstable.js";

const REST_MS = 200; // a zoom goes over many stretches of which only the last is worth asking for
const AGAIN_MS = 30_000; // where the present is shown
const POINT_PX = 2;
const MARGIN = 0.25; // of what is shown, more of it to either side, so that a drag shows no edge

export class Graphs {
  #graphs = new Map();
  #control = new AbortController();
  #timer = null;
  #known = null; // what was asked for: {from, to, step}
  #askedMs = 0;

  /** `hover(pointer)` shows the small picture of `{us, clientX}`, or none for null. */
  constructor(section, history, scrubber, hover) {
    this.section = section;
    this.history = history;
    this.scrubber = scrubber;
    this.hover = hover;
    this.table = new ReadingsTable(section.querySelector("details"), history.past.camera);
    scrubber.addEventListener("span", () => this.refresh());
    history.addEventListener("place", () => this.#place());
    new ResizeObserver(() => this.#fit()).observe(section);
    new MutationObserver(() => this.#anew()).observe(document.documentElement, { attributeFilter: ["data-theme"] });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#anew());
  }

  /** Show the stretch that the scrubber shows now; what is not known of it is asked for. */
  refresh() {
    const { from, to } = this.scrubber;
    for (const graph of this.#graphs.values()) graph.look(from, to);
    this.table.look(from, to);
    if (document.hidden || this.#isKnown(from, to)) return;
    this.#timer ??= setTimeout(() => this.#ask(), this.#known ? REST_MS : 0);
  }

  #isKnown(from, to) {
    const known = this.#known;
    if (!known || from < known.from || Math.min(to, nowUs()) > known.to) return false;
    if (known.to - known.from > 3 * (to - from)) return false; // too coarse by now
    return to < known.asOf || performance.now() - this.#askedMs < AGAIN_MS;
  }

  async #ask() {
    this.#timer = null;
    this.#control.abort();
    this.#control = new AbortController();
    const { signal } = this.#control;
    const span = this.scrubber.span;
    const from = Math.round(this.scrubber.from - span * MARGIN);
    const to = Math.round(this.scrubber.to + span * MARGIN);
    const points = Math.max(50, Math.round((this.section.clientWidth * (1 + 2 * MARGIN)) / POINT_PX));
    this.#known = { from, to, asOf: nowUs() };
    this.#askedMs = performance.now();
    try {
      const series = await this.history.past.readings(from, to, points, signal);
      if (signal.aborted) return;
      await this.#show(series, (to - from) / points);
    } catch (error) {
      if (!isAbort(error)) this.#known = null; // asked again when something moves; the picture says what is wrong
    }
  }

  async #show(all, step) {
    const keys = all.map(({ sensor, name }) => `${sensor} ${name}`);
    for (const [key, graph] of this.#graphs) {
      if (!keys.includes(key)) this.#remove(key, graph);
    }
    for (const [index, series] of all.entries()) {
      let graph = this.#graphs.get(keys[index]);
      if (!graph) {
        graph = await Graph.of(series, { point: (us, clientX) => this.#point(us, clientX), chosen: (us) => this.history.go(us, { push: true }) });
        this.#graphs.set(keys[index], graph);
        this.section.querySelector("ul").append(graph.element);
      }
      graph.fill(series, step);
      graph.look(this.scrubber.from, this.scrubber.to);
    }
    this.section.hidden = !this.#graphs.size;
    this.table.fill(all);
    this.#fit();
    this.#place();
  }

  #remove(key, graph) {
    graph.remove();
    this.#graphs.delete(key);
  }

  #point(us, clientX) {
    for (const graph of this.#graphs.values()) graph.say(us);
    this.hover(us === null ? null : { us, clientX });
  }

  #place() {
    const us = this.history.shownUs;
    for (const graph of this.#graphs.values()) graph.place(us);
  }

  #fit() {
    for (const graph of this.#graphs.values()) graph.fit();
  }

  /** Other colours: draw all anew. */
  #anew() {
    for (const graph of this.#graphs.values()) graph.paint();
  }
}
