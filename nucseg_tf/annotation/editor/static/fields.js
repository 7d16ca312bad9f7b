/** The list of fields with the progress of each. */

import { $, make } from "./dom.js";

const MARKS = {
  new: "",
  begun: "in work",
  accepted: "accepted",
  reopened: "reopened",
  aside: "set aside",
  error: "unreadable",
};
const PASSED = ["aside", "error"]; // there is nothing to do in them

export class FieldList {
  /** @param {function(string)} open called with the key of a field */
  constructor(open) {
    this.open = open;
    this.rows = [];
    this.thumbnails = null; // set by the page
    this.current = "";
    $("filter").oninput = () => this.draw();
  }

  set(rows) {
    this.rows = rows;
    this.draw();
  }

  /** Add a field that has come, in its place by name. */
  add(row) {
    const place = this.rows.findIndex((other) => groupOf(other.key) || other.key > row.key);
    this.rows.splice(place < 0 ? this.rows.length : place, 0, row);
    this.draw();
  }

  /** Change what is known of a field. */
  update(key, changes) {
    const row = this.rows.find((other) => other.key === key);
    if (!row) return;
    Object.assign(row, changes);
    this.item(key)?.replaceWith(this.entry(row));
    this.drawProgress();
  }

  choose(key) {
    this.current = key;
    this.draw();
    this.item(key)?.scrollIntoView({ block: "nearest" });
  }

  item(key) {
    return [...$("field-list").children].find((item) => item.dataset.key === key);
  }

  /** The key of the field so many places on, past those without work, or undefined. */
  neighbour(step) {
    let place = this.rows.findIndex((row) => row.key === this.current) + step;
    while (PASSED.includes(this.rows[place]?.status)) place += Math.sign(step);
    return this.rows[place]?.key;
  }

  /** The key of the next field that is not accepted, or undefined. */
  unfinished() {
    const here = this.rows.findIndex((row) => row.key === this.current);
    const order = [...this.rows.slice(here + 1), ...this.rows.slice(0, here)];
    return order.find((row) => !["accepted", ...PASSED].includes(row.status))?.key;
  }

  drawProgress() {
    const accepted = this.rows.filter((row) => row.status === "accepted").length;
    const aside = this.rows.filter((row) => row.status === "aside").length;
    const total = this.rows.length - aside;
    const others = aside ? ` · ${aside} set aside` : "";
    $("progress-text").textContent = `${accepted} of ${total} fields accepted${others}`;
    $("progress-bar").style.width = `${(100 * accepted) / Math.max(1, total)}%`;
  }

  draw() {
    this.drawProgress();
    this.thumbnails?.restart();
    const wanted = $("filter").value.trim().toLowerCase();
    const shown = this.rows.filter((row) => row.key.toLowerCase().includes(wanted));
    const items = [];
    let group = null;
    for (const row of shown) {
      const own = groupOf(row.key);
      if (own !== group && own) items.push(make("li", { className: "group-name", textContent: own }));
      group = own;
      items.push(this.entry(row));
    }
    $("field-list").replaceChildren(...items);
  }

  entry(row) {
    const item = make("li", { className: "field", data: { key: row.key, status: row.status } });
    const button = make("button", { title: row.error ?? row.key });
    button.onclick = () => this.open(row.key);
    const facts = [row.count === null ? "" : `${row.count} nuclei`];
    if (row.regions) facts.push(row.regions === 1 ? "1 region" : `${row.regions} regions`);
    if (row.suspects_left) facts.push(`${row.suspects_left} suspects`);
    if (row.user && row.key !== this.current) facts.push(`open: ${row.user}`);
    if (this.thumbnails) button.append(this.thumbnails.canvas(row.key));
    button.append(
      make("i", { className: "dot" }),
      make("span", { className: "name", textContent: nameOf(row.key) }),
      make("span", { className: "mark", textContent: MARKS[row.status] }),
      make("span", { className: "facts", textContent: facts.filter(Boolean).join(" · ") }),
    );
    if (row.key === this.current) item.setAttribute("aria-current", "true");
    item.append(button);
    return item;
  }
}

function groupOf(key) {
  return key.slice(0, Math.max(0, key.lastIndexOf("/")));
}

function nameOf(key) {
  return key.slice(key.lastIndexOf("/") + 1);
}
