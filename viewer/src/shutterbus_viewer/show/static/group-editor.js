// The form in which an operator makes, changes and removes a group. Loaded when it is opened for the first time.

import { matcher } from "./groups.js";

const dialog = document.querySelector("#group-editor");
const form = dialog.querySelector("form");
const { name, members } = form.elements;
const [remove, close] = form.querySelectorAll("button[type=button]");
const problem = form.querySelector(".problems");
const found = form.querySelector("output");
let groups;
let before; // the group that is changed; null: a new one is made

/** Open it for the chosen group of `all`, or for a new one, which begins with what the filter shows. */
export function editGroup(all) {
  groups = all;
  before = groups.chosen?.fixed ? null : groups.chosen;
  const { text } = groups.choices;
  name.value = before?.name ?? "";
  members.value = before?.members.join(" ") ?? (/^[a-z0-9-]+$/.test(text) ? `*${text}*` : "");
  dialog.querySelector("h2").textContent = before ? `The group ${before.name}` : "A new group";
  remove.hidden = !before;
  say("");
  countFound();
  dialog.showModal();
  name.focus();
}

const words = () => members.value.split(/[\s,]+/).filter(Boolean);

function countFound() {
  const given = words().filter((word) => /^[a-z0-9*-]+$/.test(word));
  const many = given.length ? groups.ids.filter(matcher(given)).length : 0;
  found.textContent = `${many} of ${groups.ids.length} cameras belong to it now.`;
}

function say(sentence) {
  problem.textContent = sentence;
  problem.hidden = !sentence;
}

/** Ask the server for a change; return whether it was made, and say why if not. */
async function change(method, group, body) {
  try {
    const answer = await fetch(`/api/groups/${encodeURIComponent(group)}`, {
      method,
      headers: { "Content-Type": "application/json" },
      body: body && JSON.stringify(body),
    });
    if (answer.ok) return true;
    say((await answer.json()).detail);
  } catch {
    say("The server cannot be reached now.");
  }
  return false;
}

async function leaveFor(group) {
  await groups.load();
  dialog.close();
  groups.choices.pick(group);
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const wanted = name.value.trim();
  if (!(await change("PUT", wanted, { members: words() }))) return;
  if (before && before.name !== wanted && !(await change("DELETE", before.name))) return;
  await leaveFor(wanted);
});
remove.addEventListener("click", async () => {
  if (await change("DELETE", before.name)) await leaveFor("");
});
close.addEventListener("click", () => dialog.close());
members.addEventListener("input", countFound);
