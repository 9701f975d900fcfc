/** What an alert is at a glance: open, cleared, unacknowledged, red; the order of urgency; its clocks. */

import { toMs } from "./clock";
import type { Ack, Alert, Deadline, Level, Severity } from "./types";

export const SEVERITIES: readonly Severity[] = ["I", "II", "III", "IV"];
export const DOMAINS = ["water", "gas", "pipeline", "traffic"];
export const rank = (severity: string): number => ({ I: 0, II: 1, III: 2, IV: 3 })[severity] ?? 9;

/** 522600 stands for 5226: the prefecture's subtree. */
export const prefixOf = (code: string): string => (/^\d{4}00$/.test(code) ? code.slice(0, 4) : code);
export const within = (code: string | undefined, unit: string): boolean => (code ?? "").startsWith(prefixOf(unit));
const LEVELS: Record<number, Level> = { 4: "prefecture", 6: "county", 9: "township", 12: "village" };
export const levelOf = (unit: string): Level | "" => LEVELS[prefixOf(unit).length] ?? "";

export const countyOf = (alert: Alert): string => alert.path?.county ?? String(alert.unit?.code ?? "").slice(0, 6);
export const isOpen = (alert: Alert): boolean => alert.handling !== "CLOSED";
export const isCleared = (alert: Alert): boolean => alert.condition === "CLEARED";
export const isUnacked = (alert: Alert): boolean => alert.label === "UNACK" || alert.label === "RTNUN";
export const isRed = (alert: Alert): boolean => alert.severity === "I" && isOpen(alert) && !isCleared(alert) && isUnacked(alert);

/** When it cleared; null while it goes on. */
export const clearedAt = (alert: Alert): number | null => (isCleared(alert) ? toMs(alert.cleared) ?? toMs(alert.last_seen) : null);

/** Acks that still hold: a handled alert's do not expire. */
export const liveAcks = (alert: Alert, now: number): Ack[] =>
  (alert.acks ?? []).filter((ack) => alert.handling !== "NEW" || !ack.expires || (toMs(ack.expires) ?? 0) > now);

/** By severity, what goes on before what is over, the newest first; then by id, so that arrival never matters. */
export function byUrgency(a: Alert, b: Alert): number {
  return rank(a.severity) - rank(b.severity) || Number(isCleared(a)) - Number(isCleared(b))
    || (toMs(b.first_seen) ?? 0) - (toMs(a.first_seen) ?? 0)
    || (a.id < b.id ? -1 : 1);
}

/** Deadlines of the steps after the ack, soonest first; the server sends a list, or an object by step. */
export function deadlinesOf({ deadlines }: Alert): Deadline[] {
  const rows = Array.isArray(deadlines) ? deadlines : Object.entries(deadlines ?? {}).map(([step, entry]) => {
    const said = (typeof entry === "object" && entry ? entry : { due: entry }) as Partial<Deadline>;
    return { step, due: said.due ?? null, state: said.state, extended: said.extended };
  });
  return rows.filter((row) => toMs(row.due) !== null).sort((a, b) => (toMs(a.due) ?? 0) - (toMs(b.due) ?? 0));
}

/** The clock that matters now: the ack's while it runs, else the next step's. */
export function nextDue(alert: Alert): { step: string; level: string; due: number } | null {
  if (!isOpen(alert)) return null;
  const ack = toMs(alert.escalation?.deadline);
  if (ack !== null) return { step: "ack", level: alert.escalation?.level ?? "", due: ack };
  const first = deadlinesOf(alert)[0];
  return first ? { step: first.step, level: "", due: toMs(first.due) ?? 0 } : null;
}
