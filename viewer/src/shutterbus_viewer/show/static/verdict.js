// Is a camera live, late or silent? The one place where that is decided.

import { AHEAD_ALLOWED_US, moment } from "./times.js";

const LATE_AT_LEAST_S = 10;
const SILENT_AT_LEAST_S = 60;

/** Seconds between this camera's shots: what its schedule says, else what was seen; null if neither is known. */
export function intervalS(camera) {
  const { expected_interval_s: expected, frames_per_second: rate } = camera.state;
  if (expected) return expected;
  if (camera.gapsS.length) return Math.max(...camera.gapsS);
  return rate > 0 ? 1 / rate : null;
}

/**
 * What to say of a camera now.
 *
 * kind: `live`, `late` (older than 10 s and twice its interval), `silent` (its own status says offline, or nothing
 * came for a minute and ten intervals), or `waiting` (no picture yet).
 * words: that in words, with since when. ahead: its picture claims to be from the future.
 */
export function judge(camera, nowUs) {
  const { picture, state } = camera;
  const since = (us) => (us ? ` since ${moment(us, nowUs)}` : "");
  if (state.online === false) {
    return { kind: "silent", words: `offline${since(state.since_us ?? picture?.captured_at_us)}`, ahead: false };
  }
  if (!picture) return { kind: "waiting", words: "no picture yet", ahead: false };

  const ahead = picture.captured_at_us - nowUs > AHEAD_ALLOWED_US;
  // A clock that runs ahead says nothing about age; when the picture came does.
  const ageS = (nowUs - (ahead ? picture.arrived_at_us : picture.captured_at_us)) / 1e6;
  const interval = intervalS(camera) ?? 0;
  if (ageS > Math.max(SILENT_AT_LEAST_S, 10 * interval)) {
    return { kind: "silent", words: `silent${since(ahead ? picture.arrived_at_us : picture.captured_at_us)}`, ahead };
  }
  if (ageS > Math.max(LATE_AT_LEAST_S, 2 * interval)) return { kind: "late", words: "late", ahead };
  return { kind: "live", words: "live", ahead };
}
