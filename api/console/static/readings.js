/** The readings that belong on an alert's chart, and how the API's answer becomes points. */

import { toMs } from "./clock.js";

/** [[ms, value]…] of any of the shapes [[ts, v]…], [{ts, value}…], {items|points|readings|series: …}. */
export function points(body) {
  const rows = Array.isArray(body) ? body : body?.items ?? body?.points ?? body?.readings ?? body?.series ?? [];
  return rows.map((row) => (Array.isArray(row) ? [toMs(row[0]), row[1]] : [toMs(row.ts ?? row.time), row.value ?? row.mean]))
    .filter(([ms, value]) => ms !== null && typeof value === "number").sort((a, b) => a[0] - b[0]);
}

/** Usual time between two of the readings kept as evidence. */
function stepOf(kept) {
  const gaps = kept.slice(1).map((point, i) => point[0] - kept[i][0]).sort((a, b) => a - b);
  return gaps[Math.floor(gaps.length / 2)] ?? 0;
}

/** When to look: as long before the onset as it lasted (and 90 readings), to a while after the end, not beyond now. */
export function windowOf(alert, kept, now) {
  const first = toMs(alert.first_seen) ?? now;
  const cleared = clearedAt(alert);
  const last = cleared ?? now;
  const life = Math.max(last - first, 60_000);
  const before = Math.min(Math.max(life, 120_000, 90 * stepOf(kept)), 3 * 86_400_000);
  const after = cleared ? Math.min(life / 3, 1800_000) + 30_000 : 0;
  return { from: first - before, to: Math.max(first + 60_000, Math.min(now, last + after)) };
}

/** When it cleared; null while it goes on. */
export function clearedAt(alert) {
  return alert.condition === "CLEARED" ? toMs(alert.cleared) ?? toMs(alert.last_seen) : null;
}

/** The hard limit that was crossed, in the unit of the readings; `threshold` is one of the score, for any unit. */
export const limitOf = (evidence) => (typeof evidence?.limit === "number" ? evidence.limit : null);

/** Readings from the API, and before and after them those kept as evidence: the API forgets after some hours. */
export function join(fromApi, kept) {
  if (!fromApi.length) return kept;
  const [first, last] = [fromApi[0][0], fromApi.at(-1)[0]];
  return [...kept.filter(([ms]) => ms < first), ...fromApi, ...kept.filter(([ms]) => ms > last)];
}
