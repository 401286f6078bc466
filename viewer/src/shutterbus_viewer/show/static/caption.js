// What the picture is of and when, for those who do not see it, over it, and in the title of the tab.

import { nameOf } from "./roster.js";
import { exact, moment } from "./times.js";

const $ = (selector) => document.querySelector(selector);

/** `pastUs` is the instant that is shown, null for what is live; `lost` is whether the server cannot be reached. */
export function describe(camera, pastUs, nowUs, lost) {
  const { verdict, picture } = camera;
  const name = nameOf(camera);
  for (const place of [$(".beside h1"), $(".over .name")]) {
    if (place.textContent !== name) place.textContent = name;
  }
  const captured = pastUs ?? picture?.captured_at_us;
  const state = pastUs === null ? `, ${verdict.words}` : "";
  const label = `${name}${state}${captured ? `, captured ${exact(captured, nowUs)}` : ""}`;
  if ($("#picture").ariaLabel !== label) $("#picture").setAttribute("aria-label", label);
  const wrong = verdict.kind === "live" ? "" : verdict.words;
  const when = pastUs === null ? wrong : moment(pastUs, nowUs);
  document.title = [lost ? "No connection" : when, name, "Shutterbus"].filter(Boolean).join(" · ");
}
