/** In which order fields are listed, and so which one is next. */

import { $ } from "./dom.js";

const STORED = "nucseg:order";
const DONE = ["accepted", "error"];

export class Order {
  /** @param {function()} onChange called when another order was chosen */
  constructor(onChange) {
    this.chosen = localStorage.getItem(STORED) ?? "listed";
    this.known = false; // whether there is more than one order
    for (const name of ["listed", "learn"]) {
      $(`order-${name}`).onclick = () => {
        this.chosen = name;
        localStorage.setItem(STORED, name);
        onChange();
      };
    }
  }

  /** Whether the fields that most is learned from come first. */
  get learns() {
    return this.known && this.chosen === "learn";
  }

  /** Show the choice, where there is one. */
  show(rows) {
    this.known = rows.some((row) => typeof row.learn === "number");
    $("order").hidden = !this.known;
    for (const name of ["listed", "learn"]) {
      $(`order-${name}`).setAttribute("aria-pressed", name === this.chosen);
    }
  }

  /** The rows in this order: those to be learned from, those of which nothing is known, the rest. */
  of(rows) {
    if (!this.learns) return rows;
    const place = (row) => (DONE.includes(row.status) ? -2 : (row.learn ?? -1));
    return [...rows].sort((one, other) => place(other) - place(one));
  }
}
