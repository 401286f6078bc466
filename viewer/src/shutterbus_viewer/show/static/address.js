// Which instant is shown, kept in the address, so that Back, a reload and a link lead to it.

import { instant, readInstant } from "./instant.js";

const SETTLED_MS = 250; // browsers refuse more than a few changes of the address a second

/** Events: `change` when Back or Forward led to another address. */
export class Address extends EventTarget {
  #settling = null;

  constructor() {
    super();
    this.#read();
    addEventListener("popstate", () => {
      clearTimeout(this.#settling);
      this.#read();
      this.dispatchEvent(new Event("change"));
    });
  }

  /** at, with: instants in us, or null; wrong: what is no time in the address, or null. */
  #read() {
    const told = new URLSearchParams(location.search);
    const [at, other] = ["at", "with"].map((name) => (told.has(name) ? readInstant(told.get(name)) : null));
    this.wrong = Number.isNaN(at) ? told.get("at") : null;
    this.at = Number.isNaN(at) ? null : at;
    this.with = this.at === null || Number.isNaN(other) ? null : other;
  }

  /** Show that instant, or with null what is live. `push`: Back leads to what was there before. */
  show({ at, with: other = this.with, push = false }) {
    if (push) this.#write();
    this.wrong = null;
    this.at = at;
    this.with = at === null ? null : other;
    clearTimeout(this.#settling);
    if (push && this.link() !== location.href) history.pushState(null, "", this.link());
    else this.#settling = setTimeout(() => this.#write(), SETTLED_MS);
  }

  /** The address of what is shown. */
  link(at = this.at, other = this.with) {
    return `${location.origin}${location.pathname}${query(at, other)}`;
  }

  /** The address of another camera at the same instant. */
  ofCamera(id) {
    return `/cameras/${id}${query(this.at, null)}`;
  }

  #write() {
    clearTimeout(this.#settling);
    if (this.wrong === null && this.link() !== location.href) history.replaceState(null, "", this.link());
  }
}

function query(at, other) {
  const parts = [at !== null && `at=${instant(at)}`, other !== null && `with=${instant(other)}`].filter(Boolean);
  return parts.length ? `?${parts.join("&")}` : "";
}
