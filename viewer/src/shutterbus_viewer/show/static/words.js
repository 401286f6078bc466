// Numbers and short words of the edge as sentences.

import { span } from "./times.js";

const number = new Intl.NumberFormat("en");
const plural = (many, one, more = `${one}s`) => `${number.format(many)} ${many === 1 ? one : more}`;

const WHY_DROPPED = {
  expired: "were older than the spool may keep",
  "min-free": "had to go because the disk was nearly full",
  "overwrite-oldest": "were overwritten by newer ones because the spool was full",
  "reject-new": "were not kept because the spool was full",
  thin: "were thinned out because the spool was full",
  "memory-full": "were only in memory, and that was full",
};

/** `412 kB`, `8.4 MB`. */
export function bytes(many) {
  if (many < 1000) return `${many} bytes`;
  if (many < 999_500) return `${Math.round(many / 1000)} kB`;
  if (many < 999_950_000) return `${(many / 1e6).toFixed(1)} MB`;
  return `${(many / 1e9).toFixed(1)} GB`;
}

/** What the camera keeps because the server has not confirmed it yet. */
export function heldBack(held) {
  if (!held) return "The camera has not said yet what it holds back.";
  if (!held.frames) return "Nothing is held back.";
  const oldest = held.oldest_age_s == null ? "" : `; the oldest for ${span(held.oldest_age_s * 1e6)}`;
  return `${plural(held.frames, "picture")} (${bytes(held.bytes)}) held back${oldest}.`;
}

/** What became of the pictures, one sentence each. */
export function account(counters) {
  if (!counters) return [];
  const { captured, published, missed, dropped } = counters;
  const said = [`${plural(captured, "picture")} taken, ${number.format(published)} delivered.`];
  if (missed) said.push(`${plural(missed, "shot")} missed: the camera was not ready in time.`);
  for (const [reason, many] of Object.entries(dropped ?? {})) {
    if (many) said.push(`${plural(many, "picture")} dropped: ${WHY_DROPPED[reason] ?? reason.replaceAll("-", " ")}.`);
  }
  return said;
}

/** `5 a second`, `one every 10 s`; empty while unknown. */
export function rate(perSecond) {
  if (!perSecond) return "";
  if (perSecond > 0.95) return `${perSecond < 9.5 ? +perSecond.toFixed(1) : Math.round(perSecond)} a second`;
  return `one every ${span(1e6 / perSecond + 5e5)}`;
}

/** A shutter speed as photographers write it: `1/120 s`, `2.5 s`. */
export function exposure(us) {
  return us < 300_000 ? `1/${Math.round(1e6 / us)} s` : `${+(us / 1e6).toFixed(1)} s`;
}

const WORTH = {
  sensor: "by the sensor",
  driver: "by the driver",
  arrival: "when the edge received it",
  file: "by the file",
};

/** What a capture time is worth. */
export function timeIsWorth({ captured_at_source: source, clock_synced: synced }) {
  const by = WORTH[source] ? `Timed ${WORTH[source]}` : "Timed by its sender";
  return synced ? `${by}; its clock was set.` : `${by}; its clock was not known to be right.`;
}
