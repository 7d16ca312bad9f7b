/** What the page says when another window edits the field, and when it took it over. */

import { duration, make, $, toast } from "./dom.js";
import { showBanner } from "./status.js";

/**
 * Say who edits the field, and offer to take it over where that is allowed: from another window of
 * the same user, and from one in which nobody has worked for long.
 * @param {Object} field `user`, and `idle`: null, or seconds
 * @param {string} me
 * @param {function()} take
 */
export function showHeld({ user, idle }, me, take) {
  if (idle !== null && idle !== undefined) {
    const who = user === me ? "Your other window" : user;
    showBanner(`${who} has not touched this field for ${duration(idle)}.`, [["Take over", take]]);
    return;
  }
  const text = `${user} edits this field in another window. You can look at it.`;
  showBanner(text, user === me ? [["Edit here", take]] : []);
}

/** Say that another window has taken the field that was edited here. */
export function noteTaken(key, user) {
  toast(`${user} has taken over ${key}; all that was saved is kept.`);
}

/** Say that edits were refused, until somebody has read it: they are lost. */
export function showLost(key, reason, count) {
  const text = `${key}: ${reason}. Edits that were not made: ${count}`;
  const note = make("div", { className: "toast bad", textContent: `${text} (click to close)` });
  note.onclick = () => note.remove();
  $("toasts").append(note);
}
