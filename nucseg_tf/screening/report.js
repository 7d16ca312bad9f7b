"use strict";
// Draws the page from its own data. Text from files only ever becomes textContent or an attribute.

const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const metrics = new Map(data.metrics.map((metric) => [metric.key, metric]));
const hasWells = data.plates.length > 0;
const state = {plate: 0, metric: data.metrics[0]?.key, statistic: "mean", sort: null, up: true};
const LIMIT = 300; // rows of the table, and pictures without wells, before one asks for more
// Viridis in nine steps: even in brightness, and told apart by the colour-blind.
const SCALE = ["#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30", "#fde725"]
  .map((hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)));

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key in made && typeof value !== "string") made[key] = value; else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}
function drawing(name, attributes = {}, text = "") {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
}
const rounding = {3: new Intl.NumberFormat("en", {maximumSignificantDigits: 3}), 4: new Intl.NumberFormat("en", {maximumSignificantDigits: 4})};
function number(value, digits = 4) {
  if (value === null || value === undefined) return "–";
  return Math.abs(value) >= 10 ** digits ? Math.round(value).toLocaleString("en") : rounding[digits].format(value);
}
const rowName = (row) => row <= 26 ? String.fromCharCode(64 + row) : "A" + String.fromCharCode(38 + row);

// --- colours
function limits(values) {
  // Ends of the scale: all but the outermost fiftieth, so that one odd well does not take it all.
  const sorted = values.filter((value) => value !== null).sort((a, b) => a - b);
  if (!sorted.length) return null;
  const out = Math.floor(sorted.length / 50);
  return {low: sorted[out], high: sorted[sorted.length - 1 - out], least: sorted[0], most: sorted.at(-1)};
}
function colour(value, ends) {
  const share = ends.high > ends.low ? Math.min(1, Math.max(0, (value - ends.low) / (ends.high - ends.low))) : ends.low === 0 ? 0 : 0.5;
  const at = Math.min(SCALE.length - 2, Math.floor(share * (SCALE.length - 1)));
  const part = share * (SCALE.length - 1) - at;
  const rgb = SCALE[at].map((from, n) => Math.round(from + part * (SCALE[at + 1][n] - from)));
  return {fill: `rgb(${rgb})`, dark: share < 0.6};
}
function legend(ends, width) {
  const svg = drawing("svg", {width, height: 34, viewBox: `0 0 ${width} 34`, role: "img"});
  const steps = 60;
  for (let n = 0; n < steps; n++) {
    const value = ends.low + (ends.high - ends.low) * n / (steps - 1);
    svg.append(drawing("rect", {x: width * n / steps, y: 2, width: width / steps + 1, height: 11, fill: colour(value, ends).fill}));
  }
  const low = (ends.least < ends.low ? "≤ " : "") + number(ends.low), high = (ends.most > ends.high ? "≥ " : "") + number(ends.high);
  svg.append(drawing("text", {x: 0, y: 28, "font-size": 12}, low));
  svg.append(drawing("text", {x: width, y: 28, "font-size": 12, "text-anchor": "end"}, high));
  return svg;
}

// --- hints
function hint(target, text) {
  const tip = byId("tip");
  target.addEventListener("mousemove", (event) => {
    tip.textContent = text();
    tip.hidden = false;
    const right = event.clientX + 14 + tip.offsetWidth > innerWidth;
    tip.style.left = `${right ? event.clientX - 10 - tip.offsetWidth : event.clientX + 14}px`;
    tip.style.top = `${Math.min(event.clientY + 14, innerHeight - tip.offsetHeight - 4)}px`;
  });
  target.addEventListener("mouseleave", () => { tip.hidden = true; });
}
function describe(place, metric, statistic) {
  const unit = data.units[place];
  const flagged = unit.fields.filter((field) => data.fields[field].flags.length).length;
  const lines = [unit.name, `${metric.label}, ${statistic}: ${number(metric[statistic][place])}`,
    `n = ${number(metric.n[place])} ${metric.of}`];
  if (hasWells) lines.push(`${flagged} of ${unit.fields.length} field${unit.fields.length === 1 ? "" : "s"} flagged`);
  return lines.join("\n");
}

