/** The details of one alert: loads it, keeps it live, draws its parts. */

import { liveAcks, sendCommand, whyNoAck } from "./actions.js";
import { Chart } from "./chart.js";
import { dayTime, toMs } from "./clock.js";
import { h, put, text } from "./dom.js";
import { problemWords, say, t, term } from "./i18n.js";
import { badge, domainIcon } from "./marks.js";
import { ages, around, evidence, facts, timeline, told } from "./detailparts.js";
import { clearedAt, join, limitOf, points, windowOf } from "./readings.js";
import { isCleared } from "./store.js";

const REDRAW_MS = 5000;

export class Details {
  /** @param ctx {api, auth, store, units, online(): bool, close(): void} */
  constructor(node, ctx) {
    Object.assign(this, { node, ctx });
    this.id = null;
    this.alert = null;
  }

  async open(id) {
    if (id === this.id) return;
    this.id = id;
    this.alert = null;
    this.readings = [];
    this.refusal = "";
    this.busy = false;
    if (!id) return put(this.node);
    this.frame();
    const known = this.ctx.store.alerts.get(id);
    if (known) this.show({ timeline: [], ...known });
    else text(this.parts.head, t("d.loading"));
    await this.load();
  }

  frame() {
    const section = (name) => (this.parts[name] = h("section", { className: `d-${name}` }));
    this.parts = {};
    const close = h("button", { type: "button", className: "icon close", "aria-label": t("close"), onclick: this.ctx.close }, "✕");
    put(this.node, close, section("head"), section("act"), section("chart"), section("facts"), section("around"), section("why"), section("timeline"), section("told"));
    this.note = h("input", { type: "text", className: "note", maxlength: 500, placeholder: t("ack.comment"), "aria-label": t("ack.comment") });
    this.plot = h("div", { className: "plotbox" });
    put(this.parts.chart, h("h3", null, t("chart")), this.plot);
    this.chart = new Chart(this.plot);
    this.chart.say(t("chart.loading"));
  }

  async load() {
    const id = this.id;
    try {
      const alert = await this.ctx.api.get(`alerts/${encodeURIComponent(id)}`);
      if (id !== this.id) return;
      this.ctx.store.apply(alert, null);
      this.show(alert);
    } catch (error) {
      if (id !== this.id) return;
      if (!this.alert) put(this.parts.head, h("p", { className: "warn" }, error.status === 404 ? t("d.gone") : problemWords(error)));
      else this.refuse(error);
    }
    await this.loadReadings();
  }

  async loadReadings() {
    const { alert, id } = this;
    const sensor = alert?.sensors?.[0];
    if (!alert || this.loading) return;
    this.loading = true;
    const kept = points(alert.evidence?.series ?? []);
    const { from, to } = windowOf(alert, kept, this.ctx.api.now());
    let found = [], note = "";
    try {
      const query = { from: new Date(from).toISOString(), to: new Date(to).toISOString(), run: alert.run };
      if (sensor) found = points(await this.ctx.api.get(`sensors/${encodeURIComponent(sensor)}/readings`, query));
    } catch { note = t("chart.evidence"); }
    this.loading = false;
    if (id !== this.id) return;
    this.drawn = performance.now();
    this.readings = join(found, kept);
    this.draw(found.length ? "" : note);
  }

  draw(note) {
    const { alert } = this;
    const { low, high, expected, unit } = alert.evidence ?? {};
    const num = (v) => (typeof v === "number" ? v : undefined);
    this.chart.show({
      points: this.readings, unit, sensor: alert.sensors?.[0] ?? "", note,
      low: num(low), high: num(high), expected: num(expected), limit: num(limitOf(alert.evidence)),
      onset: toMs(alert.first_seen), clear: clearedAt(alert) ?? undefined,
    });
  }

  /** A change from the feed: keeps the series and the timeline that the feed leaves out. */
  update(alert, transition) {
    if (alert.id !== this.id || !this.alert) return;
    if (alert.version < this.alert.version) return;
    const known = this.alert.timeline ?? [];
    const fresh = transition && !known.some((entry) => entry.seq === transition.seq && entry.trigger === transition.trigger && entry.at === transition.at);
    const keep = transition?.trigger !== "repeat" && fresh ? [...known, transition] : known;
    this.show({ ...alert, timeline: keep, evidence: { series: this.alert.evidence?.series, ...alert.evidence } });
  }

