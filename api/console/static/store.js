/** What is known of all alerts, the filters, and what they leave over. No DOM here. */

import { toMs } from "./clock.js";

export const SEVERITIES = ["I", "II", "III", "IV"];
const RANK = { I: 0, II: 1, III: 2, IV: 3 };

export const prefixOf = (code) => (/^\d{4}00$/.test(code) ? code.slice(0, 4) : code);
export const countyOf = (alert) => alert.path?.county ?? String(alert.unit?.code ?? "").slice(0, 6);
export const isOpen = (alert) => alert.handling !== "CLOSED";
export const isCleared = (alert) => alert.condition === "CLEARED";
export const isUnacked = (alert) => alert.label === "UNACK" || alert.label === "RTNUN";
export const isRed = (alert) => alert.severity === "I" && isOpen(alert) && !isCleared(alert) && isUnacked(alert);

/** By severity, what goes on before what is over, the newest first; then by id, so that arrival never matters. */
export function byUrgency(a, b) {
  return (RANK[a.severity] ?? 9) - (RANK[b.severity] ?? 9) || isCleared(a) - isCleared(b)
    || (toMs(b.first_seen) ?? 0) - (toMs(a.first_seen) ?? 0)
    || (a.id < b.id ? -1 : 1);
}

export const NO_FILTERS = Object.freeze({ text: "", severity: [], domain: [], state: "open", mode: "" });

export class Store extends EventTarget {
  constructor() {
    super();
    this.alerts = new Map();
    this.filters = { ...NO_FILTERS };
    this.unitName = () => ""; // set by the app: code -> name, for the text filter
  }

  /** A new snapshot takes the place of everything known. */
  replace(items) {
    this.alerts = new Map(items.map((alert) => [alert.id, alert]));
    this.tell("snapshot");
  }

  /** More alerts (closed ones on demand) beside the snapshot. */
  add(items) {
    for (const alert of items) if (!this.knows(alert)) this.alerts.set(alert.id, alert);
    this.tell("snapshot");
  }

  knows(alert) {
    const known = this.alerts.get(alert.id);
    if (!known) return false;
    if (known.version !== alert.version) return known.version > alert.version;
    return (toMs(known.last_seen) ?? 0) > (toMs(alert.last_seen) ?? 0);
  }

  /** One event of the feed; an older state than the known one changes nothing. */
  apply(alert, transition) {
    const before = this.alerts.get(alert.id);
    if (this.knows(alert)) return;
    this.alerts.set(alert.id, alert);
    this.tell("alert", { alert, transition, before });
  }

  filter(change) {
    this.filters = { ...this.filters, ...change };
    this.tell("filter");
  }

  tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  matches(alert) {
    const { severity, domain, state, mode, text } = this.filters;
    if (state !== "all" && (state === "closed") === isOpen(alert)) return false;
    if (state === "active" && isCleared(alert)) return false;
    if (mode && alert.mode !== mode) return false;
    if (severity.length && !severity.includes(alert.severity)) return false;
    if (domain.length && !domain.includes(alert.domain)) return false;
    return this.matchesText(alert, text.trim());
  }

  /** Digits are a unit code and match its whole subtree; words match title, unit, asset and sensors. */
  matchesText(alert, text) {
    if (!text) return true;
    if (/^\d{4,12}$/.test(text)) return String(alert.unit?.code ?? "").startsWith(prefixOf(text));
    const names = Object.values(alert.path ?? {}).map((code) => this.unitName(code));
    const pairs = [alert.title, alert.reason, alert.name].flatMap((pair) => [pair?.zh, pair?.en]);
    const hay = [...names, ...pairs, alert.unit?.name, alert.zone, alert.id, ...(alert.sensors ?? [])];
    return hay.join(" ").toLowerCase().includes(text.toLowerCase());
  }

  visible() {
    return [...this.alerts.values()].filter((alert) => this.matches(alert)).sort(byUrgency);
  }

  /** Open alerts of the chosen mode, before the other filters: {severity: {I: {open, active, unacked}, …}, county: {code: {open, worst}}} */
  counts() {
    const severity = Object.fromEntries(SEVERITIES.map((key) => [key, { open: 0, active: 0, unacked: 0 }]));
    const county = {};
    for (const alert of this.alerts.values()) {
      if (!isOpen(alert) || (this.filters.mode && alert.mode !== this.filters.mode)) continue;
      const cell = severity[alert.severity];
      if (cell) {
        cell.open += 1;
        if (!isCleared(alert)) cell.active += 1;
        if (isUnacked(alert)) cell.unacked += 1;
      }
      const place = (county[countyOf(alert)] ??= { open: 0, worst: null });
      place.open += 1;
      if (!isCleared(alert) && (place.worst === null || RANK[alert.severity] < RANK[place.worst])) {
        place.worst = alert.severity;
      }
    }
    return { severity, county };
  }

  /** Red alerts nobody has acknowledged, newest first. */
  reds() {
    return [...this.alerts.values()].filter(isRed).sort(byUrgency);
  }
}
