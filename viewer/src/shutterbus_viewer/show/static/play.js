// Playing: one picture after the other, at 1, 10 or 60 times the speed at which they were taken.

const SECOND_US = 1e6;
const BATCH = 60;
const AHEAD = 4; // pictures on their way while one is looked at
const SHOWN_A_SECOND = 10; // no more than this many: the others are left out
const GAP_MS = 1000; // what is empty is passed over after this long

export class Player {
  playing = false;
  speed = 1;
  #turn = 0;

  /** `changed()` is called when it begins or ends. */
  constructor(history, changed) {
    this.history = history;
    this.changed = changed;
    history.addEventListener("place", ({ detail }) => detail.played || this.stop());
  }

  toggle() {
    if (this.playing) this.stop();
    else if (this.history.frame) this.#play();
  }

  stop() {
    if (!this.playing) return;
    this.playing = false;
    this.#turn += 1;
    this.changed();
  }

  /** Play that many times as fast as the pictures were taken. */
  at(speed) {
    this.speed = speed;
    const { playing } = this;
    this.stop();
    if (playing) this.#play();
    else this.changed();
  }

  async #play() {
    const turn = ++this.#turn;
    this.playing = true;
    this.changed();
    const goesOn = () => turn === this.#turn;
    let dueMs = performance.now();
    try {
      while (goesOn()) {
        const frames = await this.#next(this.history.frame);
        if (!frames.length && goesOn()) this.history.live();
        for (const [index, frame] of frames.entries()) {
          if (!goesOn()) return;
          const apartMs = (frame.us - this.history.frame.us) / 1000;
          dueMs = Math.max(performance.now(), dueMs + Math.min(apartMs / this.speed, apartMs * 1000 > this.history.gapUs ? GAP_MS : Infinity));
          await new Promise((resolve) => setTimeout(resolve, dueMs - performance.now()));
          if (goesOn()) await this.history.show(frame, { coming: frames.slice(index + 1, index + 1 + AHEAD) });
        }
      }
    } catch (error) {
      if (error.status === undefined) throw error;
      this.stop(); // the server is away, which the page says
    }
  }

  /** The frames after one: as many as can be looked at. */
  async #next({ us, id }) {
    const { past, around } = this.history;
    const everyS = this.speed === 1 ? 0 : Math.max(1, this.speed / SHOWN_A_SECOND);
    const stretchUs = BATCH * Math.max(everyS, 1) * SECOND_US;
    const frames = await past.frames(us, us + stretchUs, { everyS, most: BATCH });
    const later = frames.filter((frame) => frame.id !== id && frame.us >= us);
    if (later.length) return later;
    const next = await around.beside({ us, id }, "next");
    return next ? [next] : [];
  }
}
