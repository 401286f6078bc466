// One camera: its picture as large as the window allows, and what is known about it.

import { showArchived } from "./archived.js";
import { onKeys, wireBar } from "./bar.js";
import { nowUs } from "./clock.js";
import { showCamera, showPicture } from "./facts.js";
import { Live } from "./live.js";
import { announce, watchConnection } from "./notice.js";
import { byName } from "./order.js";
import { Painter } from "./picture.js";
import { Readings } from "./readings.js";
import { nameOf, Roster } from "./roster.js";
import { fetchOriginal } from "./save.js";
import { wireSharing } from "./share.js";
import { Stage } from "./stage.js";
import { exact } from "./times.js";
import { trail } from "./trail.js";

const TICK_MS = 500;

const $ = (selector) => document.querySelector(selector);
const id = decodeURIComponent(location.pathname.split("/").pop());
const live = new Live();
const roster = new Roster();
const readings = new Readings($("#readings"), $("#reading"));
const stage = new Stage($("#stage"), $("#picture"), watch);
const painter = new Painter($("#picture"), after);
const sharing = wireSharing(painter, name);
let openedUs = Infinity;

/** What people call the camera. */
function name() {
  const camera = roster.cameras.get(id);
  return camera ? nameOf(camera) : id;
}

function watch(width) {
  const still = live.paused && painter.drawn;
  live.watch(still ? {} : { [id]: { width } });
  if (still && (width || Infinity) > $("#picture").width) sharpen(painter.drawn);
}

/** A picture that was stopped to look at it closely: the server still has the whole of it. */
async function sharpen({ facts, image }) {
  if (image.size === facts.bytes) return;
  const original = await fetchOriginal(facts);
  if (original && painter.drawn?.facts.id === facts.id) painter.show({ facts, image: original });
}

function after(facts, drawn) {
  live.ack(facts);
  if (drawn === null) return;
  $("#broken").hidden = drawn;
  if (!drawn) return;
  if ($("#picture").dataset.frame === facts.id) return; // the same at another width
  $("#picture").dataset.frame = facts.id;
  for (const part of ["#facts", "#real"]) $(part).hidden = false;
  sharing.shown(facts);
  showPicture(facts, nowUs(), openedUs);
  look();
}

function look() {
  const camera = roster.cameras.get(id);
  if (!camera) return;
  const first = !camera.verdict;
  const now = nowUs();
  if (roster.judge(camera, now) && !first) announce([camera]);
  showCamera(camera, now);
  $(".over .age").textContent = $("#age").textContent;
  readings.refresh(now);
  const { verdict, picture } = camera;
  for (const place of [$(".beside h1"), $(".over .name")]) {
    if (place.textContent !== name()) place.textContent = name();
  }
  const label = `${name()}, ${verdict.words}${picture?.captured_at_us ? `, captured ${exact(picture.captured_at_us, now)}` : ""}`;
  if ($("#picture").ariaLabel !== label) $("#picture").setAttribute("aria-label", label);
  const wrong = verdict.kind === "live" ? "" : verdict.words;
  document.title = [roster.lostUs ? "No connection" : wrong, name(), "Shutterbus"].filter(Boolean).join(" · ");
}

/** Take a state in; its picture's size shapes the stage before the picture is there. */
function take(state) {
  const camera = roster.take(state);
  if (state.id !== id) return;
  stage.shape(camera.picture);
  readings.fill(state.readings);
  $("#about").hidden = false;
  look();
}

/** The cameras beside this one: in the order of the wall that one came from, else by name. */
function neighbours() {
  const from = trail();
  const known = [...roster.cameras.values()].sort(byName);
  const all = from?.ids.includes(id) ? from.ids.map((other) => roster.cameras.get(other)).filter(Boolean) : known;
  $(".brand").href = from?.address ?? "/";
  const here = all.findIndex((camera) => camera.id === id);
  for (const [rel, other] of [["prev", all[here - 1]], ["next", all[here + 1]]]) {
    const link = $(`a[rel=${rel}]`);
    if (here >= 0 && other) link.href = `/cameras/${other.id}`;
    else link.removeAttribute("href");
    link.title = other ? nameOf(other) : "";
  }
}

live.addEventListener("cameras", ({ detail }) => {
  if (openedUs === Infinity) showArchived(id, $("#archived"));
  openedUs = Math.min(openedUs, detail.now_us);
  detail.cameras.forEach(take);
  neighbours();
});
live.addEventListener("camera", ({ detail }) => {
  const known = roster.cameras.has(detail.camera.id);
  take(detail.camera);
  if (!known) neighbours();
});
live.addEventListener("pause", () => stage.fit());
live.addEventListener("reading", ({ detail }) => {
  if (detail.camera === id) readings.add(detail.reading);
});
live.addEventListener("picture", ({ detail }) => {
  if (detail.facts.camera !== id) return;
  stage.shape(roster.seen(detail.facts).picture);
  painter.show(detail);
});
setInterval(look, TICK_MS);

$(".beside h1").textContent = $(".over .name").textContent = id;
const turn = (rel) => () => (stage.zoomed && document.activeElement === stage.element ? false : $(`a[rel=${rel}]`).click());
const keys = wireBar(live);
function back() {
  if (document.documentElement.classList.contains("full")) keys.f();
  else if (stage.zoomed) stage.toggle();
  else location.assign($(".brand").href);
}
onKeys({ ...keys, ArrowLeft: turn("prev"), ArrowRight: turn("next"), 1: () => stage.toggle(), d: sharing.save, Escape: back });
$("#real").addEventListener("click", () => stage.toggle());
watchConnection(live, (sinceUs) => {
  roster.lostUs = sinceUs;
  if (sinceUs) look();
});
live.start();
