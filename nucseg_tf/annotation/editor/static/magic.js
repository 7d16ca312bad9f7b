/** Nuclei under clicks: the server's model has to be ready before a click is sent. */

import { $, toast } from "./dom.js";
import { HINTS } from "./tools.js";

const PATIENCE = 300; // ms between questions

export class Magic {
  /**
   * @param {import("./editor.js").Editor} editor
   * @param {function(): boolean} inHand whether this tool is
   */
  constructor(editor, inHand) {
    this.editor = editor;
    this.inHand = inHand;
    this.asking = new Map(); // of fields, the promises of `ask`
  }

  /** Have the model look at the field shown; false if it is not to be had by now. */
  async prepare() {
    const key = this.editor.field?.key;
    if (!key) return false;
    if (!this.asking.has(key)) this.asking.set(key, this.ask(key));
    try {
      return await this.asking.get(key);
    } catch (error) {
      toast(error.message, "bad");
      return false;
    } finally {
      this.asking.delete(key);
    }
  }

  async ask(key) {
    for (;;) {
      const answer = await this.editor.api.post("/api/magic", key);
      this.say(answer);
      if (answer.state !== "loading") return true;
      await new Promise((wake) => setTimeout(wake, PATIENCE));
    }
  }

  say({ state, model, error }) {
    if (!this.inHand()) return;
    const texts = {
      loading: `Loading ${model}; clicks wait for it`,
      ready: `${HINTS.magic} (${model})`,
      failed: `${HINTS.magic}; by its light alone, for there is no model: ${error}`,
    };
    $("tool-hint").textContent = texts[state];
  }

  /** Send a click, once there can be an answer; `way` shows it meanwhile. */
  async submit(extra, way) {
    const { editor } = this;
    const { key } = editor.field;
    editor.view.ways.push(way);
    editor.view.refresh();
    const ready = await this.prepare();
    editor.view.ways = editor.view.ways.filter((other) => other !== way);
    editor.view.refresh();
    if (ready && key === editor.field.key) editor.edits.submit("magic", extra, way);
  }
}
