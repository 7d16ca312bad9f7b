/** What buttons and keys do. */

import { $ } from "./dom.js";
import { listen } from "./keys.js";
import { inView } from "./marquee.js";
import { showToggles, showTool } from "./status.js";

/** Functions by the names that keys.js and index.html use. */
function actionsOf(editor, tools, display, loop) {
  const { view } = editor;
  const toggle = (name) => {
    view.show[name] = !view.show[name];
    view.refresh();
    showToggles(view);
  };
  return {
    tool: (name) => tools.choose(name),
    brush: (step) => tools.resize(step),
    over: () => tools.toggleOver(),
    box: () => tools.toggleBox(),
    all: () => view.labels && editor.select(inView(view)),
    close: () => tools.close(),
    escape: () => tools.cancel() || editor.select([]),
    merge: () => (view.selected.length > 1 ? editor.edits.submitSelected("merge") : tools.choose("merge")),
    delete: () => editor.edits.submitSelected("delete"),
    fill: () => editor.edits.submitSelected("fill"),
    grow: () => editor.edits.submitSelected("grow"),
    shrink: () => editor.edits.submitSelected("shrink"),
    undo: () => editor.edits.submit("undo"),
    redo: () => editor.edits.submit("redo"),
    suspect: (step = 1) => {
      editor.flip.back();
      if (step > 0) editor.suspects.next();
      else editor.suspects.previous();
    },
    accept: () => editor.acceptance.accept(),
    train: () => loop.train(),
    flip: () => editor.flip.toggle(),
    field: (step) => {
      const key = editor.fields.neighbour(step);
      if (key) editor.open(key);
    },
    aside: () => editor.acceptance.setAside(),
    hide: () => toggle("labels"),
    ids: () => toggle("ids"),
    invert: () => display.set({ invert: !display.settings.invert }),
    fit: () => view.fit(),
    actual: () => view.zoom(1 / view.camera.scale),
    zoom: (factor) => view.zoom(factor),
    zoomSelected: () => view.zoomTo(view.selected[0]),
    help: () => $("help").showModal(),
  };
}

/** Connect buttons, sliders and keys; `others` are actions that need no field. */
export function wire(editor, tools, display, gestures, loop, others) {
  const found = actionsOf(editor, tools, display, loop);
  const open = (run) => (argument) => {
    if (editor.field) run(argument);
  };
  const actions = Object.fromEntries(Object.entries(found).map(([name, run]) => [name, open(run)]));
  actions.help = found.help;
  Object.assign(actions, others);
  document.querySelectorAll("[data-tool]").forEach((button) => {
    button.onclick = () => tools.choose(button.dataset.tool);
  });
  document.querySelectorAll("[data-action]").forEach((button) => {
    button.onclick = () => actions[button.dataset.action]();
  });
  $("brush").oninput = () => tools.resize($("brush").value - tools.brush);
  $("over").onchange = () => tools.toggleOver();
  $("box").onchange = () => tools.toggleBox();
  const drawers = ["fields", "panel"];
  for (const name of drawers) {
    $(`toggle-${name}`).onclick = () => $(name).classList.toggle("open");
  }
  const close = () => drawers.forEach((name) => $(name).classList.remove("open"));
  $("view").addEventListener("pointerdown", close);
  $("field-list").addEventListener("click", close);
  listen(actions, gestures);
  showTool(tools);
  showToggles(editor.view);
}
