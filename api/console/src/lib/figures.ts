/** Figures for management: what the server computes, and what the alerts at hand give. */

import { countyOf, isCleared, isUnacked, nextDue, SEVERITIES } from "./alerts";
import type { Alert, Severity } from "./types";

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

/** Sensors with the most alerts. */
export function topSources(alerts: Alert[], most = 10): { id: string; n: number }[] {
  const counts = new Map<string, number>();
  for (const alert of alerts) {
    const id = alert.sensors?.[0];
    if (id) counts.set(id, (counts.get(id) ?? 0) + (alert.count ? 1 : 0));
  }
  return [...counts].map(([id, n]) => ({ id, n })).sort((a, b) => b.n - a.n || (a.id < b.id ? -1 : 1)).slice(0, most);
}

export interface Sheet { name: string; columns: string[]; rows: (string | number | null)[][] }

const scalar = (value: unknown): value is string | number | null => value === null || ["string", "number", "boolean"].includes(typeof value);
const said = (value: unknown): string | number | null => (typeof value === "boolean" ? String(value) : scalar(value) ? value : JSON.stringify(value));

/** Tables out of the server's figures, whatever it counts: plain values are one table, lists and objects one each. */
export function sheets(body: Record<string, unknown>, word: (key: string) => string): Sheet[] {
  const plain = Object.entries(body).filter(([, value]) => scalar(value));
  const out: Sheet[] = plain.length ? [{ name: "", columns: [word("name"), word("value")], rows: plain.map(([key, value]) => [word(key), said(value)]) }] : [];
  for (const [key, value] of Object.entries(body)) {
    if (scalar(value)) continue;
    const rows = Array.isArray(value) ? value : Object.entries(value as object).map(([name, entry]) => (
      typeof entry === "object" && entry && !Array.isArray(entry) ? { name, ...entry } : { name, value: entry }));
    const objects = rows.filter((row): row is Record<string, unknown> => typeof row === "object" && row !== null);
    if (!objects.length) continue;
    const columns = [...new Set(objects.flatMap(Object.keys))];
    out.push({ name: word(key), columns: columns.map(word), rows: objects.map((row) => columns.map((column) => said(row[column] ?? null))) });
  }
  return out;
}

const cell = (value: unknown): string => {
  const words = String(value ?? "");
  const safe = /^[=+@\t\r]/.test(words) || /^-\D/.test(words) ? `'${words}` : words; // no formula of a spreadsheet
  return /[",\n]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
};

/** RFC 4180, with a mark so that spreadsheets read it as UTF-8. */
export const csv = (rows: unknown[][]): string => `\ufeff${rows.map((row) => row.map(cell).join(",")).join("\r\n")}\r\n`;
export const severityColumns = SEVERITIES;
