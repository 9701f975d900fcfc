/** Parts of an alert's details that only show: facts, evidence, timeline, who was told. */

import { number } from "./chart.js";
import { dayTime, full, span, toMs } from "./clock.js";
import { h, text } from "./dom.js";
import { hasTerm, say, t, term } from "./i18n.js";
import { limitOf } from "./readings.js";

const pairs = (rows) => h("dl", null, rows.filter(([, value]) => value !== null && value !== undefined && value !== "" && value !== false)
  .map(([name, value]) => [h("dt", null, name), h("dd", null, value)]));

const named = (item) => (typeof item === "string" ? item
  : [say(item.name) || item.name_zh, item.id].filter((v) => typeof v === "string" && v).join(" · "));

const moment = (value) => {
  const ms = toMs(value);
  return ms === null ? null : [h("time", { datetime: new Date(ms).toISOString() }, full(ms)), " ",
    h("span", { className: "quiet", dataset: { since: ms, ago: "1" } })];
};

/** Every [data-since] in `root` gets its age. */
export function ages(root, now) {
  for (const node of root.querySelectorAll("[data-since]")) {
    const age = span(now - Number(node.dataset.since));
    text(node, node.dataset.ago ? t("d.ago", { age }) : age);
  }
}

const linked = ({ links = [] }) => links.length > 0
  && h("ul", null, links.map((k) => h("li", null, h("a", { href: `#alert=${k.alert}` }, say(k.why)))));

export function facts(alert, units) {
  const place = typeof alert.lon === "number" ? `${alert.lon.toFixed(5)}, ${alert.lat.toFixed(5)}` : null;
  const levels = Object.entries(alert.path ?? {}).filter(([, code]) => code)
    .map(([level, code]) => h("li", null, h("span", { className: "quiet" }, term("level", level)), " ", units.name(code) || code, " ",
      h("code", null, code)));
  return [h("h3", null, t("d.where")),
    levels.length > 0 && h("ol", { className: "levels", "aria-label": t("d.unit") }, levels),
    pairs([
      [t("d.asset"), [say(alert.name), " ", h("code", null, (alert.assets ?? []).map(named).join("、"))]],
      [t("d.sensors"), (alert.sensors ?? []).map((id) => h("code", null, named(id)))],
      [t("d.zone"), alert.zone && h("code", null, alert.zone)],
      [t("d.place"), place && [place, alert.approximate && h("span", { className: "tag" }, term("word", "approximate"))]],
      [t("d.owner"), alert.owner_org], [t("d.operator"), alert.operator_org], [t("d.regulator"), alert.regulator],
    ]),
    h("h3", null, t("d.what")),
    pairs([
      [t("d.condition"), term("condition", alert.condition)],
      [t("d.handling"), [term("handling", alert.handling), alert.verdict && ` · ${term("verdict", alert.verdict)}`]],
      [t("d.label"), [term("label", alert.label), " ", h("code", null, alert.label ?? "")]],
      [t("d.class"), term("class", alert.class)],
      [t("d.mode"), [term("mode", alert.mode), alert.run && [" ", h("code", null, alert.run)]]],
      [t("d.first"), moment(alert.first_seen)],
      [t("d.last"), moment(alert.last_seen)],
      [t("d.count"), number(alert.count, 9)],
      [t("d.links"), linked(alert)],
      [t("d.delayed"), alert.delayed_by_s > 0 && span(alert.delayed_by_s * 1000)],
      [t("d.id"), [h("code", null, alert.id), " ", h("span", { className: "quiet" }, t("d.version", { n: alert.version }))]],
    ])];
}

