/** Figures for management: the server's alarm figures, and open alerts by county as they are now. */

import { countyOf, isCleared, isUnacked, nextDue } from "./alerts";
import type { Alert, Pair, Severity } from "./types";

export interface Figure { name: string; title: Pair; value: number | null; unit: string; benchmark: (Pair & { source: string }) | null; grade: string; assessment: Pair }
export interface Response { step: string; by: string; key: string; name: string; done: number; median_s: number | null; p90_s: number | null; judged: number; in_time: number; share: number | null }
export interface Source { place: string; kind?: string; alarms?: number; alerts?: number; since?: string }
export type Scope = { unit: string; name: string; grades: Record<string, string> } & Record<string, unknown>;
export interface Figures {
  from: string; to: string; mode: string; complete: boolean; figures: Figure[]; scopes: Scope[]; response: Response[];
  top_sources: Source[]; chattering: Source[]; stale: Source[]; repeated_places: Source[];
}

export const MEASURES = ["alerts", "ack_share", "dispose_share", "closed_share", "false_share", "overdue", "online_share"] as const;
export type Measure = (typeof MEASURES)[number];
export type Told = Record<Measure, number | null>;
export interface LeaderRow { by: "all" | "unit" | "org"; key: string; name: string; now: Told | null; before: Told | null; year: Told | null }
export interface Leader { from: string; to: string; complete: boolean; rows: LeaderRow[]; hours: number[][]; days: { day: string; alerts: number }[]; repeated: Source[] }

/** The unit that `shown` and `change` want of a measure. */
export const unitOf = (measure: Measure): string => (measure.endsWith("_share") ? "share" : "");

/** Is more of it better (1), worse (-1)? */
export const GOOD: Record<Measure, number> = { alerts: -1, ack_share: 1, dispose_share: 1, closed_share: 1, false_share: -1, overdue: -1, online_share: 1 };

/** "good", "bad", "" of a change as `change` tells it. */
export function turn(measure: Measure, now: number | null | undefined, before: number | null | undefined): string {
  const told = change(now, before, unitOf(measure));
  if (!/^[+-]/.test(told)) return "";
  return (told.startsWith("+") ? 1 : -1) * GOOD[measure] > 0 ? "good" : "bad";
}

/** Shade 0 (none) to 5 (the most) of a count. */
export const shade = (n: number, most: number): number => (n && most ? Math.max(1, Math.ceil((n / most) * 5)) : 0);

export interface CountyRow { code: string; by: Record<Severity, number>; total: number; active: number; unacked: number; overdue: number }

/** Open alerts by county, the most first. */
export function byCounty(alerts: Alert[], now: number): CountyRow[] {
  const rows = new Map<string, CountyRow>();
  for (const alert of alerts) {
    const code = countyOf(alert);
    let row = rows.get(code);
    if (!row) rows.set(code, (row = { code, by: { I: 0, II: 0, III: 0, IV: 0 }, total: 0, active: 0, unacked: 0, overdue: 0 }));
    row.by[alert.severity] += 1;
    row.total += 1;
    row.active += Number(!isCleared(alert));
    row.unacked += Number(isUnacked(alert));
    row.overdue += Number((nextDue(alert)?.due ?? Infinity) < now);
  }
  return [...rows.values()].sort((a, b) => b.total - a.total || (a.code < b.code ? -1 : 1));
}

/** A figure as it is read: shares in percent, others with what counts. */
export function shown(value: number | null | undefined, unit = ""): string {
  if (value === null || value === undefined) return "–";
  if (unit === "share") return `${(value * 100).toFixed(1)} %`;
  return String(Number(value.toFixed(2)));
}

/** How two periods differ: "+12 %", "" where that says nothing. */
export function change(now: number | null | undefined, before: number | null | undefined, unit = ""): string {
  if (now === null || now === undefined || before === null || before === undefined) return "";
  const sign = (v: number, digits: number) => {
    const round = Number(v.toFixed(digits)); // nothing is "-0.0"
    return round ? `${round > 0 ? "+" : ""}${round.toFixed(digits)}` : "±0";
  };
  if (unit === "share") return `${sign((now - before) * 100, 1)} %`;
  return before ? `${sign((now / before - 1) * 100, 0)} %` : "";
}
