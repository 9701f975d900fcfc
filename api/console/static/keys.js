/** The keyboard: j/k, Enter, a, /, ?, Esc. Letters typed into a field are left to the field. */

const isField = (node) => node?.closest?.("input, select, textarea") !== null && node?.closest !== undefined;

/** @param act {next, previous, open, ack, filter, help, escape}: called without arguments */
export function listen(act) {
  const table = { j: act.next, ArrowDown: act.next, k: act.previous, ArrowUp: act.previous, Enter: act.open, a: act.ack, "/": act.filter, "?": act.help };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.key === "Escape") return act.escape(event);
    if (isField(event.target) || document.querySelector("dialog[open]")) return;
    if (event.key === "Enter" && event.target.closest("button, a, summary")) return;
    if (event.key.startsWith("Arrow") && !event.target.closest("[role=listbox]")) return;
    const verb = table[event.key];
    if (!verb || act.off()) return;
    event.preventDefault();
    verb();
  });
}
