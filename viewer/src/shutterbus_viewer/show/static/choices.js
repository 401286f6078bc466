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
    this.group = asked.get("group") ?? "";
    this.kiosk = asked.get("kiosk") === "1";
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

  /** Show only cameras of a group; all with an empty one. */
  pick(group) {
    this.group = group;
    this.#choose();
  }

  /** Show every camera, of the group. */
  clear() {
    this.#fields.q.value = "";
    this.show("");
  }

  /** The address of what is chosen; with `kiosk`, or as it is. */
  address(kiosk = this.kiosk) {
    const address = new URLSearchParams();
    if (this.kind) address.set("show", this.kind);
    if (this.group) address.set("group", this.group);
    if (kiosk) address.set("kiosk", "1");
    for (const [name, usual] of Object.entries(FIELDS)) {
      const { value } = this.#fields[name];
      if (value !== usual) address.set(name, value);
    }
    return address.size ? `/?${address}` : "/";
  }

  #choose() {
    history.replaceState(history.state, "", this.address());
    this.#changed();
  }
}
