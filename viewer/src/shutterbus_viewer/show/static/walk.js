// Arrow keys from tile to tile. One tile at a time can be reached by Tab, so that a thousand are not in the way.

/** `keys` for onKeys; `enter()` goes to the tile that Tab would reach; `settle()` after tiles came or went. */
export function walker(wall) {
  const columns = () => getComputedStyle(wall).gridTemplateColumns.split(" ").length;

  function go(to) {
    const links = [...wall.querySelectorAll("a")];
    const from = links.indexOf(document.activeElement);
    const next = links[from < 0 ? 0 : Math.max(0, Math.min(links.length - 1, to(from, links.length)))];
    if (!next) return false;
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
    return true;
  }

  function only(chosen) {
    for (const link of wall.querySelectorAll("a[tabindex='0']")) link.tabIndex = -1;
    if (chosen) chosen.tabIndex = 0;
  }

  wall.addEventListener("focusin", ({ target }) => only(target));

  return {
    keys: {
      ArrowRight: () => go((from) => from + 1),
      ArrowLeft: () => go((from) => from - 1),
      ArrowDown: () => go((from, all) => (from + columns() < all ? from + columns() : from)),
      ArrowUp: () => go((from) => (from >= columns() ? from - columns() : from)),
      Home: () => go(() => 0),
      End: () => go((from, all) => all - 1),
    },
    enter: () => wall.querySelector("a[tabindex='0']")?.focus(),
    settle: () => only(wall.querySelector("a[tabindex='0']") ?? wall.querySelector("a")),
  };
}
