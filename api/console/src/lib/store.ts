/** What is known of all alerts, the filters, and what they leave over. No DOM here but the frame that bundles redraws. */

import { reactive, ref } from "vue";

import { byUrgency, countyOf, isCleared, isOpen, isRed, isUnacked, prefixOf, rank, SEVERITIES } from "./alerts";
import { toMs } from "./clock";
import type { Alert, Pair, Severity, Transition } from "./types";

export interface Filters { text: string; severity: string[]; domain: string[]; state: string; mode: string }
export interface SeverityCount { open: number; active: number; unacked: number }
export interface PlaceCount { open: number; worst: Severity | null }
export interface Counts { severity: Record<Severity, SeverityCount>; county: Record<string, PlaceCount> }
export type Listener = (alert: Alert, transition: Transition | null, before: Alert | undefined) => void;

export const noFilters = (): Filters => ({ text: "", severity: [], domain: [], state: "open", mode: "" });

/** One call a frame, however many events came; hidden pages have no frames. */
function nextFrame(call: () => void): void {
  if (document.hidden) setTimeout(call, 200);
  else requestAnimationFrame(call);
}

export class Store {
  alerts = new Map<string, Alert>();
  readonly revision = ref(0); // grows at most once a frame when alerts changed: what draws depends on it
  readonly filters = reactive<Filters>(noFilters());
  /** Set by the desk: code -> name, for the text filter. */
  unitName: (code: string) => string = () => "";
  private readonly listeners = new Set<Listener>();
  private waiting = false;
  private sorted: { key: string; alerts: Alert[] } | null = null;

  onAlert(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private touch(): void {
    this.sorted = null;
    if (this.waiting) return;
    this.waiting = true;
    nextFrame(() => { this.waiting = false; this.revision.value += 1; });
  }

  /** A new snapshot takes the place of everything known. */
  replace(items: Alert[]): void {
    this.alerts = new Map(items.map((alert) => [alert.id, alert]));
    this.touch();
  }

  /** More alerts (closed ones on demand) beside the snapshot. */
  add(items: Alert[]): void {
    for (const alert of items) if (!this.isOld(alert)) this.alerts.set(alert.id, alert);
    this.touch();
  }

  private isOld(alert: Alert): boolean {
    const known = this.alerts.get(alert.id);
    if (!known) return false;
    if (known.version !== alert.version) return known.version > alert.version;
    return (toMs(known.last_seen) ?? 0) > (toMs(alert.last_seen) ?? 0);
  }

  /** One event of the feed, or the answer to a command; an older state than the known one changes nothing. */
  apply(alert: Alert, transition: Transition | null): void {
    const before = this.alerts.get(alert.id);
    if (this.isOld(alert)) return;
    this.alerts.set(alert.id, alert);
    this.touch();
    for (const listener of this.listeners) listener(alert, transition, before);
  }

  filter(change: Partial<Filters>): void {
    Object.assign(this.filters, change);
  }

  get filtered(): boolean {
    return JSON.stringify(this.filters) !== JSON.stringify(noFilters());
  }

  matches(alert: Alert): boolean {
    const { severity, domain, state, mode, text } = this.filters;
    if (state !== "all" && (state === "closed") === isOpen(alert)) return false;
    if (state === "active" && isCleared(alert)) return false;
    if (mode && alert.mode !== mode) return false;
    if (severity.length && !severity.includes(alert.severity)) return false;
    if (domain.length && !domain.includes(alert.domain)) return false;
    return this.matchesText(alert, text.trim());
  }

  /** Digits are a unit code and match its whole subtree; words match title, unit, asset and sensors. */
  private matchesText(alert: Alert, text: string): boolean {
    if (!text) return true;
    if (/^\d{4,12}$/.test(text)) return String(alert.unit?.code ?? "").startsWith(prefixOf(text));
    const names = Object.values(alert.path ?? {}).map((code) => this.unitName(code ?? ""));
    const pairs = [alert.title, alert.reason, alert.name].flatMap((words) => [(words as Pair)?.zh, (words as Pair)?.en]);
    const hay = [...names, ...pairs, alert.unit?.name, alert.zone, alert.id, ...(alert.sensors ?? [])];
    return hay.join(" ").toLowerCase().includes(text.toLowerCase());
  }

  /** What the filters leave over, the most urgent first; made once for all who ask until something changes. */
  visible(): Alert[] {
    const key = JSON.stringify(this.filters);
    if (this.sorted?.key === key) return this.sorted.alerts;
    const alerts = [...this.alerts.values()].filter((alert) => this.matches(alert)).sort(byUrgency);
    this.sorted = this.filters.text ? null : { key, alerts }; // what words match depends on names that may still come
    return alerts;
  }

  /** Open alerts of the chosen mode, before the other filters. */
  counts(): Counts {
    const severity = Object.fromEntries(SEVERITIES.map((key) => [key, { open: 0, active: 0, unacked: 0 }])) as Counts["severity"];
    const county: Counts["county"] = {};
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
      if (!isCleared(alert) && (place.worst === null || rank(alert.severity) < rank(place.worst))) place.worst = alert.severity;
    }
    return { severity, county };
  }

  /** Red alerts nobody has acknowledged, newest first. */
  reds(): Alert[] {
    return [...this.alerts.values()].filter(isRed).sort(byUrgency);
  }
}
