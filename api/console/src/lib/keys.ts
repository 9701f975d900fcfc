/** The keyboard: j/k, Enter, a, x, n, /, ?, Esc. Letters typed into a field are left to the field. */

const isField = (node: EventTarget | null): boolean => node instanceof Element && node.closest("input, select, textarea") !== null;

export interface Keys { off(): boolean; next(): void; previous(): void; open(): void; ack(): void; pick(): void; report(): void; filter(): void; help(): void; escape(event: KeyboardEvent): void }

/** Listens from now on; gives what ends it. */
export function listen(act: Keys): () => void {
  const table: Record<string, (() => void) | undefined> = {
    j: act.next, ArrowDown: act.next, k: act.previous, ArrowUp: act.previous, Enter: act.open, a: act.ack, x: act.pick, n: act.report, "/": act.filter, "?": act.help,
  };
  const press = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || act.off()) return;
    if (event.key === "Escape") return act.escape(event);
    if (isField(event.target) || document.querySelector("dialog[open]")) return;
    const target = event.target instanceof Element ? event.target : document.body;
    if (event.key === "Enter" && target.closest("button, a, summary, [role=button]")) return;
    if (event.key.startsWith("Arrow") && !target.closest("[role=listbox]")) return;
    const verb = table[event.key];
    if (!verb) return;
    event.preventDefault();
    verb();
  };
  document.addEventListener("keydown", press);
  return () => document.removeEventListener("keydown", press);
}
