/** What the signed-in person may do to an alert, why not, and doing it. */

import { randomKey } from "./dom.js";
import { t, term } from "./i18n.js";
import { toMs } from "./clock.js";
import { isOpen, prefixOf } from "./store.js";

const MAY_ACK = new Set(["officer", "commander", "admin"]);

export const levelOf = (unit) => ({ 4: "prefecture", 6: "county", 9: "township", 12: "village" })[prefixOf(unit).length] ?? "";

/** Acks that still hold. */
export const liveAcks = (alert, now) => (alert.acks ?? []).filter((ack) => !ack.expires || toMs(ack.expires) > now);

/** null when allowed, else the sentence that says why not. */
export function whyNoAck(alert, me, now, online) {
  if (!MAY_ACK.has(me.role)) return t("no.role", { role: term("role", me.role) });
  if (me.unit && !String(alert.unit?.code ?? "").startsWith(prefixOf(me.unit))) return t("no.unit", { unit: me.unit });
  if (!isOpen(alert)) return t("no.closed");
  const level = levelOf(me.unit);
  const mine = liveAcks(alert, now).find((ack) => ack.level === level);
  if (mine) return t("no.acked", { level: term("level", level), by: mine.by });
  return online ? null : t("no.offline");
}

const keys = new Map(); // of commands without an answer: sent again, they are still the same command

/** Sends one command with an idempotency key, which a retry after no answer (network, 504) takes up again. */
export async function sendCommand(api, alert, command, comment = "", params = {}) {
  const body = { command, version: alert.version, comment, params };
  const same = JSON.stringify([alert.id, body]);
  const key = keys.get(same) ?? randomKey();
  keys.set(same, key);
  try {
    const answer = await api.post(`alerts/${encodeURIComponent(alert.id)}/commands`, body, { "Idempotency-Key": key });
    keys.delete(same);
    return answer;
  } catch (error) {
    if (error.status !== 0 && error.status !== 504) keys.delete(same);
    throw error;
  }
}