/** Fences that hold the place, what they suppress, and whom the alert touches. */
export function around(alert) {
  const { fences = [], suppressions = [], impact = {}, codes = [] } = alert;
  if (!fences.length && !suppressions.length && !impact.radius_m && !codes.length) return [];
  const until = (k) => (k.until ? t("d.until", { why: say(k.why), until: dayTime(toMs(k.until)) }) : say(k.why));
  const people = (f) => t("d.people", { name: say({ zh: f.name_zh, en: f.name_en }) || f.id, m: number(f.distance_m, 4), people: f.people });
  const list = (rows, show) => rows.length > 0 && h("ul", null, rows.map((row) => h("li", null, show(row))));
  return [h("h3", null, t("d.around")),
    pairs([
      [t("d.suppressed"), list(suppressions, until)],
      [t("d.fences"), list(fences, (f) => [h("span", { className: "tag" }, term("fence", f.kind)), " ", say(f.name)])],
      [t("d.impact"), impact.radius_m > 0 && [
        t("d.reach", { m: number(impact.radius_m, 5), n: impact.facilities_total, people: impact.people }),
        list(impact.facilities ?? [], people)]],
      [t("d.codes"), list(codes, (c) => [c.system, " ", h("code", null, c.value)])],
    ])];
}

export function evidence(alert) {
  const e = alert.evidence ?? {};
  const unit = e.unit ? ` ${e.unit}` : "";
  const has = (v) => typeof v === "number";
  const value = has(e.value) ? e.value : e.series?.at?.(-1)?.[1];
  return [h("h3", null, t("d.why")),
    pairs([
      [t("d.severity_why"), say(alert.severity_why)],
      [t("d.value"), has(value) && number(value) + unit],
      [t("d.expected"), has(e.expected) && number(e.expected) + unit],
      [t("d.band"), (has(e.low) || has(e.high)) && `${has(e.low) ? number(e.low) : "…"} – ${has(e.high) ? number(e.high) : "…"}${unit}`],
      [t("d.limit"), has(limitOf(e)) && number(limitOf(e)) + unit],
      [t("d.score"), has(e.score) && (has(e.threshold) ? t("d.score.of", { score: number(e.score), threshold: number(e.threshold) }) : number(e.score))],
      [t("d.detector"), e.detector && [h("code", null, e.detector), e.version ? ` v${e.version}` : ""]],
    ])];
}

/** What happened, oldest first; a change is told as "from → to" in the fixed terms. */
export function timeline(alert) {
  const rows = alert.timeline ?? [];
  return [h("h3", null, t("d.timeline")),
    h("ol", { className: "timeline" }, rows.map((entry) => {
      const word = entry.command && hasTerm("command", entry.command) ? term("command", entry.command)
        : term(hasTerm("trigger", entry.trigger) ? "trigger" : "command", entry.trigger ?? entry.command);
      return h("li", { className: `step ${entry.command ? "person" : "machine"}` },
        h("time", { datetime: entry.at }, dayTime(toMs(entry.at) ?? 0)), " ", h("strong", null, word), " ",
        h("span", { className: "quiet" }, entry.by === "system" || !entry.by ? t("by.system") : entry.by),
        changes(entry), say(entry.reason) && h("p", null, say(entry.reason)));
    }))];
}

function changes(entry) {
  const told = [];
  for (const group of ["severity", "condition", "handling"]) {
    const [before, after] = [entry.from?.[group], entry.to?.[group]];
    if (after && before !== after) told.push(before ? `${term(group, before)} → ${term(group, after)}` : term(group, after));
  }
  return told.length > 0 && h("span", { className: "change" }, told.join(" · "));
}

export function told(alert, units) {
  const rows = alert.told ?? [];
  if (!rows.length) return [];
  return [h("h3", null, t("d.told")),
    h("ul", { className: "told" }, rows.map((entry) => h("li", null,
      entry.acked ? "✓ " : "○ ", units.name(entry.unit) || entry.org || entry.unit, " ", term("role", entry.role), " ",
      h("span", { className: "quiet" }, [entry.channel, entry.at && dayTime(toMs(entry.at))].filter(Boolean).join(" · ")))))];
}
