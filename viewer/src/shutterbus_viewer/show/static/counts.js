// How many cameras are in each state, in the bar and in the title of the page.

const SELDOM = new Set(["unknown", "waiting"]); // not worth a place in the bar while there are none
const WRONG = ["silent", "late", "unknown"];

/** Show `counts` of each kind, of which `chosen` alone is shown if it is not empty; `lost`: the server cannot be reached. */
export function showCounts(counts, chosen, lost) {
  for (const button of document.querySelectorAll("[data-kind]")) {
    const { kind } = button.dataset;
    button.querySelector("b").textContent = counts[kind];
    button.classList.toggle("none", counts[kind] === 0);
    button.setAttribute("aria-pressed", String(chosen === kind));
    if (SELDOM.has(kind)) button.hidden = counts[kind] === 0 && chosen !== kind;
  }
  const wrong = WRONG.filter((kind) => counts[kind]).map((kind) => `${counts[kind]} ${kind}`);
  document.title = [...(lost ? ["No connection"] : wrong), "Shutterbus"].join(" · ");
}
