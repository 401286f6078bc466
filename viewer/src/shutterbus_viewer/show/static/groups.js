// Groups of cameras: which there are, and which of them the wall shows.

const AGAIN_MS = 300_000;
const FAILED_MS = 5000;

export class Groups {
  #asked = 0;
  #timer = null;
  #groups = [];
  #members = new Map(); // of each group a test for names of cameras
  #shown = "";

  /** `parts` are the chooser and the button beside it; `changed()` is called when groups or what belongs to them changed. */
  constructor(choices, parts, changed) {
    this.choices = choices;
    this.chooser = parts.chooser;
    this.button = parts.button;
    this.changed = changed;
    this.known = false; // whether the server has said which there are
    this.mayEdit = false;
    this.chooser.addEventListener("change", () => choices.pick(this.chooser.value));
    this.button.addEventListener("click", () => this.#edit());
  }

  /** Ask the server, now and every few minutes. */
  async load() {
    clearTimeout(this.#timer);
    const turn = ++this.#asked;
    const answer = document.hidden && this.known ? null : await fetch("/api/groups", { redirect: "error" }).catch(() => null);
    const told = answer?.ok ? await answer.json().catch(() => null) : null;
    if (turn !== this.#asked) return;
    this.#timer = setTimeout(() => this.load(), told || this.known ? AGAIN_MS : FAILED_MS);
    if (!told) return;
    this.known = true;
    this.mayEdit = told.may_edit;
    this.#groups = told.groups;
    this.#members = new Map(told.groups.map(({ name, members }) => [name, matcher(members)]));
    this.changed();
  }

  /** The chosen group, `{name, members, fixed}`; null if none is, or there is none of that name. */
  get chosen() {
    return this.#groups.find(({ name }) => name === this.choices.group) ?? null;
  }

  /** Whether the camera `id` belongs to the chosen group; without one every camera does. */
  has(id) {
    return !this.choices.group || (this.#members.get(this.choices.group)?.(id) ?? false);
  }

  /** Offer the groups that have any of the cameras `ids`. */
  offer(ids) {
    const names = this.#groups.map(({ name }) => name).filter((name) => ids.some(this.#members.get(name)));
    const { group } = this.choices;
    if (group && !names.includes(group)) names.push(group);
    const shown = JSON.stringify([group, names]);
    this.chooser.closest("label").hidden = names.length === 0;
    this.button.hidden = !this.mayEdit;
    const label = this.chosen && !this.chosen.fixed ? "Change this group" : "Make a group";
    if (this.button.title !== label) this.button.setAttribute("aria-label", (this.button.title = label));
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.chooser.replaceChildren(new Option("All cameras", ""), ...names.map((name) => new Option(name, name)));
    this.chooser.value = group;
  }

  async #edit() {
    const { editGroup } = await import("./group-editor.js");
    editGroup(this);
  }
}

/** A function that says whether a name is one of `members`: names, and patterns in which * stands for anything. */
export function matcher(members) {
  const pattern = new RegExp(`^(?:${members.map((member) => member.replaceAll("*", ".*")).join("|")})$`);
  return (id) => pattern.test(id);
}
