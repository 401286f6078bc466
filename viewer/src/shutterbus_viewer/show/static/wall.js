// The wall: every camera's newest picture, and how old it is.

import { onKeys, wireBar } from "./bar.js";
import { Beats } from "./beats.js";
import { Choices } from "./choices.js";
import { nowUs } from "./clock.js";
import { showCounts } from "./counts.js";
import { EmptyWall } from "./empty.js";
import { Groups } from "./groups.js";
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
const groups = new Groups(choices, { chooser: $("#group"), button: $("#edit-group") }, layOut);
// On a bad link it may not arrive, as in early.js: then all of it is loaded again.
const again = () => new Promise(() => setTimeout(() => location.reload(), 2000));
const kiosk = choices.kiosk ? new (await import("./kiosk.js").catch(again)).Kiosk(live, layOut) : null;
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
  announce([...changed].filter(({ id }) => groups.has(id)));
  layOut();
}

/** Put the tiles in order, once, before the next frame is shown. */
function layOut() {
  if (laying) return;
  laying = true;
  requestAnimationFrame(() => {
    laying = false;
    groups.ids = [...roster.cameras.keys()];
    groups.offer(groups.ids);
    const known = [...roster.cameras.values()].filter((camera) => camera.verdict);
    for (const part of [".counts", ".choices"]) $(part).hidden = known.length === 0;
    empty.show(heard && known.length === 0);
    if (choices.group && !groups.known) return; // else all would be there for a moment
    const all = known.filter((camera) => groups.has(camera.id));
    const tilesOf = (cameras) => cameras.map((camera) => tiles.get(camera.id));
    const wanted = tilesOf(arrange(all, choices));
    const shown = kiosk?.layOut(wall, wanted, choices.size) ?? layOutTiles(wall, wanted, tilesOf(all), choices.size);
    place(wall, shown.map((tile) => tile.element));
    watcher.ask();
    walk.settle();
    showCounts(count(all), choices.kind, roster.lostUs);
    $("h1").textContent = choices.group || "All cameras";
    const noGroup = choices.group && !groups.chosen;
    $("#no-match span").textContent = noGroup ? `There is no group ${choices.group}.` : "No camera matches.";
    $("#no-match").hidden = known.length === 0 || shown.length > 0;
    if (heard) atFirst();
  });
}

live.addEventListener("cameras", ({ detail }) => {
  if (!heard && wall.dataset.archive === "yes") beats.start();
  heard = true;
  groups.load();
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
$("#as-kiosk").addEventListener("click", ({ currentTarget }) => (currentTarget.href = choices.address(true)));
$("#clear").addEventListener("click", () => (choices.text || choices.kind ? choices.clear() : choices.pick("")));

onKeys({ ...wireBar(live), ...walk.keys, "/": () => filter.select(), Escape: () => (kiosk ? location.assign(choices.address(false)) : choices.clear()) });
keepTrail(() => [...wall.children].map((tile) => tile.dataset.camera));
watchConnection(live, (sinceUs) => {
  roster.lostUs = sinceUs;
  if (sinceUs) look([...roster.cameras.values()]); // what there is to say once it is back comes with its greeting
});
watchRoom(wall, layOut);
live.start();
