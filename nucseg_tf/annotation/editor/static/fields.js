/** The list of fields with the progress of each. */

import { $, make } from "./dom.js";
import { Order } from "./order.js";

const MARKS = {
  new: "",
  begun: "in work",
  accepted: "accepted",
  reopened: "reopened",
  aside: "set aside",
  error: "unreadable",
};
const FEW = 200; // rows that are drawn again one by one
const PASSED = ["aside", "error"]; // there is nothing to do in them

export class FieldList {
  /** @param {function(string)} open called with the key of a field */
  constructor(open) {
    this.open = open;
    this.rows = [];
    this.items = new Map(); // key -> what is shown of its row
    this.thumbnails = null; // set by the page
    this.current = "";
    this.order = new Order(() => this.draw());
    $("filter").oninput = () => this.draw();
  }

  set(rows) {
    this.rows = rows;
    this.draw();
  }

  /** Add a field that has come. */
  add(row) {
    this.put(row);
    this.draw();
  }

  /** Put the row of a field that has come in its place by name. */
  put(row) {
    const place = this.rows.findIndex((other) => groupOf(other.key) || other.key > row.key);
    this.rows.splice(place < 0 ? this.rows.length : place, 0, row);
  }

  /** Take rows that are new or others now, or all; the field that is open is known better here. */
  refresh(rows, whole) {
    const open = this.rows.find((row) => row.key === this.current);
    const { status, count, suspects_left, regions } = open ?? {};
    const kept = open && status !== "new" ? { status, count, suspects_left, regions } : {};
    const told = rows.map((row) => (row.key === this.current ? { ...row, ...kept } : row));
    if (whole) this.set(told);
    else this.change(told);
  }

  /** Take rows that are new or others now. */
  change(rows) {
    const anew = new Map(rows.map((row) => [row.key, row]));
    const known = new Set(this.rows.map((row) => row.key));
    const come = rows.filter(({ key }) => !known.has(key));
    this.rows = this.rows.map((row) => anew.get(row.key) ?? row);
    come.forEach((row) => this.put(row));
    const learned = this.order.learns;
    this.order.show(this.rows); // there may be another order now, or none any more
    // Where they are listed by what is to be learned, any may have another place now.
    const moved = come.length || learned || this.order.learns;
    if (moved || rows.length > FEW) this.draw();
    else this.redraw(rows);
  }

  /** Draw rows again where they are shown. */
  redraw(rows) {
    for (const row of rows) {
      const item = this.items.get(row.key);
      if (item) item.replaceWith(this.entry(row));
    }
    this.drawProgress();
  }

  /** The fields as they are listed. */
  get sequence() {
    return this.order.of(this.rows);
  }

  /** Change what is known of a field. */
  update(key, changes) {
    const row = this.rows.find((other) => other.key === key);
    if (!row) return;
    Object.assign(row, changes);
    this.redraw([row]);
  }

  choose(key) {
    this.current = key;
    this.draw();
    this.items.get(key)?.scrollIntoView({ block: "nearest" });
  }

  /** The key of the field so many places on, past those without work, or undefined. */
  neighbour(step) {
    const rows = this.sequence;
    let place = rows.findIndex((row) => row.key === this.current) + step;
    while (PASSED.includes(rows[place]?.status)) place += Math.sign(step);
    return rows[place]?.key;
  }

  /** The key of the next field that is not accepted, or undefined. */
  unfinished() {
    const rows = this.sequence;
    // By what is to be learned, the next one is that at the top.
    const here = this.order.learns ? -1 : rows.findIndex((row) => row.key === this.current);
    const order = [...rows.slice(here + 1), ...rows.slice(0, Math.max(0, here))];
    const done = ["accepted", ...PASSED];
    return order.find((row) => row.key !== this.current && !done.includes(row.status))?.key;
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
    this.order.show(this.rows);
    const { learns } = this.order;
    const wanted = $("filter").value.trim().toLowerCase();
    const shown = this.sequence.filter((row) => row.key.toLowerCase().includes(wanted));
    const items = [];
    this.items.clear();
    let group = null;
    for (const row of shown) {
      const own = groupOf(row.key);
      if (own !== group && own && !learns) items.push(make("li", { className: "group-name", textContent: own }));
      group = own;
      items.push(this.entry(row));
    }
    $("field-list").replaceChildren(...items);
  }

  entry(row) {
    const item = make("li", { className: "field", data: { key: row.key, status: row.status } });
    const title = [row.error ?? row.key, row.why].filter(Boolean).join("\n");
    const button = make("button", { title });
    button.onclick = () => this.open(row.key);
    const facts = [row.count === null ? "" : `${row.count} nuclei`];
    if (row.regions) facts.push(row.regions === 1 ? "1 region" : `${row.regions} regions`);
    if (row.suspects_left) facts.push(row.suspects_left === 1 ? "1 suspect" : `${row.suspects_left} suspects`);
    if (row.user && row.key !== this.current) facts.push(`open: ${row.user}`);
    if (this.thumbnails) button.append(this.thumbnails.canvas(row.key));
    const reason = this.order.learns && row.status !== "accepted" && row.why;
    button.append(
      make("i", { className: "dot" }),
      make("span", { className: "name" }, make("bdi", { textContent: nameOf(row.key) })),
      make("span", { className: "mark", textContent: MARKS[row.status] }),
      make("span", { className: "facts", textContent: reason || facts.filter(Boolean).join(" · ") }),
    );
    if (row.key === this.current) item.setAttribute("aria-current", "true");
    item.append(button);
    this.items.set(row.key, item);
    return item;
  }
}

function groupOf(key) {
  return key.slice(0, Math.max(0, key.lastIndexOf("/")));
}

function nameOf(key) {
  return key.slice(key.lastIndexOf("/") + 1);
}

/** What the list shows, of what the server says of a field. */
export function numbers({ status, count, suspects_left, regions }) {
  return { status, count, suspects_left, regions: regions.length };
}
