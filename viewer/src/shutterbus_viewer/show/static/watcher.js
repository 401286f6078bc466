// Asks for the pictures of the tiles that can be seen, and for no others.

import { nowUs } from "./clock.js";
import { fitted, widthFor } from "./tile.js";

const NEAR = "35% 0px"; // of the window's height, above and below: scrolling meets pictures, not holes
const KEPT = 60; // pictures kept on tiles that went out of sight, for the way back

export class Watcher {
  #seen = new Set();
  #left = new Map();
  #tiles = new WeakMap();
  #soon = null;

  constructor(live) {
    this.live = live;
    this.observer = new IntersectionObserver((entries) => this.#moved(entries), { rootMargin: NEAR });
    live.addEventListener("pause", () => this.ask());
  }

  add(tile) {
    this.#tiles.set(tile.element, tile);
    this.observer.observe(tile.element);
  }

  #moved(entries) {
    for (const { target, isIntersecting } of entries) {
      const tile = this.#tiles.get(target);
      tile.near = isIntersecting;
      if (isIntersecting) {
        this.#left.delete(tile);
        this.#seen.add(tile);
        tile.refresh(nowUs());
      } else if (this.#seen.delete(tile)) {
        this.#left.set(tile, null);
        tile.refresh(nowUs());
      }
    }
    for (const tile of this.#left.keys()) {
      if (this.#left.size <= KEPT) break;
      tile.release();
      this.#left.delete(tile);
    }
    this.ask();
  }

  /** Tell the server, at most every 50 ms: fast scrolling passes many tiles that nobody stops at. */
  ask() {
    this.#soon ??= setTimeout(() => {
      this.#soon = null;
      const wanted = {};
      for (const { camera, drawn, box } of this.#seen) {
        if (!box || (this.live.paused && drawn)) continue;
        wanted[camera.id] = { width: widthFor(fitted(box, camera.picture).width) };
      }
      this.live.watch(wanted);
    }, 50);
  }
}
