/** Before and after: the labels of another model in place of the field's own, to look at. */

import { $, toast } from "./dom.js";
import { LabelMap } from "./labelmap.js";
import { showCount } from "./status.js";

const MISSING = {
  before: "No model before this one has labelled this field",
  model: "The model in use has not labelled this field",
};

/** Whether the field has the labels of a model: nobody has edited it, and it has no mask. */
export function isUntouched({ status, from }) {
  return status === "new" && from !== "masks";
}

export class Flip {
  /** @param {import("./editor.js").Editor} editor */
  constructor(editor) {
    this.editor = editor;
    this.own = null; // the field's labels, while others are shown
  }

  get on() {
    return this.own !== null;
  }

  /** Show the other labels, or the field's own again. */
  async toggle() {
    if (this.on) {
      this.back();
      return;
    }
    const { editor } = this;
    const { field, view } = editor;
    if (!field || !view.labels || editor.opening || this.asking) return;
    this.asking = true;
    const of = isUntouched(field) ? "before" : "model";
    try {
      await editor.queue.idle(); // what is on its way belongs to the field's own labels
      const other = await editor.api.bytes("/api/labels", field.key, of);
      if (editor.field !== field || editor.opening) return;
      this.own = view.labels;
      editor.select([]);
      view.suspects = [];
      view.setLabels(new LabelMap(other.buffer, view.picture.rows, view.picture.columns));
      showCount(view.labels.nuclei.size);
      const name = other.model || "another model";
      this.say(of === "before" ? `Before: labels of ${name}` : `Labels of ${name}, not yours`);
    } catch (error) {
      if (error.status === 404) toast(MISSING[of]);
      else toast(error.message, "bad");
    } finally {
      this.asking = false;
    }
  }

  /** Show the field's own labels again. */
  back() {
    if (!this.on) return;
    const { own, editor } = this;
    this.forget();
    editor.view.setLabels(own);
    showCount(own.nuclei.size);
    editor.select([]);
    editor.suspects.show();
  }

  /** Other labels of the field were fetched: those kept here are of no use. */
  forget() {
    this.own = null;
    this.say("");
  }

  say(text) {
    $("flip").hidden = !text;
    $("flip-text").textContent = text;
    $("stage").classList.toggle("flipped", Boolean(text));
    document.querySelector("[data-action=flip]").setAttribute("aria-pressed", Boolean(text));
  }
}
