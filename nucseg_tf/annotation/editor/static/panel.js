/** The panel beside the field: display, selected nuclei, suspects, history. */

import { $, duration, make, when } from "./dom.js";
import { colourOf } from "./outlines.js";
import { DEFAULTS } from "./picture.js";

const STORED = "nucseg:display";
const SHOWN_SUSPECTS = 100;

// Percentiles near the ends matter most, so the sliders are finer there.
const READ = {
  low: ({ value }) => ({ low: 50 * (value / 1000) ** 3 }),
  high: ({ value }) => ({ high: 100 - 50 * (1 - value / 1000) ** 3 }),
  gamma: ({ value }) => ({ gamma: 10 ** (value / 200) }),
  "fill-alpha": ({ value }) => ({ fill: Number(value) }),
  invert: ({ checked }) => ({ invert: checked }),
};

/** Sliders of contrast; `onChange(settings)` draws the image anew. */
export class Display {
  constructor(onChange) {
    this.onChange = onChange;
    this.settings = { ...DEFAULTS, fill: 0, ...JSON.parse(localStorage.getItem(STORED) ?? "{}") };
    for (const id of ["low", "high", "gamma", "fill-alpha"]) $(id).oninput = () => this.read(id);
    $("invert").onchange = () => this.read("invert");
    $("reset-display").onclick = () => this.set({ ...DEFAULTS, fill: 0 });
    this.write();
  }

  set(changes) {
    Object.assign(this.settings, changes);
    this.write();
    this.changed();
  }

  /** Take over what was moved, alone: black and white may be beyond the ends of their sliders. */
  read(id) {
    Object.assign(this.settings, READ[id]($(id)));
    this.label();
    this.changed();
  }

  write() {
    const { low, high, gamma, invert, fill } = this.settings;
    $("low").value = 1000 * Math.cbrt(low / 50);
    $("high").value = 1000 * (1 - Math.cbrt((100 - high) / 50));
    $("gamma").value = 200 * Math.log10(gamma);
    $("fill-alpha").value = fill;
    $("invert").checked = invert;
    this.label();
  }

  label() {
    const { low, high, gamma, fill } = this.settings;
    $("low-value").textContent = `${low.toFixed(2)} %`;
    $("high-value").textContent = `${high.toFixed(2)} %`;
    $("gamma-value").textContent = gamma.toFixed(2);
    $("fill-value").textContent = `${fill} %`;
  }

  changed() {
    localStorage.setItem(STORED, JSON.stringify(this.settings));
    this.onChange(this.settings);
  }
}

/** What is selected, with what the prelabels say of it. */
export function showSelected(labels, selected, suspects, pixelSize) {
  if (!selected.length || !labels) {
    $("selected").replaceChildren(quiet("Nothing selected"));
    return;
  }
  const rows = selected.slice(0, 6).map((label) => {
    const { area = 0 } = labels.nuclei.get(label) ?? {};
    const row = make("div", { className: "nucleus" });
    const swatch = make("i", { className: "swatch" });
    swatch.style.background = colourOf(label);
    const size = pixelSize ? ` · ${(area * pixelSize ** 2).toFixed(1)} µm²` : "";
    const text = `${area.toLocaleString()} px${size}`;
    row.append(swatch, make("b", { textContent: `#${label}` }), make("span", { textContent: text }));
    const suspect = suspects.find((other) => other.label === label);
    if (suspect) row.append(make("p", { className: "reasons", textContent: describe(suspect) }));
    return row;
  });
  if (selected.length > 6) rows.push(quiet(`and ${selected.length - 6} more`));
  $("selected").replaceChildren(...rows);
}

function quiet(textContent) {
  return make("p", { className: "quiet", textContent });
}

function describe({ confidence, reasons }) {
  const sure = confidence === null ? "" : `confidence\u00a0${Math.round(100 * confidence)}\u00a0%`;
  return [reasons.replaceAll(/;\s*/g, "; "), sure].filter(Boolean).join(" · ");
}

/** The suspects that nobody has looked at, most suspicious first. */
export function showSuspects(suspects, current, choose) {
  const left = suspects.filter((suspect) => !suspect.done);
  $("suspect-count").textContent = suspects.length ? `${left.length} of ${suspects.length} left` : "";
  const items = left.slice(0, SHOWN_SUSPECTS).map((suspect) => {
    const item = make("li");
    const button = make("button", { data: { label: suspect.label } });
    const text = make("span", { textContent: describe(suspect) });
    button.append(make("b", { textContent: `#${suspect.label}` }), text);
    if (suspect.label === current) button.setAttribute("aria-current", "true");
    button.onclick = () => choose(suspect);
    item.append(button);
    return item;
  });
  if (!items.length) items.push(quiet(suspects.length ? "All were looked at" : "None known"));
  $("suspects").replaceChildren(...items);
}

/** Where the labels came from, and who worked on them. */
export function showHistory(history, from) {
  const { begun, users, accepted, aside } = history;
  const lines = [];
  const names = { prelabels: "prelabels", masks: "the mask that was there", empty: "an empty field" };
  if (begun.from) {
    const model = begun.model ? ` of ${begun.model}` : "";
    lines.push(`Begun from ${names[begun.from]}${model}, ${when(begun.time)}`);
  } else {
    lines.push(`Nothing was changed yet; begins from ${names[from]}`);
  }
  for (const user of users) {
    const edits = user.edits === 1 ? "1 edit" : `${user.edits} edits`;
    lines.push(`${user.name}: ${edits}, ${duration(user.seconds)}`);
  }
  for (const entry of accepted) lines.push(`Accepted by ${entry.user}, ${when(entry.time)}`);
  if (aside) lines.push(`Set aside by ${aside.user}, ${when(aside.time)}`);
  $("history").replaceChildren(...lines.map((textContent) => make("p", { textContent })));
}
