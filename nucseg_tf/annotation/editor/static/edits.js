/** Edits of the field that is open: on their way, answered, refused. */

import { randomId } from "./api.js";
import { toast } from "./dom.js";
import { numbers } from "./fields.js";
import { showLost } from "./takeover.js";

const HISTORY_DELAY = 1500; // ms after an edit until the history is shown anew

export class Edits {
  /** @param {import("./editor.js").Editor} editor */
  constructor(editor) {
    this.editor = editor;
  }

  /** Send an edit; `way` is what a hand drew, shown until there is an answer. */
  submit(tool, extra = {}, way = null) {
    const { editor } = this;
    if (!editor.editable()) return;
    const edit = { id: randomId(), tool, ...extra };
    if (way) editor.view.ways.push({ ...way, id: edit.id });
    editor.queue.push({ path: "/api/edit", field: editor.field.key, body: { edit } }, editor.revision);
    editor.view.refresh();
  }

  /** Use a tool on the selected nuclei. */
  submitSelected(tool, least = 1) {
    const { editor } = this;
    const labels = editor.view.selected;
    if (labels.length >= least) this.submit(tool, { labels });
    else toast("Select a nucleus first");
  }

  /** An edit or a review was saved. */
  answered(item, answer) {
    const { editor } = this;
    const { edit, label } = item.body;
    if (item.field !== editor.field?.key) {
      editor.fields.update(item.field, numbers(answer));
      return;
    }
    if (edit && answer.revision !== editor.revision + 1) {
      editor.reload(); // saved by an earlier page, and perhaps more after it
      return;
    }
    if (edit) {
      this.forgetWay(item);
      editor.revision = answer.revision;
      editor.view.labels.apply(answer);
      editor.view.outlines.update(answer.patch.box);
      editor.select(answer.select);
      performance.measure(`edit:${edit.tool}`, { start: Math.min(item.at, performance.now()) });
    }
    editor.suspects.markDone(edit ? Object.keys(answer.nuclei).map(Number) : [label]);
    editor.showState(answer);
    clearTimeout(this.historyTimer);
    this.historyTimer = setTimeout(() => editor.showHistory(), HISTORY_DELAY);
  }

  /** An edit was refused. */
  async refused(item, error) {
    const { editor } = this;
    this.forgetWay(item);
    const here = item.field === editor.field?.key;
    if (error.status === 409) {
      const saved = error.message.startsWith("saved before");
      const lost = saved ? 0 : editor.queue.drop(item.field) + 1;
      if (here) editor.view.ways = [];
      if (!saved) toast(`${item.field}: ${error.message}; edits that were not made: ${lost}`, "bad");
      if (here) await editor.reload();
      return;
    }
    if (error.status === 423) {
      const lost = editor.queue.drop(item.field) + 1;
      showLost(item.field, error.message, lost);
      if (here) await editor.reload();
      return;
    }
    toast(error.message, "bad");
  }

  forgetWay(item) {
    const { editor } = this;
    editor.view.ways = editor.view.ways.filter((way) => way.id !== item.body.edit?.id);
    editor.view.refresh();
  }
}
