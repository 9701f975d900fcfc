/** The live list: rows stay in place while the pointer is in it; keyed, so a row's element lives as long as its alert. */

import { dayTime, span, toMs } from "./clock.js";
import { h, put, text } from "./dom.js";
import { say, t, term } from "./i18n.js";
import { badge, domainIcon } from "./marks.js";
import { isCleared, isUnacked } from "./store.js";

const PAGE = 150;
const HOLD_MS = 10_000;

export class AlertList {
  /** @param nodes {list, info, fresh, more}  @param choose (id) => void */
  constructor(nodes, store, units, now, choose) {
    Object.assign(this, { nodes, store, units, now, choose });
    this.rows = new Map(); // id -> {node, alert, parts}
    this.order = []; // ids as shown
    this.seen = new Set(); // ids that matched when the order was last made
    this.limit = PAGE;
    this.held = false;
    this.current = null; // id the keyboard stands on
    this.open = null; // id whose details are shown
    const box = nodes.list;
    for (const name of ["pointerenter", "pointermove"]) {
      box.addEventListener(name, (event) => { if (event.pointerType === "mouse") this.hold(true); });
    }
    box.addEventListener("pointerleave", () => this.hold(false));
    box.addEventListener("click", (event) => {
      const row = event.target.closest("[data-id]");
      if (row) this.select(row.dataset.id, true);
    });
    nodes.fresh.addEventListener("click", () => { this.render(true); box.parentElement.scrollTop = 0; });
    nodes.more.addEventListener("click", () => { this.limit += PAGE; this.render(true); });
  }

  /** The order is held while the mouse is at work in the list; one that only lies there holds no wall screen. */
  hold(on) {
    clearTimeout(this.letGo);
    if (on) this.letGo = setTimeout(() => this.hold(false), HOLD_MS);
    if (on === this.held) return;
    this.held = on;
    this.nodes.list.classList.toggle("held", on);
    if (!on) this.render();
  }

  /** Show what the store has. While held only rows already here are refreshed, and what waits is counted. */
  render(force = false) {
    const alerts = this.store.visible();
    const byId = new Map(alerts.map((alert) => [alert.id, alert]));
    const keep = this.held && !force;
    const total = alerts.length;
    if (!keep) {
      this.order = alerts.slice(0, this.limit).map((alert) => alert.id);
      this.seen = new Set(byId.keys());
    }
    const shown = new Set(this.order);
    const waiting = alerts.filter((alert) => !this.seen.has(alert.id)).length;
    for (const id of this.order) this.row(id, byId.get(id) ?? this.store.alerts.get(id), !byId.has(id));
    this.place(shown);
    this.tellAround(total, waiting);
  }

  place(shown) {
    const list = this.nodes.list;
    for (const [id, row] of this.rows) {
      if (shown.has(id)) continue;
      row.node.remove();
      this.rows.delete(id);
    }
    let at = list.firstElementChild;
    for (const id of this.order) {
      const node = this.rows.get(id).node;
      if (node === at) at = at.nextElementSibling;
      else list.insertBefore(node, at);
    }
    if (this.current && !this.rows.has(this.current)) this.stand(null);
  }

  tellAround(total, waiting) {
    const { info, fresh, more, list } = this.nodes;
    const all = this.store.alerts.size;
    text(info, total < all ? t("list.of", { n: total, all }) : t("list.shown", { n: total }));
    fresh.hidden = waiting <= 0;
    text(fresh, waiting > 0 ? t("list.new", { n: waiting }) : "");
    more.hidden = total <= this.limit;
    text(more, t("list.more", { n: Math.min(PAGE, total - this.limit) }));
    list.dataset.empty = total ? "" : t(all ? "list.nomatch" : "list.empty");
  }

  row(id, alert, leaving) {
    let row = this.rows.get(id);
    if (!row) {
      row = { node: h("li", { role: "option", id: `row-${id}`, dataset: { id }, className: "row" }) };
      this.rows.set(id, row);
    }
    const look = [alert.version, alert.last_seen, alert.condition, this.units.short(alert), document.documentElement.lang].join("|");
    if (row.look !== look) {
      const isNew = row.look === undefined && this.ready;
      row.look = look;
      this.fill(row, alert);
      if (isNew) row.node.classList.add("fresh");
    }
    row.node.classList.toggle("leaving", leaving);
    row.node.setAttribute("aria-selected", String(id === this.open || id === this.current));
    row.node.classList.toggle("open", id === this.open);
    row.node.classList.toggle("current", id === this.current);
    text(row.age, span(this.now() - row.since));
  }

  fill(row, alert) {
    const cleared = isCleared(alert);
    row.alert = alert;
    row.since = toMs(alert.first_seen) ?? 0;
    row.age = h("span", { className: "age", title: dayTime(row.since) });
    const levels = (alert.acks ?? []).map((ack) => t("ack.at", { level: term("level", ack.level) }));
    row.node.className = ["row", `sev-${alert.severity}`, cleared && "cleared", isUnacked(alert) && "unacked"].filter(Boolean).join(" ");
    put(row.node,
      h("span", { className: "c-sev" }, badge(alert.severity, { hollow: cleared })),
      h("span", { className: "c-what" }, domainIcon(alert.domain), h("span", { className: "title" }, say(alert.title), " ", h("span", { className: "thing" }, this.units.thing(alert))),
        alert.mode !== "actual" && h("span", { className: "tag" }, term("mode", alert.mode))),
      h("span", { className: "c-where" }, this.units.short(alert)),
      h("span", { className: "c-state" }, h("span", { className: `cond ${alert.condition}` }, term("condition", alert.condition)),
        alert.handling !== "NEW" && h("span", { className: "tag" }, term("handling", alert.handling))),
      h("span", { className: "c-age" }, row.age),
      h("span", { className: "c-ack" }, levels.length ? h("span", { className: "acked" }, levels.at(-1))
        : h("span", { className: "noack" }, t("ack.none"))));
  }

  /** Ages grow each second without touching anything else. */
  tick() {
    for (const row of this.rows.values()) text(row.age, span(this.now() - row.since));
  }

  /** Everything in the other language. */
  retell() {
    for (const row of this.rows.values()) row.look = null;
    this.render();
  }

  stand(id) {
    for (const key of [this.current, id]) {
      const node = this.rows.get(key)?.node;
      node?.classList.toggle("current", key === id);
      node?.setAttribute("aria-selected", String(key === id || key === this.open));
    }
    this.current = id;
    if (id) this.nodes.list.setAttribute("aria-activedescendant", `row-${id}`);
    else this.nodes.list.removeAttribute("aria-activedescendant");
  }

  select(id, open) {
    this.stand(id);
    if (open) this.choose(id);
  }

  step(by) {
    if (!this.order.length) return;
    const at = this.order.indexOf(this.current);
    const next = at < 0 ? (by > 0 ? 0 : this.order.length - 1) : Math.min(this.order.length - 1, Math.max(0, at + by));
    this.select(this.order[next], this.open !== null);
    this.rows.get(this.order[next]).node.scrollIntoView({ block: "nearest" });
  }

  opened(id) {
    this.open = id;
    if (id) this.stand(id);
    for (const [key, row] of this.rows) {
      row.node.classList.toggle("open", key === id);
      row.node.setAttribute("aria-selected", String(key === id || key === this.current));
    }
  }
}