// --- maps
function unitsOf(plate) {
  return data.units.map((unit, place) => place).filter((place) => !hasWells || data.units[place].plate === plate.name);
}
function heatMap(plate, metric, statistic, width) {
  const {rows, columns} = plate, edge = width > 500 ? 26 : 15;
  const size = Math.min((width - edge) / columns, width > 500 ? 62 : 40), id = `hatch${heatMap.count++}`;
  const svg = drawing("svg", {width: edge + size * columns, height: edge + size * rows,
    viewBox: `0 0 ${edge + size * columns} ${edge + size * rows}`, role: "img", "aria-label": `${metric.label} by well`});
  const hatch = drawing("pattern", {id, width: 5, height: 5, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)"});
  hatch.append(drawing("rect", {width: 5, height: 5, fill: "#fff"}), drawing("rect", {width: 1, height: 5, fill: "#bfc4cb"}));
  svg.append(hatch);
  const font = Math.max(6, Math.min(13, size * 0.62)), every = size < 11 ? 4 : size < 16 ? 2 : 1;
  for (let column = 1; column <= columns; column += every) {
    svg.append(drawing("text", {x: edge + size * (column - 0.5), y: edge - 5, "font-size": font, "text-anchor": "middle"}, column));
  }
  for (let row = 1; row <= rows; row += every) {
    svg.append(drawing("text", {x: edge - 5, y: edge + size * (row - 0.5) + font * 0.35, "font-size": font, "text-anchor": "end"}, rowName(row)));
  }
  const here = unitsOf(plate), ends = limits(here.map((place) => metric[statistic][place]));
  const wells = new Map(here.map((place) => [data.units[place].place.join(), place]));
  for (let row = 1; row <= rows; row++) {
    for (let column = 1; column <= columns; column++) {
      const place = wells.get(`${row},${column}`), x = edge + size * (column - 1), y = edge + size * (row - 1);
      const shape = {x, y, width: size, height: size, "stroke-width": size > 12 ? 1.5 : 0.5};
      if (place === undefined) {
        const none = drawing("rect", {...shape, fill: `url(#${id})`, class: "missing", "stroke-width": 0.5});
        hint(none, () => `${rowName(row)}${String(column).padStart(2, "0")}\nno images`);
        svg.append(none);
        continue;
      }
      const value = metric[statistic][place], tone = value === null ? {fill: "#b9bec5"} : colour(value, ends);
      const cell = drawing("rect", {...shape, fill: tone.fill, class: "cell"});
      hint(cell, () => describe(place, metric, statistic));
      cell.addEventListener("click", () => showWell(place));
      svg.append(cell);
      if (size >= 44) {
        const text = drawing("text", {x: x + size / 2, y: y + size / 2 + 4, "font-size": 11.5, "text-anchor": "middle",
          "pointer-events": "none", style: `fill: ${tone.dark ? "#fff" : "#1b1b1b"}`}, number(value, 3));
        svg.append(text);
      }
    }
  }
  return [svg, ends];
}
heatMap.count = 0;
function row(metric, statistic, width) {
  // Without wells: a dot for each image, in the order of the files.
  const height = width > 500 ? 260 : 130, left = 52, values = metric[statistic];
  const svg = drawing("svg", {width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${metric.label} by image`});
  const known = values.filter((value) => value !== null);
  const low = known.reduce((a, b) => Math.min(a, b)), high = known.reduce((a, b) => Math.max(a, b));
  const y = (value) => high > low ? height - 12 - (height - 24) * (value - low) / (high - low) : height / 2;
  for (const value of new Set([low, (low + high) / 2, high])) {
    svg.append(drawing("line", {x1: left, x2: width, y1: y(value), y2: y(value), stroke: "#e3e5e8"}));
    svg.append(drawing("text", {x: left - 6, y: y(value) + 4, "font-size": 11, "text-anchor": "end"}, number(value, 3)));
  }
  values.forEach((value, place) => {
    if (value === null) return;
    const x = left + 8 + (width - left - 16) * (place + 0.5) / values.length;
    const flagged = data.units[place].fields.some((field) => data.fields[field].flags.length);
    const dot = drawing("circle", {cx: x, cy: y(value), r: width > 500 ? 5 : 3, class: "dot", fill: flagged ? "#d55e00" : "#0072b2"});
    hint(dot, () => describe(place, metric, statistic));
    dot.addEventListener("click", () => showWell(place));
    svg.append(dot);
  });
  return [svg, null];
}
const chart = (metric, statistic, width) => hasWells ? heatMap(data.plates[state.plate], metric, statistic, width) : row(metric, statistic, width);

function drawMap() {
  const metric = metrics.get(state.metric);
  const [svg, ends] = chart(metric, state.statistic, Math.min(1100, Math.max(320, byId("large").clientWidth)));
  byId("large").replaceChildren(svg);
  if (ends) byId("large").append(legend(ends, 240));
  const how = metric.of === "fields"
    ? "each field counts once"
    : state.statistic === "mean" ? "the mean of all nuclei of a well" : "the median of the medians of a well's fields";
  byId("map-note").textContent = hasWells
    ? `${metric.label}: ${how}. Hatched: no images; grey: no value. The ends of the colours leave out the outermost fiftieth of the wells (≤, ≥). A click shows a well's pictures.`
    : `${metric.label}: a dot for each image, in the order of the files; orange: flagged. A click shows its picture.`;
}
function drawGlance() {
  byId("glance").replaceChildren(...data.glance.map(({key, statistic}) => {
    const metric = metrics.get(key), [svg, ends] = chart(metric, statistic, 330);
    const head = element("button", {type: "button"}, metric.label + (key === "flagged" ? "" : `, ${statistic}`));
    head.addEventListener("click", () => {
      Object.assign(state, {metric: key, statistic});
      byId("metric").value = key;
      document.querySelector(`input[name=statistic][value=${statistic}]`).checked = true;
      drawMap();
      byId("map").scrollIntoView({behavior: "smooth"});
    });
    return element("div", {}, head, svg, ...(ends ? [legend(ends, 160)] : []));
  }));
}

// --- histograms
function histogram({label, edges, counts}) {
  const width = 340, height = 150, base = height - 22, top = counts.reduce((a, b) => Math.max(a, b), 1);
  const svg = drawing("svg", {width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label});
  const [low, high] = [Math.log10(edges[0]), Math.log10(edges.at(-1))];
  const x = (value) => 2 + (width - 4) * (Math.log10(value) - low) / (high - low);
  counts.forEach((count, n) => {
    const tall = (base - 8) * count / top;
    const bar = drawing("rect", {x: x(edges[n]), y: base - tall, width: Math.max(1, x(edges[n + 1]) - x(edges[n]) - 0.6), height: tall, fill: "#2c728e"});
    hint(bar, () => `${number(edges[n])} to ${number(edges[n + 1])}\n${number(count)} nuclei`);
    svg.append(bar);
  });
  svg.append(drawing("line", {x1: 0, x2: width, y1: base, y2: base, stroke: "#565d66"}));
  const steps = high - low > 1.3 ? [1, 2, 5] : high - low > 0.5 ? [1, 1.5, 2, 3, 4, 5, 7] : [1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 9];
  let last = -Infinity;
  for (let power = Math.floor(low); power <= high; power++) {
    for (const step of steps) {
      const at = x(step * 10 ** power), text = number(step * 10 ** power, 3), half = 3.5 * text.length;
      if (at < half || at > width - half || at - last < 38) continue;
      last = at;
      svg.append(drawing("line", {x1: at, x2: at, y1: base, y2: base + 4, stroke: "#565d66"}));
      svg.append(drawing("text", {x: at, y: height - 5, "font-size": 11, "text-anchor": "middle"}, text));
    }
  }
  return element("div", {}, element("h3", {}, label), svg);
}

// --- pictures
const flagMarks = (field) => field.flags.map((flag) => element("span", {class: "flag"}, data.flags[flag]));
const where = (field) => hasWells && field.well
  ? [data.plates.length > 1 ? field.plate : "", field.well, field.field && `field ${field.field}`].filter(Boolean).join(" ")
  : field.image;
function picture(field) {
  const shown = field.picture
    ? element("img", {src: field.picture, loading: "lazy", alt: `Nuclei of ${field.image}`})
    : element("div", {class: "blank"}, "no picture");
  return element("figure", {}, shown, element("figcaption", {}, `${where(field)}: ${number(field.nuclei)} nuclei `, ...flagMarks(field)));
}
function showWell(place) {
  const unit = data.units[place], dialog = byId("well");
  dialog.querySelector("h2").textContent = [unit.plate, unit.name].filter(Boolean).join(" ");
  const measured = data.glance.map(({key, statistic}) => {
    const metric = metrics.get(key);
    return `${metric.label}${key === "flagged" ? "" : `, ${statistic}`}: ${number(metric[statistic][place])}`;
  });
  dialog.querySelector("p").textContent = measured.join("; ");
  dialog.querySelector(".pictures").replaceChildren(...unit.fields.map((field) => picture(data.fields[field])));
  dialog.showModal();
}
function well(place) {
  const unit = data.units[place], field = data.fields[unit.fields[Math.floor((unit.fields.length - 1) / 2)]];
  const flagged = unit.fields.some((each) => data.fields[each].flags.length);
  const inside = field.picture ? element("img", {src: field.picture, loading: "lazy", alt: unit.name}) : element("span", {}, unit.name);
  const button = element("button", {type: "button", "aria-label": unit.name, ...(flagged ? {class: "flagged"} : {})}, inside);
  button.addEventListener("click", () => showWell(place));
  hint(button, () => `${unit.name}\n${number(metrics.get("count").mean[place])} nuclei ${hasWells ? "a field" : ""}`);
  return button;
}
function drawMontage() {
  const montage = byId("montage");
  if (!data.fields.some((field) => field.picture)) {
    byId("pictures").hidden = true;
    return;
  }
  const note = "Outlines: the nuclei that were found. Orange corner: flagged. The pictures are files beside this page; move the folder as a whole.";
  if (!hasWells) {
    montage.className = "loose";
    const draw = (most) => {
      montage.replaceChildren(...data.units.slice(0, most).map((unit, place) => {
        const made = well(place);
        made.append(unit.name);
        return made;
      }));
      byId("montage-note").replaceChildren(note, ...more(data.units.length, most, "images", () => draw(Infinity)));
    };
    draw(LIMIT);
    return;
  }
  byId("montage-note").textContent = `The middle field of each well; a click shows all of them. ${note}`;
  const plate = data.plates[state.plate], wells = new Map(unitsOf(plate).map((place) => [data.units[place].place.join(), place]));
  const side = Math.max(26, Math.min(84, Math.floor(1060 / plate.columns)));
  montage.style.gridTemplateColumns = `1.6rem repeat(${plate.columns}, ${side}px)`;
  const cells = [element("b")];
  for (let column = 1; column <= plate.columns; column++) cells.push(element("b", {}, `${column}`));
  for (let row = 1; row <= plate.rows; row++) {
    cells.push(element("b", {}, rowName(row)));
    for (let column = 1; column <= plate.columns; column++) {
      const place = wells.get(`${row},${column}`);
      cells.push(place === undefined ? element("div", {class: "hatch"}) : well(place));
    }
  }
  montage.replaceChildren(...cells);
}
function more(count, shown, things, action) {
  if (count <= shown) return [];
  const button = element("button", {type: "button"}, `show all ${number(count)} ${things}`);
  button.addEventListener("click", action);
  return [` The first ${shown}: `, button];
}

// --- the table of fields
const COLUMNS = [
  {label: hasWells ? "Field" : "Image", text: true, of: where},
  {label: "Nuclei", of: (field) => field.nuclei},
  ...data.measures.map(({label}, n) => ({label, of: (field) => field.measures[n]}))
    .filter((column) => data.fields.some((field) => column.of(field) !== null)),
  {label: "Flags", text: true, of: (field) => field.flags.map((flag) => data.flags[flag]).join()},
];
function compare(a, b) {
  if (a === null || b === null) return (a === null) - (b === null);
  return typeof a === "string" ? a.localeCompare(b, "en", {numeric: true}) : a - b;
}
function badness(a, b) {
  // Most flags first; of as many, the worst kind (they are in that order), then the least focus.
  return b.flags.length - a.flags.length || (a.flags[0] ?? 99) - (b.flags[0] ?? 99) || compare(a.measures[0], b.measures[0]);
}
function drawTable(most = LIMIT) {
  const fields = data.fields.filter((field) => byId("all").checked || field.flags.length).sort(badness);
  if (state.sort !== null) {
    const {of} = COLUMNS[state.sort];
    fields.sort((a, b) => of(a) === null || of(b) === null ? compare(of(a), of(b)) : compare(of(a), of(b)) * (state.up ? 1 : -1));
  }
  const head = element("tr", {}, ...COLUMNS.map((column, n) => {
    const mark = state.sort === n ? (state.up ? " ▲" : " ▼") : "";
    const button = element("button", {type: "button"}, column.label + mark);
    button.addEventListener("click", () => {
      state.up = state.sort === n ? !state.up : true;
      state.sort = n;
      drawTable(most);
    });
    return element("th", column.text ? {class: "name"} : {}, button);
  }));
  const rows = fields.slice(0, most).map((field) => element("tr", {}, ...COLUMNS.map((column) => {
    if (column.label === "Flags") return element("td", {class: "name"}, ...flagMarks(field));
    return element("td", column.text ? {class: "name"} : {}, column.text ? column.of(field) : number(column.of(field), 3));
  })));
  byId("fields").replaceChildren(...(rows.length ? [element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows)),
    element("p", {class: "note"}, ...more(fields.length, most, "fields", () => drawTable(Infinity)))] : []));
}
function drawQuality() {
  const flagged = data.fields.filter((field) => field.flags.length).sort(badness);
  const counts = data.flags.map((flag, n) => [flag, flagged.filter((field) => field.flags.includes(n)).length]).filter(([, count]) => count);
  byId("quality-note").textContent = flagged.length
    ? `${number(flagged.length)} of ${number(data.fields.length)}: ${counts.map(([flag, count]) => `${number(count)} ${flag}`).join(", ")}.`
    : "None has a flag.";
  if (!data.fields.some((field) => field.measures.some((value) => value !== null))) {
    byId("quality-note").append(" Focus and the rest were not measured; only counts are compared.");
  }
  byId("worst").replaceChildren(...flagged.filter((field) => field.picture).slice(0, 12).map(picture));
  drawTable();
}

// --- controls
function choices(select, items, changed) {
  select.replaceChildren(...items.map(([value, label]) => element("option", {value: `${value}`}, label)));
  select.addEventListener("change", () => changed(select.value));
}
byId("map-title").textContent = hasWells ? "The plate" : "The images";
byId("plate-choice").hidden = data.plates.length < 2;
choices(byId("plate"), data.plates.map((plate, n) => [n, plate.name || "(no name)"]), (value) => {
  state.plate = Number(value);
  drawMap(); drawGlance(); drawMontage();
});
choices(byId("metric"), data.metrics.map((metric) => [metric.key, metric.label]), (value) => {
  state.metric = value;
  drawMap();
});
for (const input of document.querySelectorAll("input[name=statistic]")) {
  input.addEventListener("change", () => { state.statistic = input.value; drawMap(); });
}
byId("all").addEventListener("change", () => drawTable());
byId("histograms").hidden = !data.histograms.length;
byId("bars").replaceChildren(...data.histograms.map(histogram));
byId("map").hidden = !data.metrics.length;
if (data.metrics.length) { drawMap(); drawGlance(); }
drawMontage();
drawQuality();
