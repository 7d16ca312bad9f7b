/** The section "Model" of the panel: training, outcome, labelling, learning curve, versions. */

import { lineChart } from "./chart.js";
import { $, duration, make, when } from "./dom.js";

const STORED = "nucseg:model-more";
const ROOMY = 900; // px of the window from which on all is shown at first
const CORRECT = "Correct and accept a field or two, then train a model of your own.";
const TRAIN = "Press Train for a model of your own; the more is corrected, the better it will be.";
const shown = new Map(); // what each part was last made from

/**
 * Show all of it.
 * @param {Object} state the answer of /api/loop
 * @param {Object} handlers use(name) takes a version into use, label() labels again
 */
export function showModel(state, handlers) {
  $("model-name").textContent = state.model;
  $("model-name").title = `Labels are predicted by ${state.model}`;
  const { training, versions } = state;
  $("model-hint").hidden = Boolean(training || versions.length);
  $("model-hint").textContent = `Labels are those of the shipped model. ${state.train.why ? CORRECT : TRAIN}`;
  showTraining(training);
  anew("outcome", outcomeOf(state), showOutcome);
  showLabelling(state.predicting, handlers);
  $("model-more").hidden = !versions.length;
  anew("learning", state.curve, showLearning);
  const { model, shipped } = state;
  const { scores = {} } = versions.find((version) => version.state === "done") ?? {};
  const rows = { model, versions, shipped, scores };
  anew("versions", rows, (part, known) => showVersions(part, known, handlers));
}

/** Make a part anew where what it shows has changed: a button must not go while it is pressed. */
function anew(id, known, make) {
  const text = JSON.stringify(known ?? null);
  if (shown.get(id) === text) return;
  shown.set(id, text);
  $(id).hidden = !known;
  $(id).replaceChildren();
  if (known) make($(id), known);
}

// --- training ----------------------------------------------------------------------------------

const HEADS = {
  queued: "waits for the cluster",
  training: "trains",
  stopped: "was stopped",
  interrupted: "was interrupted",
  failed: "failed",
};

const STAGES = {
  preparing: "reads the fields",
  finishing: "tunes thresholds",
  judging: "is compared on the fields left out",
};

/** Whether a training is under way. */
export function isUnderWay(training) {
  return training?.state === "training" || training?.state === "queued";
}

/** How far it is, in a few words. */
export function progressOf({ state, stage, epoch, epochs, eta_seconds: left }) {
  if (state === "queued") return "";
  if (stage !== "training") return STAGES[stage] ?? stage;
  return left === null ? `epoch ${epoch} of ${epochs}` : `about ${duration(left)} left`;
}

function showTraining(training) {
  $("run").hidden = !training;
  if (!training) return;
  const { name, state, epoch, epochs, step, steps } = training;
  const runs = isUnderWay(training);
  $("run").dataset.state = state;
  $("run-title").textContent = `${name} ${HEADS[state]}`;
  $("run-epoch").textContent = epochs ? `epoch ${epoch} of ${epochs}` : "";
  $("run-left").textContent = runs ? progressOf(training) : "";
  $("run-text").textContent = training.error;
  $("run-text").hidden = !training.error;
  $("run-bar").style.width = `${steps ? (100 * step) / steps : 0}%`;
  $("run-stop").hidden = !runs;
  $("run-resume").hidden = !training.resumable;
  const { loss, val } = training;
  anew("run-chart", loss.length ? { loss, val, epochs } : null, showLoss);
}

function showLoss(part, { loss, val, epochs }) {
  const lines = [
    { name: "train", points: numbered(loss) },
    { name: "check", points: numbered(val) },
  ];
  const options = { first: 1, last: Math.max(epochs, 2), unit: "epochs", label: "Loss by epoch" };
  part.append(lineChart(lines, options), legend([["train", "loss"], ["check", "of fields left out"]]));
}

