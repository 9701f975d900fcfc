/** What is mine: alerts that wait for my level or that I was told of, and what a hand-over must name. */

import { byUrgency, isOpen, levelOf, liveAcks, nextDue, within } from "./alerts";
import type { Alert, Me } from "./types";

/** Open alerts in my units. */
export const inMyUnits = (alerts: Iterable<Alert>, me: Me): Alert[] =>
  [...alerts].filter((alert) => isOpen(alert) && (!me.unit || within(alert.unit?.code, me.unit))).sort(byUrgency);

/** Does my level still have to acknowledge it? Nobody waits for one that is shelved or explained by another. */
export function waitsForMe(alert: Alert, me: Me, now: number): boolean {
  if (alert.suppressions?.length) return false;
  const level = levelOf(me.unit);
  if (liveAcks(alert, now).some((ack) => ack.level === level)) return false;
  const told = alert.told ?? [];
  if (told.some((entry) => entry.unit === me.unit || entry.person === me.user)) return true;
  const responsible = alert.escalation?.level ?? "";
  return responsible === level || (liveAcks(alert, now).length === 0 && told.length === 0);
}

export interface HandOver { open: Alert[]; shelved: Alert[]; exhausted: Alert[]; overdue: Alert[] }

export function handOver(alerts: Alert[], now: number): HandOver {
  return {
    open: alerts,
    shelved: alerts.filter((alert) => (alert.suppressions ?? []).some(({ kind }) => kind === "SHELVED")),
    exhausted: alerts.filter((alert) => alert.escalation?.exhausted),
    overdue: alerts.filter((alert) => (nextDue(alert)?.due ?? Infinity) < now),
  };
}
