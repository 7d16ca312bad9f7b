/** Going through the suspects of a field. */

import { toast } from "./dom.js";
import { showSuspects } from "./panel.js";

export class Suspects {
  /** @param {import("./editor.js").Editor} editor */
  constructor(editor) {
    this.editor = editor;
    this.current = 0; // label of the suspect shown
  }

  reset() {
    this.current = 0;
  }

  /** Those whose nucleus still exists, by rank. */
  get all() {
    const { field, view } = this.editor;
    return field.suspects.filter((suspect) => view.labels.nuclei.has(suspect.label));
  }

  /** Go to the next suspect; the one shown, if it was left as it is, counts as right. */
  next() {
    const { all } = this;
    const here = all.findIndex((suspect) => suspect.label === this.current);
    this.pass(all[here]);
    const order = [...all.slice(here + 1), ...all.slice(0, here + 1)];
    const next = order.find((suspect) => !suspect.done);
    if (next) {
      this.go(next);
      return;
    }
    this.current = 0;
    this.show();
    toast(all.length ? "No suspects left in this field" : "No suspects are known in this field", "good");
  }

  /** Go back to the suspect before. */
  previous() {
    const { all } = this;
    const here = all.findIndex((suspect) => suspect.label === this.current);
    if (here > 0) this.go(all[here - 1]);
  }

  /** Note that a suspect is right. */
  pass(suspect) {
    const { editor } = this;
    if (!suspect || suspect.done || editor.obstacle()) return;
    suspect.done = true;
    const body = { label: suspect.label };
    editor.queue.push({ path: "/api/review", field: editor.field.key, body }, editor.revision);
  }

  go(suspect) {
    const { view } = this.editor;
    const { box } = view.labels.nuclei.get(suspect.label);
    this.current = suspect.label;
    const screen = Math.min(...view.size);
    const side = Math.max(box[2] - box[0], box[3] - box[1]);
    const shown = side * view.camera.scale;
    if (shown < 60 || shown > 0.7 * screen) {
      view.camera.scale = Math.min(12, Math.max(1, (0.22 * screen) / side));
    }
    view.camera.centre((box[0] + box[2]) / 2, (box[1] + box[3]) / 2, ...view.size);
    this.editor.select([suspect.label]);
    this.show();
  }

  markDone(labels) {
    for (const suspect of this.editor.field.suspects) {
      if (labels.includes(suspect.label)) suspect.done = true;
    }
  }

  show() {
    const { all } = this;
    const { view } = this.editor;
    view.suspects = all.filter((suspect) => !suspect.done).map((suspect) => suspect.label);
    view.refresh();
    showSuspects(all, this.current, (suspect) => this.go(suspect));
  }
}
