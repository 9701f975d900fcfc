/** The help dialog: the keys and what the marks mean. */

import { byId, h, put } from "./dom.js";
import { t, term } from "./i18n.js";
import { badge } from "./marks.js";
import { SEVERITIES } from "./store.js";

export function showHelp() {
  const dialog = byId("help");
  const keys = [["j / k", "help.jk"], ["Enter", "help.enter"], ["a", "help.a"], ["/", "help.slash"], ["?", "help.help"], ["Esc", "help.esc"]];
  put(dialog,
    h("h2", { id: "help-title" }, t("help.title")),
    h("dl", { className: "keys" }, keys.map(([key, words]) => [h("dt", null, key.split(" ").map((part) => (part === "/" && key.length > 1 ? " / " : h("kbd", null, part)))), h("dd", null, t(words))])),
    h("h2", null, t("help.marks")),
    h("ul", { className: "marks" }, SEVERITIES.map((key) => h("li", null, badge(key, { label: false }), term("severity", key)))),
    h("p", { className: "quiet" }, t("map.caption")),
    h("button", { type: "button", className: "primary", onclick: () => dialog.close() }, t("close")));
  dialog.showModal();
}
