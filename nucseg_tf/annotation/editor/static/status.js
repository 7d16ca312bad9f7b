/** What the page says around the field: saved or not, banner, tool, cursor, buttons, help. */

import { $, make } from "./dom.js";
import { readable, sections } from "./keys.js";
import { BRUSHES, HINTS } from "./tools.js";

const SAVED = {
  saving: () => "Saving…",
  saved: () => "Saved",
  offline: (count) => `No answer from the server, trying again. Not saved: ${count}`,
  "locked-out": (count) => `Open the address that the new server printed. Not saved: ${count}`,
};

/** Say whether all is saved: `name` is a key of SAVED. */
export function showSaved(name, count = 0) {
  $("saved").textContent = SAVED[name](count);
  $("saved").dataset.state = name;
}

/** What showSaved was last called with, "none" before. */
export function savedState() {
  return $("saved").dataset.state;
}

/** Show a line above the field; `buttons` are texts and what they do. */
export function showBanner(text, buttons = []) {
  $("banner").hidden = !text;
  $("banner-text").textContent = text;
  const made = buttons.map(([textContent, onclick]) => make("button", { textContent, onclick }));
  $("banner-buttons").replaceChildren(...made);
}

export function setEnabled(action, enabled) {
  document.querySelector(`[data-action=${action}]`).disabled = !enabled;
}

/** The tool in hand, with its options. */
export function showTool(tools) {
  const { name } = tools;
  document.querySelectorAll("[data-tool]").forEach((button) => {
    button.setAttribute("aria-pressed", button.dataset.tool === name);
  });
  $("tool-hint").textContent = HINTS[name];
  $("brush-option").hidden = !(name === "draw" || name === "erase");
  $("box-option").hidden = name !== "select";
  $("box").checked = tools.marquee.always;
  $("over-option").hidden = !(name === "draw" || name === "polygon");
  $("brush").max = BRUSHES.length - 1;
  $("brush").value = tools.brush;
  $("brush-size").textContent = `${tools.size} px`;
  $("over").checked = tools.over;
  $("view").dataset.tool = name;
}

/** What is switched on of the view. */
export function showToggles({ show }) {
  const pressed = { hide: !show.labels, ids: show.ids };
  for (const [action, state] of Object.entries(pressed)) {
    document.querySelector(`[data-action=${action}]`).setAttribute("aria-pressed", state);
  }
}

export function showZoom(view) {
  $("zoom").textContent = `${Math.round(100 * view.camera.scale)} %`;
}

/** Place, grey value and nucleus under the cursor. */
export function showCursor({ picture, labels }, place) {
  const value = place && picture ? picture.at(...place) : null;
  if (value === null) {
    $("cursor").textContent = "";
    return;
  }
  const [row, column] = place.map(Math.floor);
  const grey = Number.isInteger(value) ? value : value.toPrecision(5);
  const label = labels?.at(...place);
  const nucleus = label ? ` · nucleus ${label}` : "";
  $("cursor").textContent = `row ${row}, column ${column} · value ${grey}${nucleus}`;
}

/** Fill the list of keyboard shortcuts. */
export function fillHelp() {
  const parts = sections().map(([name, rows]) => {
    const entries = rows.flatMap(([keys, text]) => {
      const names = keys.map((key) => make("kbd", { textContent: readable(key) }));
      return [make("dt", {}, ...names), make("dd", { textContent: text })];
    });
    return make("section", {}, make("h3", { textContent: name }), make("dl", {}, ...entries));
  });
  $("shortcuts").replaceChildren(...parts);
}
