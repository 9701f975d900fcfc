/** What the signed-in person may do to an alert, why not, and doing it. */

import { isOpen, levelOf, liveAcks, within } from "./alerts";
import type { Api } from "./api";
import { statusOf } from "./api";
import { t, term } from "./i18n";
import { randomKey } from "./remember";
import type { Action, Actions, Alert, Me } from "./types";

const MAY_ACK = new Set(["officer", "commander", "admin"]);

/** Sent by a form of its own, with the photo. */
export const BY_PHOTO = "attach";

/** Commands as the details show them: the way of an alert first, then what is seldom needed. */
export const STEPS = ["assess", "dispatch", "on_site", "dispose", "recheck", "verify", "close"];
export const GROUPS: Record<string, string[]> = {
  work: ["assign", "unack", "reopen", "set_severity", "ack_on_behalf", "extend"],
  levels: ["escalate", "delegate", "take_over", "urge", "supervise"],
  quiet: ["shelve", "unshelve", "out_of_service", "in_service"],
  record: ["comment", "report", "issue_warning", "set_response", "merge", "split"],
};

/** null when allowed, else the sentence that says why not: for servers that do not list actions. */
export function whyNoAck(alert: Alert, me: Me, now: number, online: boolean): string | null {
  if (!MAY_ACK.has(me.role)) return t("no.role", { role: term("role", me.role) });
  if (me.unit && !within(alert.unit?.code, me.unit)) return t("no.unit", { unit: me.unit });
  if (!isOpen(alert)) return t("no.closed");
  const level = levelOf(me.unit);
  const mine = liveAcks(alert, now).find((ack) => ack.level === level);
  if (mine) return t("no.acked", { level: term("level", level), by: mine.by });
  return online ? null : t("no.offline");
}

/** The one action there is where the server does not list any. */
export function onlyAck(alert: Alert, me: Me, now: number): Action[] {
  const why = whyNoAck(alert, me, now, true);
  return [{ command: "ack", allowed: why === null, reason: why, params: [] }];
}

const LIFTS: Record<string, string> = { "CLOSE-2": "override" }; // rows of the table that a parameter lifts

/** A refused action that a reason in writing would allow is offered, with that reason required. */
export function offered(action: Action): Action {
  const lift = LIFTS[action.row ?? ""];
  if (action.allowed || !lift) return action;
  return { ...action, allowed: true, params: (action.params ?? []).map((param) => (param.name === lift ? { ...param, required: true } : param)) };
}

let unlisted = false; // this server has no list of actions: not asked again

/** Actions of an alert; null where the server does not list them. */
export async function fetchActions(api: Api, alert: Alert): Promise<Actions | null> {
  if (unlisted) return null;
  try {
    const listed = await api.get<Actions>(`alerts/${encodeURIComponent(alert.id)}/actions`);
    return { ...listed, items: listed.items.map(offered) };
  } catch (error) {
    if (statusOf(error) !== 404) throw error;
    unlisted = true;
    return null;
  }
}

const keys = new Map<string, string>(); // of commands without an answer: sent again, they are still the same command

/** Sends one command with an idempotency key, which a retry after no answer (network, 504) takes up again. */
export async function sendCommand(
  api: Api, alert: Alert, command: string, comment = "", params: Record<string, unknown> = {},
): Promise<Alert> {
  const body = { command, version: alert.version, comment, params };
  const same = JSON.stringify([alert.id, body]);
  const key = keys.get(same) ?? randomKey();
  keys.set(same, key);
  try {
    const answer = await api.post<Alert>(`alerts/${encodeURIComponent(alert.id)}/commands`, body, { "Idempotency-Key": key });
    keys.delete(same);
    return answer;
  } catch (error) {
    const status = statusOf(error);
    if (status !== 0 && status !== 504) keys.delete(same);
    throw error;
  }
}