  show(alert) {
    const cleared = isCleared(alert);
    this.alert = alert;
    const first = toMs(alert.first_seen) ?? 0;
    put(this.parts.head,
      h("div", { className: `d-title sev-${alert.severity}` }, badge(alert.severity, { hollow: cleared }),
        h("div", null, h("h2", { tabindex: -1 }, say(alert.title)),
          h("p", { className: "where" }, [...this.ctx.units.path(alert), this.ctx.units.thing(alert)].filter(Boolean).join(" › ")))),
      h("p", { className: "reason" }, say(alert.reason)),
      h("p", { className: "chips" },
        h("span", { className: `chip sev-${alert.severity}` }, term("severity", alert.severity)),
        h("span", { className: "chip" }, domainIcon(alert.domain), term("domain", alert.domain)),
        h("span", { className: `chip cond ${alert.condition}` }, term("condition", alert.condition)),
        h("span", { className: "chip" }, term("label", alert.label)),
        alert.mode !== "actual" && h("span", { className: "chip loud" }, term("mode", alert.mode)),
        h("span", { className: "quiet", dataset: { since: first } })));
    put(this.parts.facts, facts(alert, this.ctx.units));
    put(this.parts.around, around(alert));
    put(this.parts.why, evidence(alert));
    put(this.parts.timeline, timeline(alert));
    put(this.parts.told, told(alert, this.ctx.units));
    this.act();
    this.tick();
  }

  /** The one big button, or the reason why it cannot be pressed. */
  act() {
    const { alert, parts, ctx } = this;
    if (!alert || !parts.act) return;
    const now = ctx.api.now();
    const why = whyNoAck(alert, ctx.auth.me, now, ctx.online());
    const acks = liveAcks(alert, now);
    const key = [why, this.busy, this.refusal, alert.version, acks.length, document.documentElement.lang].join("|");
    if (this.acting === key && parts.act.childElementCount) return;
    this.acting = key;
    const button = h("button", {
      type: "button", id: "ack", className: "ack", disabled: Boolean(why) || this.busy,
      "aria-describedby": "ack-why", onclick: () => this.ack(),
    }, this.busy ? t("ack.sending") : t("ack.button"), h("kbd", { "aria-hidden": "true" }, "a"));
    const hadFocus = document.activeElement;
    put(parts.act, !why && this.note, button,
      h("p", { id: "ack-why", className: why ? "why" : "quiet" }, why ?? t("ack.hint")),
      this.refusal && h("p", { className: "warn", role: "alert" }, this.refusal),
      acks.map((ack) => h("p", { className: "acked" }, "✓ ", term("level", ack.level), " · ",
        t("ack.done", { by: ack.by, at: dayTime(toMs(ack.at)) }))));
    if (hadFocus === this.note && this.note.isConnected) this.note.focus();
    else if (hadFocus?.id === "ack") (button.disabled ? parts.head.querySelector("h2") : button).focus();
  }

  async ack() {
    const { alert, ctx } = this;
    if (!alert || this.busy || whyNoAck(alert, ctx.auth.me, ctx.api.now(), ctx.online())) return;
    this.busy = true;
    this.refusal = "";
    this.act();
    try {
      const next = await sendCommand(ctx.api, alert, "ack", this.note.value.trim());
      this.busy = false;
      this.note.value = "";
      ctx.store.apply(next, null);
      if (this.id === alert.id) await this.load();
    } catch (error) {
      this.busy = false;
      if (this.id === alert.id) this.refuse(error);
      if (error.status === 409 || error.status === 504) await this.load();
    }
  }

  refuse(error) {
    this.refusal = problemWords(error);
    this.act();
  }

  tick() {
    if (!this.alert) return;
    ages(this.node, this.ctx.api.now());
    this.act();
    const going = this.alert.condition === "ACTIVE" || (this.drawn && this.alert.last_seen && this.ctx.api.now() - clearedAt(this.alert) < 60_000);
    if (going && this.ctx.online() && this.drawn && performance.now() - this.drawn > REDRAW_MS) this.loadReadings();
  }

  retell() {
    if (!this.alert) return;
    const { alert, note } = this;
    this.frame();
    this.note.value = note.value;
    this.acting = null;
    this.show(alert);
    this.draw("");
  }
}
