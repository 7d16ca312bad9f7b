/** Accepting a field, opening it again, and setting it aside. */

import { $, toast } from "./dom.js";
import { numbers } from "./fields.js";
import { savedState } from "./status.js";

export class Acceptance {
  /** @param {import("./editor.js").Editor} editor */
  constructor(editor) {
    this.editor = editor;
  }

  /** Write the labels where training finds them. */
  async accept() {
    const { editor } = this;
    if (!editor.editable()) return;
    if (!$("labelling").hidden) {
      toast("The labels of this field are still to come", "bad");
      return;
    }
    const { key } = editor.field;
    try {
      if (savedState() === "offline") throw new Error("The server does not answer; accept the field when it does");
      if (await editor.queue.idle()) throw new Error("An edit was refused; look again and accept");
    } catch (error) {
      toast(error.message, "bad");
      return;
    }
    if (editor.opening || key !== editor.field.key) return;
    await this.ask("/api/accept", { seconds: editor.clock.take() }, (answer, here) => {
      const { length } = answer.regions;
      const known = length ? ` Only ${length === 1 ? "its region is" : `its ${length} regions are`} trained on.` : "";
      toast(`Saved for training: ${answer.mask}.${known}`, "good");
      if (answer.kept.length) toast(`Earlier masks are kept: ${answer.kept.join(", ")}`);
      if (here) editor.select([]);
    });
  }

  /** Take a field that cannot be judged out of the work, or take it back. */
  async setAside() {
    const { editor } = this;
    const { key, status, writable, user } = editor.field;
    const on = status !== "aside";
    try {
      if (!writable) throw new Error(`${user} edits this field in another window`);
      if (savedState() === "offline") throw new Error("The server does not answer; set the field aside when it does");
      await editor.queue.idle();
    } catch (error) {
      toast(error.message, "bad");
      return;
    }
    if (editor.opening || key !== editor.field.key) return;
    await this.ask("/api/aside", { on, seconds: editor.clock.take() }, (answer, here) => {
      toast(on ? "Set aside: training does not take this field. A takes it back." : "Taken back");
      if (here) editor.select([]);
    });
  }

  /** Allow edits of an accepted field. */
  async reopen() {
    await this.ask("/api/reopen", {}, () => {
      toast("Reopened. Training goes on with the labels accepted last until you accept it again.");
    });
  }

  /** Ask the server for one of these; `then` gets its answer, and whether the field is still shown. */
  async ask(path, extra, then) {
    const { editor } = this;
    const { key } = editor.field;
    try {
      const answer = await editor.api.post(path, key, { revision: editor.revision, ...extra });
      then(answer, key === editor.field.key);
      editor.fields.update(key, numbers(answer));
      editor.onAccepted();
      if (key !== editor.field.key) return; // another field is shown by now
      editor.showState(answer);
      await editor.showHistory();
    } catch (error) {
      toast(error.message, "bad");
      if (error.status === 409 && key === editor.field.key) await editor.reload();
    }
  }
}
