// What the server answers about a camera's past. A frame is `{us, id, bytes}`, an instant a number of us since 1970.

import { instant } from "./instant.js";
import { zoneName } from "./zone.js";

const WIDTHS = [160, 320, 640, 960, 1280, 1920, 2560, 3840];
const PAGE = 500;
const AGAIN_MS = 500;

/** The server's refusal: `status`, 0 where it cannot be reached, and its sentence. */
export class PastError extends Error {
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
  }
}

/** Whether it only means that the answer is not wanted any more. */
export function isAbort(error) {
  return error.name === "AbortError";
}

export class Past {
  constructor(camera) {
    this.camera = camera;
    this.base = `/api/cameras/${camera}`;
  }

  /** What is kept at all: `{problem, kept: {frames, bytes, oldest_us, newest_us} | null}`. */
  async extent() {
    const { problem, cameras } = await json(`/api/archive?camera=${this.camera}`);
    return { problem, kept: cameras[0] ?? null };
  }

  /** Days that have pictures, from one date to before another. */
  async days(from, to, signal) {
    return (await json(`${this.base}/days?from=${from}&to=${to}&zone=${encodeURIComponent(zoneName())}`, signal)).days;
  }

  /** `{bucket_us, start_us, frames, bytes}`; only those with pictures. */
  buckets(fromUs, toUs, signal) {
    return json(`${this.base}/buckets?${range(fromUs, toUs)}`, signal);
  }

  /** All frames of a range, or the first of each `everyS` seconds. */
  async frames(fromUs, toUs, { everyS = 0, most = Infinity, signal } = {}) {
    const all = [];
    let cursor = "";
    do {
      const more = `${everyS ? `&every=${everyS}s` : ""}${cursor && `&cursor=${encodeURIComponent(cursor)}`}`;
      const page = await json(`${this.base}/frames?${range(fromUs, toUs)}&limit=${Math.min(PAGE, most)}${more}`, signal);
      all.push(...page.frames.map(([us, id, bytes]) => ({ us, id, bytes })));
      cursor = page.cursor ?? "";
    } while (cursor && all.length < most);
    return all;
  }

  /** The `nearest` frame to an instant, or the `next` or `previous` to that and the frame `id`; null if there is none. */
  async frame(us, direction, id = "", signal = undefined) {
    const at = `at=${instant(us)}&direction=${direction}${id && `&id=${id}`}`;
    const { frame } = await json(`${this.base}/frames?${at}`, signal);
    return frame && { us: frame.captured_us, id: frame.id, bytes: frame.bytes };
  }

  /** Of each quantity `{sensor, name, unit, at_us, min, mean, max}`, in about so many points. */
  async readings(fromUs, toUs, points, signal) {
    return (await json(`${this.base}/readings?${range(fromUs, toUs)}&points=${points}`, signal)).series;
  }

  facts(id, signal) {
    return json(`${this.base}/frames/${id}.json`, signal);
  }

  /** The address of a frame's file, or of one that is at least `width` pixels wide where it is as wide as that. */
  address(id, width = 0) {
    const wide = width && WIDTHS.find((one) => one >= width);
    return `${this.base}/frames/${id}.jpg${wide ? `?width=${wide}` : ""}`;
  }

  async image(id, width, signal) {
    return (await ask(this.address(id, width), signal)).blob();
  }

  /** The small pictures of a UTC hour such as `2026-11-27T22`: where each stands, and all of them in one. */
  async sheet(hour, signal) {
    const grid = await json(`${this.base}/sheets/${hour}.json`, signal);
    const file = await ask(`${this.base}/sheets/${hour}.jpg?v=${grid.version}`, signal); // which the browser keeps
    return { grid, image: await file.blob() };
  }
}

async function reach(address, signal, afterMs = 0) {
  if (afterMs) await new Promise((resolve) => setTimeout(resolve, afterMs));
  signal?.throwIfAborted();
  try {
    return await fetch(address, { signal, redirect: "error" });
  } catch (error) {
    throw isAbort(error) ? error : new PastError(0, "");
  }
}

function range(fromUs, toUs) {
  return `from=${instant(fromUs)}&to=${instant(toUs)}`;
}

async function json(address, signal) {
  return (await ask(address, signal)).json();
}

async function ask(address, signal) {
  const answer = await reach(address, signal).catch((error) => {
    if (isAbort(error)) throw error;
    return reach(address, signal, AGAIN_MS); // the network may only have changed
  });
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => ({}));
  throw new PastError(answer.status, typeof told.detail === "string" ? told.detail : "");
}
