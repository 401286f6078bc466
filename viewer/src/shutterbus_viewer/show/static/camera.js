// One camera: its picture as large as the window allows, live or of an earlier time, and what is known about it.

import { showArchived } from "./archived.js";
import { onKeys, wireBar } from "./bar.js";
import { Neighbours } from "./beside.js";
import { wirePast } from "./camerapast.js";
import { describe } from "./caption.js";
import { nowUs } from "./clock.js";
import { showCamera, showPicture } from "./facts.js";
import { Live } from "./live.js";
import { announce, watchConnection } from "./notice.js";
import { Painter } from "./picture.js";
import { Readings } from "./readings.js";
import { nameOf, Roster } from "./roster.js";
import { fetchOriginal } from "./save.js";
import { wireSharing } from "./share.js";
import { Stage } from "./stage.js";
import { setZone } from "./zone.js";

const TICK_MS = 500;

const $ = (selector) => document.querySelector(selector);
const id = decodeURIComponent(location.pathname.split("/").pop());
const live = new Live();
const roster = new Roster();
const readings = new Readings($("#readings"), $("#reading"));
const stage = new Stage($("#stage"), $("#pair"), watch);
const painter = new Painter($("#picture"), after);
const sharing = wireSharing(painter, name);
const before = wirePast({ id, painter, stage, camera: () => roster.cameras.get(id), changed: look });
const { history } = before;
const neighbours = new Neighbours(id, roster, history);
let openedUs = Infinity;

/** What people call the camera. */
function name() {
  const camera = roster.cameras.get(id);
  return camera ? nameOf(camera) : id;
}

/** See that the picture is `width` pixels wide, be it live or not. */
function watch(width) {
  history.resize(width);
  before.comparison.resize(width);
  const still = live.paused && painter.drawn;
  live.watch(still || history.isPast ? {} : { [id]: { width } });
  if (still && !history.isPast && (width || Infinity) > $("#picture").width) sharpen(painter.drawn);
}

/** A picture that was stopped to look at it closely: the server still has the whole of it. */
async function sharpen({ facts, image }) {
  if (image.size === facts.bytes) return;
  const original = await fetchOriginal(facts);
  if (original && painter.drawn?.facts.id === facts.id) painter.show({ facts, image: original });
}

function after(facts, drawn) {
  if (!history.isPast) live.ack(facts);
  if (drawn === null) return;
  if (facts.id === history.frame?.id) before.drawn();
  $("#broken").hidden = drawn;
  if (!drawn) return;
  if ($("#picture").dataset.frame === facts.id) return; // the same at another width
  $("#picture").dataset.frame = facts.id;
  for (const part of ["#facts", "#real"]) $(part).hidden = false;
  sharing.shown(facts);
  if (!history.isPast) showPicture(facts, nowUs(), openedUs);
  look();
}

function look() {
  before.refresh();
  const camera = roster.cameras.get(id);
  if (!camera) return;
  const first = !camera.verdict;
  const now = nowUs();
  if (roster.judge(camera, now) && !first) announce([camera]);
  showCamera(camera, now, history.shownUs);
  $(".over .age").textContent = $("#age").textContent;
  readings.refresh(now);
  describe(camera, history.shownUs, now, roster.lostUs > 0);
}

/** Take a state in; its picture's size shapes the stage before the picture is there. */
function take(state) {
  const camera = roster.take(state);
  if (state.id !== id) return;
  setZone(state.zone);
  if (!history.isPast) stage.shape(camera.picture);
  readings.fill(state.readings);
  $("#about").hidden = false;
  look();
}

/** A newer picture of this camera, shown or only told of. */
function newer(facts) {
  if (facts.camera !== id) return null;
  before.picture(facts);
  return roster.seen(facts);
}

live.addEventListener("cameras", ({ detail }) => {
  detail.cameras.forEach(take);
  if (openedUs === Infinity) showArchived(before.past, $("#archived"), before.extent);
  openedUs = Math.min(openedUs, detail.now_us);
  neighbours.find();
});
live.addEventListener("camera", ({ detail }) => {
  const known = roster.cameras.has(detail.camera.id);
  take(detail.camera);
  if (!known) neighbours.find();
});
live.addEventListener("open", () => history.again());
live.addEventListener("pause", () => stage.fit());
live.addEventListener("reading", ({ detail }) => {
  if (detail.camera === id) readings.add(detail.reading);
});
live.addEventListener("pictures", ({ detail }) => detail.pictures.forEach(newer));
live.addEventListener("picture", ({ detail }) => {
  const camera = newer(detail.facts);
  if (!camera || history.isPast) return;
  stage.shape(camera.picture);
  painter.show(detail);
});
setInterval(look, TICK_MS);

$(".beside h1").textContent = $(".over .name").textContent = id;
const keys = wireBar(live);
function back() {
  if (document.documentElement.classList.contains("full")) keys.f();
  else if (stage.zoomed) stage.toggle();
  else if (before.comparison.on) before.comparison.toggle();
  else location.assign($(".brand").href);
}
history.addEventListener("place", () => history.isPast && live.paused && keys.p());
const pause = () => (history.isPast ? false : keys.p());
onKeys({ ...keys, p: pause, ...before.keys, ...neighbours.keys, 1: () => stage.toggle(), d: sharing.save, Escape: back });
$("#real").addEventListener("click", () => stage.toggle());
watchConnection(live, (sinceUs) => {
  roster.lostUs = sinceUs;
  if (sinceUs) look();
});
live.start();
