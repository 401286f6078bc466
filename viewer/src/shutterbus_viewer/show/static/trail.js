// The way from the wall to one camera and back, as long as the tab is open: which cameras were shown there, in which
// order, under which address, and how far it was scrolled.

const NAME = "wall";

/** When the page is left, keep the wall as it is then; `ids()` are the cameras shown. */
export function keepTrail(ids) {
  addEventListener("pagehide", () => {
    history.replaceState({ scrollY }, "");
    try {
      sessionStorage.setItem(NAME, JSON.stringify({ address: `/${location.search}`, ids: ids() }));
    } catch {
      // storage is blocked: the way back leads to the whole wall
    }
  });
}

/** Scroll to where this page was when it was left by a link, if Back led to it. */
export function scrollBack() {
  if (history.state?.scrollY) scrollTo(0, history.state.scrollY);
}

/** The wall that one came from: `{address, ids}`; null if from none. */
export function trail() {
  try {
    return JSON.parse(sessionStorage.getItem(NAME));
  } catch {
    return null;
  }
}
