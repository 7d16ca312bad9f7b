/** Keyboard shortcuts: one table for the keys and for the help. */

// Keys, what they do (the name of an action and its argument), text, section.
const TABLE = [
  [["v"], ["tool", "select"], "Select and move", "Tools"],
  [["shift+v"], ["box"], "Dragging selects in a box, or moves", "Tools"],
  [["b"], ["tool", "draw"], "Draw with the brush", "Tools"],
  [["w"], ["tool", "magic"], "Outline the nucleus under a click", "Tools"],
  [["e"], ["tool", "erase"], "Erase with the brush", "Tools"],
  [["p"], ["tool", "polygon"], "Polygon, or an outline drawn by hand", "Tools"],
  [["s"], ["tool", "split"], "Split along a line", "Tools"],
  [["m"], ["merge"], "Merge the selected nuclei, or the merge tool", "Tools"],
  [["["], ["brush", -1], "Smaller brush", "Tools"],
  [["]"], ["brush", 1], "Larger brush", "Tools"],
  [["o"], ["over"], "Paint over neighbours or not", "Tools"],
  [["enter"], ["close"], "Close the polygon", "Tools"],
  [["escape"], ["escape"], "Stop drawing; select nothing", "Tools"],
  [["delete", "backspace", "x"], ["delete"], "Delete the selected nuclei", "Selected"],
  [["ctrl+a"], ["all"], "Select all nuclei in view", "Selected"],
  [["f"], ["fill"], "Fill holes", "Selected"],
  [["g"], ["grow"], "Grow by one pixel", "Selected"],
  [["shift+g"], ["shrink"], "Shrink by one pixel", "Selected"],
  [["ctrl+z"], ["undo"], "Undo", "Field"],
  [["ctrl+shift+z", "ctrl+y"], ["redo"], "Redo", "Field"],
  [["n"], ["suspect", 1], "Next suspect; the one shown is noted as right", "Field"],
  [["shift+n"], ["suspect", -1], "Suspect before", "Field"],
  [["ctrl+enter"], ["accept"], "Accept the field", "Field"],
  [["pagedown"], ["field", 1], "Next field", "Field"],
  [["pageup"], ["field", -1], "Field before", "Field"],
  [["h"], ["hide"], "Hide or show labels", "View"],
  [["l"], ["ids"], "Label ids", "View"],
  [["i"], ["invert"], "Invert the image", "View"],
  [["0"], ["fit"], "Whole field", "View"],
  [["1"], ["actual"], "Actual pixels", "View"],
  [["z"], ["zoomSelected"], "Zoom to the selected nucleus", "View"],
  [["+", "="], ["zoom", 1.4], "Zoom in", "View"],
  [["-"], ["zoom", 1 / 1.4], "Zoom out", "View"],
  [["?"], ["help"], "This list", "View"],
];

const ACTIONS = new Map(TABLE.flatMap(([keys, action]) => keys.map((key) => [key, action])));

const PRESSABLE = "button, summary, a, select, input[type=checkbox]";

/** "ctrl+shift+z" of an event; Command counts as Ctrl. */
function nameOf(event) {
  const key = event.key.toLowerCase();
  // "?" needs Shift on some keyboards only, and Escape ends a box that is drawn with it.
  const letter = key !== "escape" && (key.length > 1 || /[a-z]/.test(key));
  const ctrl = event.ctrlKey || event.metaKey ? "ctrl+" : "";
  return ctrl + (event.shiftKey && letter ? "shift+" : "") + key;
}

/** Call actions[name](argument) when a key is pressed. */
export function listen(actions, gestures) {
  window.addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open]")) return;
    if (event.target.matches("input[type=search], input[type=text], input:not([type])")) return;
    if ([" ", "enter"].includes(nameOf(event)) && event.target.matches(PRESSABLE)) return;
    if (event.key === " ") {
      gestures.space = true;
      event.preventDefault();
      return;
    }
    const found = ACTIONS.get(nameOf(event));
    if (!found || event.altKey) return;
    event.preventDefault();
    actions[found[0]](found[1]);
  });
  // A button that was clicked would get the next Space or Enter, which are meant for the field.
  window.addEventListener("click", (event) => {
    if (event.detail && document.activeElement?.matches(PRESSABLE)) document.activeElement.blur();
  });
  window.addEventListener("keyup", (event) => {
    if (event.key === " ") gestures.space = false;
  });
  window.addEventListener("blur", () => {
    gestures.space = false;
  });
}

/** The table for the help: [section, [[keys, text], ...]]. */
export function sections() {
  const names = [...new Set(TABLE.map((row) => row[3]))];
  return names.map((name) => [name, TABLE.filter((row) => row[3] === name).map((row) => [row[0], row[2]])]);
}

/** "ctrl+shift+z" -> "Ctrl Shift Z". */
export function readable(key) {
  const names = { pagedown: "Page Down", pageup: "Page Up", escape: "Esc", delete: "Del" };
  const parts = key === "+" ? ["+"] : key.split("+");
  return parts.map((part) => names[part] ?? part[0].toUpperCase() + part.slice(1)).join(" ");
}
