// What the visitor wants to see of the wall. It lives in the address, so that reload, Back, a bookmark and the start
// page of a wall monitor keep it; order and size are also remembered for addresses that do not say.

import { remember, remembered } from "./remembered.js";

const KINDS = ["live", "late", "silent", "unknown", "waiting"];
const FIELDS = { q: "", order: "name", size: "medium" };

export class Choices {
  #fields = {};
  #changed;

  /** `fields` are the elements of `q`, `order` and `size`; `changed()` is called after each choice. */
  constructor(fields, changed) {
    this.#fields = fields;
    this.#changed = changed;
    const asked = new URLSearchParams(location.search);
    this.kind = KINDS.find((kind) => kind === asked.get("show")) ?? "";
    fields.q.value = asked.get("q") ?? "";
    for (const name of ["order", "size"]) {
      const options = [...fields[name].options].map((option) => option.value);
      const wanted = [asked.get(name), remembered(name, ""), FIELDS[name]];
      fields[name].value = wanted.find((value) => options.includes(value));
      fields[name].addEventListener("change", () => {
        remember(name, fields[name].value);
        this.#choose();
      });
    }
    fields.q.addEventListener("input", () => this.#choose());
  }

  get text() {
    return this.#fields.q.value;
  }

  get order() {
    return this.#fields.order.value;
  }

  get size() {
    return this.#fields.size.value;
  }

  /** Show only cameras of a kind; all with an empty one. */
  show(kind) {
    this.kind = kind;
    this.#choose();
  }

  /** Show every camera. */
  clear() {
    this.#fields.q.value = "";
    this.show("");
  }

  #choose() {
    const address = new URLSearchParams(this.kind ? { show: this.kind } : {});
    for (const [name, usual] of Object.entries(FIELDS)) {
      const { value } = this.#fields[name];
      if (value !== usual) address.set(name, value);
    }
    history.replaceState(history.state, "", address.size ? `?${address}` : location.pathname);
    this.#changed();
  }
}
