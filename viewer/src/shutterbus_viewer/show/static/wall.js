// The wall: every camera's newest picture, and how old it is.

import { onKeys, wireBar } from "./bar.js";
import { Beats } from "./beats.js";
import { Choices } from "./choices.js";
import { nowUs } from "./clock.js";
import { EmptyWall } from "./empty.js";
import { layOut as layOutTiles, watchRoom } from "./layout.js";
import { Live } from "./live.js";
import { announce, watchConnection } from "./notice.js";
import { arrange, count, place } from "./order.js";
import { Pace } from "./pace.js";
import { Roster } from "./roster.js";
import { Tile } from "./tile.js";
import { keepTrail, scrollBack } from "./trail.js";
import { walker } from "./walk.js";
import { Watcher } from "./watcher.js";

const TICK_MS = 500;
const SELDOM = new Set(["unknown", "waiting"]); // not worth a place in the bar while there are none

const $ = (selector) => document.querySelector(selector);
const wall = $("#wall");
const filter = $("#filter");
const roster = new Roster();
const live = new Live();
const pace = new Pace(live);
const tiles = new Map();
const watcher = new Watcher(live);
const beats = new Beats(() => look([...roster.cameras.values()]));
const walk = walker(wall);
const empty = new EmptyWall($("#empty"));
const choices = new Choices({ q: filter, order: $("#order"), size: $("#size") }, layOut);
let heard = false;
let laying = false;
let atFirst = () => {
  atFirst = () => {};
  scrollBack();
};

function tileOf(camera) {
  let tile = tiles.get(camera.id);
  if (!tile) {
    tile = new Tile(camera, { tile: $("#tile"), bar: $("#bar") }, (facts, drawn) => {
      pace.ack(facts, drawn);
      if (live.paused) watcher.ask();
      tile.refresh(nowUs());
    });
    tiles.set(camera.id, tile);
    watcher.add(tile);
    roster.judge(camera, nowUs());
    tile.refresh(nowUs());
    layOut();
  }
  return tile;
}

/** Judge cameras anew and show what came of it. */
function look(cameras) {
  const now = nowUs();
  const known = cameras.filter((camera) => camera.verdict);
  const changed = new Set(known.filter((camera) => roster.judge(camera, now)));
  for (const camera of cameras) {
    const tile = tileOf(camera);
    if (tile.near || changed.has(camera)) tile.refresh(now);
    if (tile.near) tile.beat(beats.of(camera.id), now);
  }
  if (!changed.size) return;
  announce([...changed]);
  layOut();
}

/** Put the tiles in order, once, before the next frame is shown. */
function layOut() {
  if (laying) return;
  laying = true;
  requestAnimationFrame(() => {
    laying = false;
    const all = [...roster.cameras.values()].filter((camera) => camera.verdict);
    const shown = arrange(all, choices).map((camera) => tiles.get(camera.id));
    wall.dataset.size = choices.size;
    place(wall, shown.map((tile) => tile.element));
    walk.settle();
    showCounts(count(all));
    empty.show(heard && all.length === 0);
    $("#no-match").hidden = all.length === 0 || shown.length > 0;
    for (const part of [".counts", ".choices"]) $(part).hidden = all.length === 0;
    layOutTiles(wall, shown, [...tiles.values()], choices.size);
    watcher.ask();
    if (heard) atFirst();
  });
}

function showCounts(counts) {
  for (const button of document.querySelectorAll("[data-kind]")) {
    const many = counts[button.dataset.kind];
    button.querySelector("b").textContent = many;
    button.classList.toggle("none", many === 0);
    button.setAttribute("aria-pressed", String(choices.kind === button.dataset.kind));
    if (SELDOM.has(button.dataset.kind)) button.hidden = many === 0 && choices.kind !== button.dataset.kind;
  }
  const wrong = ["silent", "late", "unknown"].filter((of) => counts[of]).map((of) => `${counts[of]} ${of}`);
  document.title = [...(roster.lostUs ? ["No connection"] : wrong), "Shutterbus"].join(" · ");
}

live.addEventListener("cameras", ({ detail }) => {
  if (!heard && wall.dataset.archive === "yes") beats.start();
  heard = true;
  look(detail.cameras.map((state) => roster.take(state)));
  layOut();
});
live.addEventListener("camera", ({ detail }) => look([roster.take(detail.camera)]));
live.addEventListener("pictures", ({ detail }) => look(detail.pictures.map((facts) => roster.seen(facts))));
live.addEventListener("picture", ({ detail }) => {
  const camera = roster.seen(detail.facts);
  look([camera]);
  tileOf(camera).show(detail);
});
setInterval(() => look([...roster.cameras.values()]), TICK_MS);

filter.addEventListener("keydown", (event) => {
  if (event.key === "Escape") choices.clear();
  if (event.key === "Escape" || event.key === "Enter" || event.key === "ArrowDown") {
    event.preventDefault();
    layOut();
    walk.enter();
  }
});
$(".counts").addEventListener("click", ({ target }) => {
  const chosen = target.closest("[data-kind]")?.dataset.kind;
  if (chosen) choices.show(chosen === choices.kind ? "" : chosen);
});
$(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  walk.enter();
});
$("#clear").addEventListener("click", () => choices.clear());

onKeys({ ...wireBar(live), ...walk.keys, "/": () => filter.select(), Escape: () => choices.clear() });
keepTrail(() => [...wall.children].map((tile) => tile.dataset.camera));
watchConnection(live, (sinceUs) => {
  roster.lostUs = sinceUs;
  if (sinceUs) look([...roster.cameras.values()]); // what there is to say once it is back comes with its greeting
});
watchRoom(wall, layOut);
live.start();
