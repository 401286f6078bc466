// A wall without cameras: what to type, and, if the viewer cannot reach a broker, that this is why.

const ASK_MS = 5000;

/** Show or hide the section; while it is shown, ask the server now and then what keeps cameras away. */
export class EmptyWall {
  #timer = null;

  constructor(section) {
    this.section = section;
    this.problems = section.querySelector(".problems");
  }

  show(shown) {
    if (shown === !this.section.hidden) return;
    this.section.hidden = !shown;
    clearInterval(this.#timer);
    if (!shown) return;
    this.#timer = setInterval(() => this.#ask(), ASK_MS);
    this.#ask();
  }

  async #ask() {
    try {
      const answer = await fetch("/api/cameras", { redirect: "manual", cache: "no-store" });
      if (!answer.ok) return;
      const { problems } = await answer.json();
      this.problems.textContent = (problems ?? []).join(" ");
      this.problems.hidden = !this.problems.textContent;
    } catch {
      // the server is away, which the page says elsewhere
    }
  }
}
