// The cameras beside this one, at the same instant: in the order of the wall that one came from, else by name.

import { byName } from "./order.js";
import { nameOf } from "./roster.js";
import { trail } from "./trail.js";

const $ = (selector) => document.querySelector(selector);

export class Neighbours {
  keys = { "[": () => $("a[rel=prev]").click(), "]": () => $("a[rel=next]").click() };
  #beside = {};

  constructor(id, roster, history) {
    this.id = id;
    this.roster = roster;
    this.history = history;
    history.addEventListener("place", () => this.#show());
  }

  /** Find them anew: the cameras that are known are others now. */
  find() {
    const from = trail();
    const { cameras } = this.roster;
    const known = [...cameras.values()].sort(byName);
    const all = from?.ids.includes(this.id) ? from.ids.map((other) => cameras.get(other)).filter(Boolean) : known;
    $(".brand").href = from?.address ?? "/";
    const here = all.findIndex((camera) => camera.id === this.id);
    this.#beside = here < 0 ? {} : { prev: all[here - 1], next: all[here + 1] };
    this.#show();
  }

  #show() {
    for (const rel of ["prev", "next"]) {
      const link = $(`a[rel=${rel}]`);
      const other = this.#beside[rel];
      if (other) link.href = this.history.address.ofCamera(other.id);
      else link.removeAttribute("href");
      link.setAttribute("aria-disabled", String(!other));
      link.title = other ? nameOf(other) : "";
    }
  }
}
