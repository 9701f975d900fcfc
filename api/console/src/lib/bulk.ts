/** One command on several alerts, and what became of each. */

import type { Api } from "./api";
import { say } from "./i18n";
import { randomKey } from "./remember";
import type { Alert, Words } from "./types";

export const MOST = 200;

interface Item { id: string; status: number; detail?: string; reason?: Words }
interface Answer { accepted: number; refused: number; items: Item[] }
export interface Outcome { done: string[]; refused: string[]; why: string[] }

/** Sends it; the refused ones keep their reasons, each told once. */
export async function sendBulk(api: Api, alerts: Alert[], command: "ack" | "shelve", comment: string, params: Record<string, unknown>): Promise<Outcome> {
  const items = alerts.map(({ id, version }) => ({ id, version }));
  const answer = await api.post<Answer>("alerts/commands", { command, items, comment, params }, { "Idempotency-Key": randomKey() });
  const refused = answer.items.filter(({ status }) => status !== 200);
  return {
    done: answer.items.filter(({ status }) => status === 200).map(({ id }) => id),
    refused: refused.map(({ id }) => id),
    why: [...new Set(refused.map(({ reason, detail }) => say(reason) || detail || ""))],
  };
}

/** Of those chosen what can be sent at once, in the order of the list. */
export const chosenOf = (picked: Set<string>, shown: Alert[]): Alert[] => shown.filter(({ id }) => picked.has(id));
