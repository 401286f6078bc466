// Numbers and short words of the edge as sentences.

import { moment, span } from "./times.js";

const number = new Intl.NumberFormat("en");
const plural = (many, one, more = `${one}s`) => `${number.format(many)} ${many === 1 ? one : more}`;

const WHY_DROPPED = {
  expired: "dropped: older than the spool may keep",
  "memory-full": "dropped: the disk failed, and memory was full",
  "no-space": "dropped: the disk was full",
  overwritten: "overwritten by newer ones, because the spool was full",
  rejected: "not kept, because the spool was full",
  thinned: "thinned out, because the spool was full",
  "too-large": "not kept: larger than the whole spool",
  unfinished: "begun and never finished",
  vanished: "gone from the spool's folder, by another hand",
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

/** What the archive has of a camera: `12,345 pictures since 9 Nov 16:20 CET, 1.2 GB`. */
export function archived({ frames, bytes: size, oldest_us: oldestUs }, nowUs) {
  return `${plural(frames, "picture")} since ${moment(oldestUs, nowUs)}, ${bytes(size)}`;
}

/** What became of the pictures, one sentence each. */
export function account(counters) {
  if (!counters) return [];
  const { captured, published, missed, dropped, set_aside: aside } = counters;
  const said = [`${plural(captured, "picture")} taken, ${number.format(published)} delivered.`];
  if (missed) said.push(`${plural(missed, "shot")} missed: the camera was not ready in time.`);
  if (aside) said.push(`${plural(aside, "picture")} set aside: damaged, or larger than the broker takes.`);
  for (const [reason, many] of Object.entries(dropped ?? {})) {
    if (many) said.push(`${plural(many, "picture")} ${WHY_DROPPED[reason] ?? `dropped: ${reason.replaceAll("-", " ")}`}.`);
  }
  return said;
}

/** `every 10 s`, `every 0.2 s`. */
export function every(intervalS) {
  return `every ${intervalS < 10 ? `${+intervalS.toFixed(2)} s` : span(intervalS * 1e6)}`;
}

/** `5 a second`, `one every 10 s`; empty while unknown. */
export function rate(perSecond) {
  if (!perSecond) return "";
  if (perSecond > 0.95) return `${perSecond < 9.5 ? +perSecond.toFixed(1) : Math.round(perSecond)} a second`;
  return `one ${every(1 / perSecond)}`;
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
  if (source === "unknown") return "The broker kept it from before; nobody says since when.";
  const by = WORTH[source] ? `Timed ${WORTH[source]}` : "Timed by its sender";
  return synced ? `${by}; its clock was set.` : `${by}; its clock was not known to be right.`;
}
