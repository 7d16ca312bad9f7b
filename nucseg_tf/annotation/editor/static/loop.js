/** Training from the page: what runs, what came of it, and labels that are new meanwhile. */

import { $, toast } from "./dom.js";
import { isUntouched } from "./flip.js";
import { isUnderWay, keepFolded, progressOf, showModel } from "./versions.js";

const SOON = 1500; // ms between questions while something runs
const LATER = 10_000;

export class Loop {
  /**
   * @param {import("./api.js").Api} api
   * @param {import("./editor.js").Editor} editor
   */
  constructor(api, editor) {
    Object.assign(this, { api, editor });
    this.state = null; // the last answer
    this.seen = ""; // of the list of fields, as the server names it
    keepFolded();
    $("train").onclick = () => this.train();
    $("run-stop").onclick = () => this.send("stop");
    $("run-resume").onclick = () => this.send("resume");
  }

  /** Ask now, and from then on as often as there is something to see. */
  async poll() {
    clearTimeout(this.timer);
    const turn = (this.turn = (this.turn ?? 0) + 1);
    try {
      const query = `?seen=${encodeURIComponent(this.seen)}`;
      const state = await this.api.get(`/api/loop${query}`);
      if (turn === this.turn) await this.show(state);
    } catch (error) {
      if (error.status === undefined) console.error(error); // else the sign of life says it
    }
    if (turn !== this.turn) return;
    const busy = isUnderWay(this.state?.training) || this.state?.predicting?.running;
    this.timer = setTimeout(() => this.poll(), busy ? SOON : LATER);
  }

  /** Why no training can begin, "" if one can. */
  get obstacle() {
    return this.state ? sentence(this.state.train.why) : "The server was not asked yet";
  }

  async train() {
    if (this.obstacle) toast(this.obstacle, "bad");
    else await this.send("train");
  }

  /** Ask the server to do something, and show what it says then. */
  async send(what, extra = {}) {
    try {
      await this.api.post(`/api/loop/${what}`, this.editor.field?.key ?? "", extra);
    } catch (error) {
      toast(error.message, "bad");
    }
    await this.poll();
  }

  async use(name) {
    await this.send("choose", { name });
    if (this.state.model === name) toast(`${name} labels the fields that nobody has corrected`, "good");
  }

  async show(state) {
    const before = this.state;
    this.state = state;
    showModel(state, { use: (name) => this.use(name), label: () => this.send("predict") });
    this.showButton();
    if (before) this.tell(before.training, state);
    this.seen = state.seen;
    if (state.fields) this.editor.fields.refresh(state.fields, state.whole);
    if (state.fields || labelling(before) !== labelling(state)) await this.followLabels();
    this.showLabelling();
  }

  showButton() {
    const { training, train } = this.state;
    const runs = isUnderWay(training);
    const { epoch, epochs } = training ?? {};
    $("train-text").textContent = !runs ? "Train" : epochs ? `Epoch ${epoch} of ${epochs}` : "Training";
    const progress = runs ? `${training.name}: ${progressOf(training)}` : "";
    $("train").title = progress || this.obstacle || `${train.what} (Ctrl+Shift+Enter)`;
    $("train").setAttribute("aria-disabled", Boolean(this.obstacle));
    $("train").dataset.runs = runs;
  }

  /** Say how a training ended that this page saw running. */
  tell(training, { versions }) {
    if (!isUnderWay(training) || isUnderWay(this.state.training)) return;
    const version = versions.find((other) => other.name === training.name);
    if (version?.state === "done") {
      const text = version.taken ? "is taken over" : "is not taken over";
      toast(`${version.name} ${text}. ${version.reason}`, version.taken ? "good" : "info");
    } else if (version?.state === "failed") {
      toast(`${version.name} failed: ${version.error}`, "bad");
    }
  }

  /** Show the labels of the open field again where others were predicted, and nobody edited it. */
  async followLabels() {
    const { editor } = this;
    const { field } = editor;
    if (!field || editor.opening || editor.queue.items.length || !isUntouched(field)) return;
    const { revision } = editor;
    await editor.beat(); // whose answer has another revision then
    if (editor.revision !== revision) await editor.showHistory();
  }

  /** Say on the field that its labels are still to come. */
  showLabelling() {
    const { field } = this.editor;
    const waits = this.state?.predicting?.running && field?.status === "new" && field.from === "empty";
    $("labelling").hidden = !waits;
  }
}

/** What changes when fields get other labels. */
function labelling(state) {
  return JSON.stringify([state?.model, state?.predicting]);
}

/** A reason as a sentence: it begins with a capital letter. */
function sentence(text) {
  return text && text[0].toUpperCase() + text.slice(1);
}
