/** The readings that belong on an alert's chart, and how the API's answer becomes points. */

import { clearedAt } from "./alerts";
import { toMs } from "./clock";
import type { Alert, Evidence, Point } from "./types";

type Row = [unknown, unknown] | { ts?: unknown; time?: unknown; value?: unknown; mean?: unknown };

/** [[ms, value]…] of any of the shapes [[ts, v]…], [{ts, value}…], {items|points|readings|series: …}, oldest first. */
export function points(body: unknown): Point[] {
  const named = (body ?? {}) as Record<string, unknown>;
  const rows = (Array.isArray(body) ? body : named.items ?? named.points ?? named.readings ?? named.series ?? []) as Row[];
  return rows.map((row) => (Array.isArray(row) ? [toMs(row[0]), row[1]] : [toMs(row.ts ?? row.time), row.value ?? row.mean]))
    .filter((point): point is Point => point[0] !== null && typeof point[1] === "number").sort((a, b) => a[0] - b[0]);
}

/** Usual time between two of the readings kept as evidence. */
function stepOf(kept: Point[]): number {
  const gaps = kept.slice(1).map((point, i) => point[0] - kept[i][0]).sort((a, b) => a - b);
  return gaps[Math.floor(gaps.length / 2)] ?? 0;
}

/** When to look: as long before the onset as it lasted (and 90 readings), to a while after the end, not beyond now. */
export function windowOf(alert: Alert, kept: Point[], now: number): { from: number; to: number } {
  const first = toMs(alert.first_seen) ?? now;
  const cleared = clearedAt(alert);
  const last = cleared ?? now;
  const life = Math.max(last - first, 60_000);
  const before = Math.min(Math.max(life, 120_000, 90 * stepOf(kept)), 3 * 86_400_000);
  const after = cleared ? Math.min(life / 3, 1_800_000) + 30_000 : 0;
  return { from: first - before, to: Math.max(first + 60_000, Math.min(now, last + after)) };
}

/** The hard limit that was crossed, in the unit of the readings; `threshold` is one of the score, for any unit. */
export const limitOf = (evidence: Evidence | undefined): number | null => (typeof evidence?.limit === "number" ? evidence.limit : null);

/** Readings from the API, and before and after them those kept as evidence: the API forgets after some hours. */
export function join(fromApi: Point[], kept: Point[]): Point[] {
  if (!fromApi.length) return kept;
  const [first, last] = [fromApi[0][0], fromApi[fromApi.length - 1][0]];
  return [...kept.filter(([ms]) => ms < first), ...fromApi, ...kept.filter(([ms]) => ms > last)];
}

/** The line breaks where a reading is missing: a pause of more than 3.5 times the pauses before and after it. */
export function segments(all: Point[]): Point[][] {
  const gap = (i: number) => (i > 0 && i < all.length ? all[i][0] - all[i - 1][0] : 0);
  const out: Point[][] = [];
  let run: Point[] = [];
  for (const [i, point] of all.entries()) {
    const usual = Math.max(gap(i - 2), gap(i - 1), gap(i + 1), gap(i + 2));
    if (usual && gap(i) > 3.5 * usual) { out.push(run); run = []; }
    run.push(point);
  }
  if (run.length) out.push(run);
  return out;
}

/** Columns for the chart, times in seconds; a break is a null between two runs. */
export function columns(all: Point[]): [number[], (number | null)[]] {
  const times: number[] = [];
  const values: (number | null)[] = [];
  for (const run of segments(all)) {
    if (times.length) { times.push((times[times.length - 1] + run[0][0] / 1000) / 2); values.push(null); }
    for (const [ms, value] of run) { times.push(ms / 1000); values.push(value); }
  }
  return [times, values];
}

/** Room for the readings; limits are taken in where they do not squeeze the readings flat. */
export function rangeOf(min: number, max: number, lines: (number | null | undefined)[]): [number, number] {
  const height = Math.max(max - min, Math.abs(max) * 0.02, 1e-6);
  let [low, high] = [min, max];
  for (const v of lines) {
    if (typeof v !== "number" || v < min - 3 * height || v > max + 3 * height) continue;
    low = Math.min(low, v);
    high = Math.max(high, v);
  }
  const room = Math.max(high - low, height) * 0.08;
  return [low - room, high + room];
}

/** A number as officers read it: `digits` that count, "–" for none. */
export function number(value: unknown, digits = 4): string {
  if (value === null || value === undefined || value === "" || !Number.isFinite(Number(value))) return "–";
  return String(Number(Number(value).toPrecision(digits)));
}
