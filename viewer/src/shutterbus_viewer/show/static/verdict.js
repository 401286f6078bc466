// Is a camera live, late or silent? The one place where that is decided.

import { age, moment, span } from "./times.js";

/** A capture time this far after the arrival is only two clocks that differ a little. */
const AHEAD_ALLOWED_US = 2e6;

/** Of a camera that cannot be heard; since when is said once, at the top of the page. */
export const UNHEARD = { kind: "unknown", words: "unknown", aheadUs: 0 };

const LATE_AT_LEAST_S = 10;
const SILENT_AT_LEAST_S = 60;

/** Seconds between this camera's shots: what its schedule says, else what was seen; null if neither is known. */
export function intervalS(camera) {
  const { expected_interval_s: expected, frames_per_second: rate } = camera.state;
  if (expected) return expected;
  if (camera.gapsS.length) return Math.max(...camera.gapsS);
  return rate > 0 ? 1 / rate : null;
}

/** How far the clock that timed a picture is ahead of the server's, at least, in us; 0 if it is not. */
export function aheadUs({ captured_at_us: captured, arrived_at_us: arrived }) {
  return captured - arrived > AHEAD_ALLOWED_US ? captured - arrived : 0;
}

/** How old a picture is, in words: by its capture time, or, where that lies in the future, by when it came. */
export function ageWords(picture, nowUs) {
  if (picture.captured_at_us == null) return "age unknown";
  if (!aheadUs(picture) && nowUs - picture.captured_at_us < 1e6) return "now"; // five a second, say: "0 s" is noise
  return aheadUs(picture) ? `came ${span(nowUs - picture.arrived_at_us)} ago` : age(picture.captured_at_us, nowUs);
}

/** The same where nothing beside it says what it is: `6 s old`, `now`, `yesterday 16:20`. */
export function oldWords(picture, nowUs) {
  const words = ageWords(picture, nowUs);
  return /^\d+ \w+$/.test(words) ? `${words} old` : words;
}

/**
 * What to say of a camera now.
 *
 * kind: `live`, `late` (older than 10 s and twice its interval), `silent` (its own status says offline, or nothing
 * came for a minute and ten intervals), `waiting` (no picture yet), or `unknown`: its broker, or since `lostUs` the
 * server, cannot be reached, for which no camera is to blame, or nobody knows how old what a broker kept is.
 * words: that in words, with since when. aheadUs: see there.
 */
export function judge(camera, nowUs, lostUs = 0) {
  if (lostUs || isAway(camera.state.outage)) return UNHEARD;
  const { picture, state } = camera;
  const ahead = picture ? aheadUs(picture) : 0;
  const since = (us) => (us ? ` since ${moment(us, nowUs)}` : "");
  if (state.online === false) {
    return { kind: "silent", words: `offline${since(state.since_us ?? picture?.captured_at_us)}`, aheadUs: ahead };
  }
  if (!picture) return { kind: "waiting", words: "no picture yet", aheadUs: 0 };

  if (picture.captured_at_us == null) return { kind: "unknown", words: "age unknown", aheadUs: 0 };

  // A clock that runs ahead says nothing about age; when the picture came does.
  const takenUs = ahead ? picture.arrived_at_us : picture.captured_at_us;
  const ageS = (nowUs - takenUs - unheardUs(state.outage, takenUs)) / 1e6;
  const interval = intervalS(camera) ?? 0;
  if (ageS > Math.max(SILENT_AT_LEAST_S, 10 * interval)) {
    return { kind: "silent", words: `silent${since(takenUs)}`, aheadUs: ahead };
  }
  if (ageS > Math.max(LATE_AT_LEAST_S, 2 * interval)) return { kind: "late", words: "late", aheadUs: ahead };
  return { kind: "live", words: "live", aheadUs: ahead };
}

function isAway(outage) {
  return outage != null && outage.until_us == null;
}

/** How long nothing could be heard of a camera since `takenUs`, because its broker was away. */
function unheardUs(outage, takenUs) {
  return outage ? Math.max(0, outage.until_us - Math.max(outage.since_us, takenUs)) : 0;
}
