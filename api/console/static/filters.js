/** The filter bar and the counters by severity, which are filters too. */

import { byId, h, put } from "./dom.js";
import { t, term } from "./i18n.js";
import { badge, domainIcon } from "./marks.js";
import { NO_FILTERS, SEVERITIES } from "./store.js";

const DOMAINS = ["water", "gas", "pipeline", "traffic"];
const toggled = (list, value) => (list.includes(value) ? list.filter((v) => v !== value) : [...list, value]);

export class Filters {
  constructor(store) {
    this.store = store;
    this.text = byId("filter-text");
    this.text.addEventListener("input", () => {
      clearTimeout(this.typing);
      this.typing = setTimeout(() => store.filter({ text: this.text.value }), 150);
    });
    for (const name of ["state", "mode"]) {
      byId(`filter-${name}`).addEventListener("change", (event) => store.filter({ [name]: event.target.value }));
    }
    byId("filter-reset").addEventListener("click", () => store.filter({ ...NO_FILTERS }));
    this.retell();
  }

  /** Labels in the language of now. */
  retell() {
    const option = (value, words) => h("option", { value }, words);
    put(byId("filter-state"), ["open", "active", "closed", "all"].map((key) => option(key, t(`state.${key}`))));
    put(byId("filter-mode"), option("", t("mode.any")), ["actual", "exercise", "test"].map((key) => option(key, term("mode", key))));
    put(byId("filter-domain"), DOMAINS.map((domain) => h("button", {
      type: "button", className: "toggle", dataset: { domain }, onclick: () => this.store.filter({ domain: toggled(this.store.filters.domain, domain) }),
    }, domainIcon(domain), h("span", null, term("domain", domain)))));
    put(byId("counts"), SEVERITIES.map((severity) => h("button", {
      type: "button", className: `count sev-${severity}`, dataset: { severity },
      onclick: () => this.store.filter({ severity: toggled(this.store.filters.severity, severity) }),
    }, badge(severity, { label: false }), h("span", { className: "n" }), h("span", { className: "what" }, term("severity", severity)), h("span", { className: "u" }))));
    this.render();
  }

  render() {
    const { filters } = this.store;
    const { severity } = this.store.counts();
    if (document.activeElement !== this.text) this.text.value = filters.text;
    byId("filter-state").value = filters.state;
    byId("filter-mode").value = filters.mode;
    for (const node of byId("filter-domain").children) node.setAttribute("aria-pressed", String(filters.domain.includes(node.dataset.domain)));
    for (const node of byId("counts").children) {
      const { open, active, unacked } = severity[node.dataset.severity];
      node.setAttribute("aria-pressed", String(filters.severity.includes(node.dataset.severity)));
      node.querySelector(".n").textContent = open;
      node.querySelector(".u").textContent = open ? `${term("condition", "ACTIVE")} ${active} · ${t("count.unacked")} ${unacked}` : "";
      node.classList.toggle("some", open > 0);
    }
    const changed = Object.keys(NO_FILTERS).some((key) => String(filters[key]) !== String(NO_FILTERS[key]));
    byId("filter-reset").hidden = !changed;
  }
}
