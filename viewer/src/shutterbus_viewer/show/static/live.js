// The one connection to the server: asks for pictures, hands on what comes, and finds its way back.

import { sync } from "./clock.js";
import { readPicture } from "./picture.js";

const WAITS_S = [0.5, 1, 2, 4, 8, 15];
const BEAT_MISSED_MS = 40_000;

/**
 * Events: one for each type of message (`cameras`, `camera`, `reading`, ..., `picture`) with it as `detail`;
 * `pause`; `open` when the server has begun to speak; `closed` with `{reason, retryAtMs}`, the reason in the server's words or empty.
 */
export class Live extends EventTarget {
  #socket = null;
  #wanted = {};
  #asked = "{}";
  #tries = 0;
  #timer = null;
  #beat = null;
  #heard = false;
  paused = false;

  start() {
    document.addEventListener("visibilitychange", () => {
      this.#ask();
      if (!document.hidden && !this.#socket) this.retry();
    });
    addEventListener("online", () => this.retry());
    addEventListener("offline", () => this.#drop());
    this.#connect();
  }

  /** Ask for exactly these cameras: `{gate: {width: 320}}`, width in device pixels, 0 for the original. */
  watch(cameras) {
    this.#wanted = cameras;
    this.#ask();
  }

  /** Note that the visitor wants to look at what is there, or to go on. Who watches asks for less then. */
  pause(paused) {
    this.paused = paused;
    this.#tell("pause");
  }

  /** Tell the server that a picture was dealt with; only then does it send that camera's next. */
  ack({ camera, id }) {
    this.#send({ type: "ack", camera, id });
  }

  /** Connect now instead of when the wait is over. */
  retry() {
    if (this.#socket) return;
    clearTimeout(this.#timer);
    this.#connect();
  }

  #ask() {
    const wanted = JSON.stringify(document.hidden ? {} : this.#wanted);
    if (wanted === this.#asked) return; // a hidden tab asks for nothing, so that nothing is sent to it
    if (this.#send({ type: "watch", cameras: JSON.parse(wanted) })) this.#asked = wanted;
  }

  #send(message) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  #connect() {
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/live`);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.#asked = "{}";
      this.#ask();
    };
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onclose = ({ reason }) => this.#lost(reason);
    this.#socket = socket;
    this.#expect();
  }

  /** The server speaks every 15 s by contract: one that does not is hung, or the link is broken, which TCP alone notices after minutes. */
  #expect() {
    clearTimeout(this.#beat);
    this.#beat = setTimeout(() => this.#drop(), BEAT_MISSED_MS);
  }

  /** End the connection now: a broken link does not answer to a close either. */
  #drop() {
    const socket = this.#socket;
    if (!socket) return;
    socket.onmessage = socket.onclose = null;
    socket.close();
    this.#lost("");
  }

  #receive(data) {
    this.#expect();
    const message = typeof data === "string" ? JSON.parse(data) : readPicture(data);
    if (!message) return;
    if (!this.#heard) {
      // Only now: a server that has no room opens the connection just to say so.
      this.#heard = true;
      this.#tries = 0;
      this.#tell("open");
    }
    if (message.now_us) sync(message.now_us);
    this.#tell(message.type, message);
  }

  #lost(reason) {
    this.#socket = null;
    this.#heard = false;
    clearTimeout(this.#beat);
    const waitS = WAITS_S[Math.min(this.#tries++, WAITS_S.length - 1)] * (0.8 + 0.4 * Math.random());
    this.#timer = setTimeout(() => this.#connect(), waitS * 1000);
    this.#tell("closed", { reason, retryAtMs: Date.now() + waitS * 1000 });
    this.#sendToLogin();
  }

  /** A refused connection says nothing of why; a plain request does. */
  async #sendToLogin() {
    try {
      const answer = await fetch("/api/cameras", { redirect: "manual", cache: "no-store" });
      answer.body?.cancel();
      if (answer.status === 401 || answer.type === "opaqueredirect") {
        location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
      }
    } catch {
      // the server is away: the next try will tell
    }
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
