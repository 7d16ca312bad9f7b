/** Short ways to elements of the page. */

/** The element with an id. */
export const $ = (id) => document.getElementById(id);

/**
 * Make an element.
 * @param {string} tag
 * @param {Object} properties of the element; `data` for its dataset
 * @param {...(Node|string)} children
 */
export function make(tag, properties = {}, ...children) {
  const { data = {}, ...others } = properties;
  const element = Object.assign(document.createElement(tag), others);
  Object.assign(element.dataset, data);
  element.append(...children);
  return element;
}

/** Show a message for some seconds; `kind` is "info", "good" or "bad". */
export function toast(text, kind = "info") {
  const seconds = kind === "bad" ? 8 : 4;
  const note = make("div", { className: `toast ${kind}`, textContent: text });
  note.onclick = () => note.remove();
  $("toasts").append(note);
  while ($("toasts").children.length > 3) $("toasts").firstChild.remove();
  setTimeout(() => note.remove(), seconds * 1000);
}

/**
 * Ask for a name, from a list if there is one.
 * @returns {Promise<string>}
 */
export function ask(title, text, choices = []) {
  const dialog = $("ask");
  const input = $("ask-input");
  $("ask-title").textContent = title;
  $("ask-text").textContent = text;
  input.hidden = choices.length > 0;
  input.value = "";
  return new Promise((resolve) => {
    const buttons = choices.map((choice) => {
      const button = make("button", { className: "wide", textContent: choice, type: "button" });
      button.onclick = () => finish(choice);
      return button;
    });
    $("ask-choices").replaceChildren(...buttons);
    dialog.querySelector("button.primary").hidden = choices.length > 0;
    const finish = (answer) => {
      if (!answer) return;
      dialog.close();
      resolve(answer);
    };
    dialog.oncancel = (event) => event.preventDefault();
    dialog.querySelector("form").onsubmit = (event) => {
      event.preventDefault();
      finish(input.value.trim());
    };
    dialog.showModal();
  });
}

/** 3725 -> "1 h 2 min". */
export function duration(seconds) {
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1) return `${Math.round(seconds)} s`;
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** An ISO time as date and minute of this place. */
export function when(iso) {
  const options = { dateStyle: "medium", timeStyle: "short" };
  return iso ? new Date(iso).toLocaleString([], options) : "";
}
