// The tiles of a wall, each in the shape of its pictures.

import { fit, level, pages, rows } from "./mosaic.js";

const LANDSCAPE = 16 / 9;
const LEAST_REM = { small: 11, medium: 18, large: 30 }; // the width of a tile of 16:9
const SLIMMEST = { small: 0.9, medium: 9 / 16, large: 9 / 16 }; // a name must fit under it
const WIDEST = 4;

/**
 * Give `tiles` their sizes, in this order; return them.
 *
 * Those of medium size fill the window where `all` that could be shown fit into it; so no filter makes them larger.
 */
export function layOut(wall, tiles, all, size) {
  const { box, least } = room(wall, size);
  const aspects = shapes(tiles, size);
  const high = size === "medium" ? fit(shapes(all, size), box) : 0;
  const fitted = high >= least;
  apply(wall, tiles, fitted ? level(aspects, high) : rows(aspects, { ...box, height: least }), fitted);
  return tiles;
}

/** Fill the window with the page `number` of `tiles`, counted on and on; return those of it. */
export function layOutPage(wall, tiles, size, number) {
  const { box, least } = room(wall, size);
  const aspects = shapes(tiles, size);
  const many = Math.max(1, Math.ceil(tiles.length / pages(aspects, box, least)));
  const page = number % Math.max(1, Math.ceil(tiles.length / many));
  const [begin, end] = [page * many, (page + 1) * many];
  const shown = aspects.slice(begin, end);
  apply(wall, tiles.slice(begin, end), level(shown, fit(shown, box)), true);
  return tiles.slice(begin, end);
}

/** Call `changed()` when the wall is of another width, or the window of another height. */
export function watchRoom(wall, changed) {
  let known = "";
  const look = () => {
    const now = `${wall.clientWidth} ${innerHeight}`;
    if (now !== known) changed();
    known = now;
  };
  new ResizeObserver(look).observe(wall);
  addEventListener("resize", look);
}

function room(wall, size) {
  const style = getComputedStyle(wall);
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  const gap = parseFloat(style.columnGap);
  const above = wall.getBoundingClientRect().top + scrollY;
  const caption = parseFloat(style.getPropertyValue("--caption")) * rem;
  return {
    box: { width: wall.clientWidth, height: innerHeight - above - gap, gap, caption },
    least: (LEAST_REM[size] * rem) / LANDSCAPE,
  };
}

function shapes(tiles, size) {
  return tiles.map((tile) => Math.max(SLIMMEST[size], Math.min(WIDEST, tile.aspect ?? LANDSCAPE)));
}

function apply(wall, tiles, sizes, fitted) {
  wall.classList.toggle("fitted", fitted);
  tiles.forEach((tile, at) => tile.resize(sizes[at]));
}