function numbered(values) {
  return values.map((value, i) => [i + 1, value]);
}

function legend(names) {
  const items = names.map(([name, textContent]) => make("span", { className: name, textContent }));
  return make("p", { className: "legend" }, ...items);
}

// --- outcome -----------------------------------------------------------------------------------

/** The training that ended last, while no other one is under way. */
function outcomeOf({ training, versions }) {
  const last = versions[0];
  return !training && last?.state === "done" ? last : null;
}

function showOutcome(part, { name, taken, reason }) {
  part.className = taken ? "good" : "";
  const head = taken ? `${name} was taken over` : `${name} was not taken over`;
  part.append(make("b", { textContent: head }), make("p", { textContent: reason }));
}

// --- labelling ---------------------------------------------------------------------------------

function showLabelling(predicting, { label }) {
  const { running, done = 0, total = 0, model, error, failures = {} } = predicting ?? {};
  const failed = Object.keys(failures).length;
  $("labels-run").hidden = !(running || error || failed);
  $("labels-text").title = Object.entries(failures).map((entry) => entry.join(": ")).join("\n");
  if (running) {
    $("labels-text").textContent = total ? `${model} labels fields: ${done} of ${total}` : "The model is made ready";
  } else if (error) {
    $("labels-text").textContent = `Labelling failed: ${error}`;
  } else if (failed) {
    $("labels-text").textContent = failed === 1 ? "1 field could not be labelled" : `${failed} fields could not be labelled`;
  }
  $("labels-bar").parentElement.hidden = !running;
  $("labels-bar").style.width = `${total ? (100 * done) / total : 0}%`;
  $("labels-again").hidden = running || !(error || failed);
  $("labels-again").onclick = label;
}

// --- learning curve ----------------------------------------------------------------------------

function showLearning(part, { points, text }) {
  if (points.length > 1) {
    const line = { name: "check", points: points.map(({ fields, f1 }) => [fields, f1]), dots: true };
    const label = "F1 on fields left out, by fields trained on";
    part.append(lineChart([line], { unit: points.at(-1).fields === 1 ? "field" : "fields", label }));
  }
  part.append(make("p", { textContent: text }));
}

/** Learning curve and versions are folded away where there is little room, as the user likes. */
export function keepFolded() {
  const part = $("model-more");
  part.open = JSON.parse(localStorage.getItem(STORED) ?? String(window.innerHeight >= ROOMY));
  part.ontoggle = () => localStorage.setItem(STORED, part.open);
}

// --- versions ----------------------------------------------------------------------------------

function showVersions(part, { model, versions, shipped, scores }, { use }) {
  for (const version of versions) {
    part.append(row(version.name, factsOf(version), version.state === "done", when(version.ended)));
  }
  part.append(row(shipped, "shipped", true));

  function row(name, facts, usable, ended = "") {
    const end = name === model ? make("span", { className: "use", textContent: "in use" }) : button(name);
    end.hidden = !usable;
    const textContent = [facts, ...figuresOf(scores[name])].join(" · ");
    const title = [ended, scores[name] && FIGURES].filter(Boolean).join("\n");
    const text = make("span", { className: "facts", textContent, title });
    return make("li", { data: { version: name } }, make("b", { textContent: name }), end, text);
  }

  function button(name) {
    const title = "Predict with this one; fields that nobody has corrected are labelled anew";
    return make("button", { className: "link", textContent: "Use this one", title, onclick: () => use(name) });
  }
}

function factsOf({ state, train, error }) {
  if (state !== "done") return error ? `${state}: ${error}` : state;
  return train === 1 ? "1 field" : `${train} fields`;
}

const FIGURES = "On the fields left out of every training: F1 at an IoU of 0.7, nuclei split, nuclei merged";

function figuresOf(score) {
  if (!score) return [];
  return [`F1 ${score.f1.toFixed(2)}`, `${score.splits} split`, `${score.merges} merged`];
}
