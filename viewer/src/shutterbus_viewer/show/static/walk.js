// Arrow keys from tile to tile. One tile at a time can be reached by Tab, so that a thousand are not in the way.

/** `keys` for onKeys; `enter()` goes to the tile that Tab would reach; `settle()` after tiles came or went. */
export function walker(wall) {
  const TILE = ".tile > a:first-child"; // not the bar below it

  function go(to) {
    const links = [...wall.querySelectorAll(TILE)];
    const from = links.indexOf(document.activeElement);
    const next = links[from < 0 ? 0 : Math.max(0, Math.min(links.length - 1, to(from, links)))];
    if (!next) return false;
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
    return true;
  }

  function only(chosen) {
    for (const link of wall.querySelectorAll("a[tabindex='0']")) link.tabIndex = -1;
    if (chosen) chosen.tabIndex = 0;
  }

  /** The tile nearest to the one at `from` in the next row, `step` 1 down or -1 up. */
  function beside(from, links, step) {
    const middle = (link) => link.parentElement.offsetLeft + link.parentElement.offsetWidth / 2;
    const top = (at) => links[at]?.parentElement.offsetTop;
    const off = (at) => Math.abs(middle(links[at]) - middle(links[from]));
    let first = from;
    while (top(first) === top(from)) first += step;
    let best = first;
    for (let at = first; top(first) !== undefined && top(at) === top(first); at += step) if (off(at) < off(best)) best = at;
    return links[best] ? best : from;
  }

  wall.addEventListener("focusin", ({ target }) => {
    if (target.matches(TILE)) only(target);
  });

  return {
    keys: {
      ArrowRight: () => go((from) => from + 1),
      ArrowLeft: () => go((from) => from - 1),
      ArrowDown: () => go((from, links) => beside(from, links, 1)),
      ArrowUp: () => go((from, links) => beside(from, links, -1)),
      Home: () => go(() => 0),
      End: () => go((from, links) => links.length - 1),
    },
    enter: () => wall.querySelector("a[tabindex='0']")?.focus(),
    settle: () => only(wall.querySelector("a[tabindex='0']") ?? wall.querySelector(TILE)),
  };
}
