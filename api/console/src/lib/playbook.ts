/** Playbook steps of an alert: a tick is a comment whose text names its step, so the timeline is the only record. */

import type { Pair, Transition } from "./types";

export interface Step extends Pair { id: string }
export interface Playbook { id: string; title: Pair; source: Pair; steps: Step[] }
export interface Tick { by: string; at: string }

const MARK = /([✓✗]) \[([\w.-]+):([\w-]+)\]/;

/** The comment of a tick, or of taking it back. */
export const tickText = (book: Playbook, step: Step, on: boolean): string => `${on ? "✓" : "✗"} [${book.id}:${step.id}] ${step.zh}`;

/** Which steps are done: the last word about each counts. */
export function ticks(book: Playbook, timeline: Transition[]): Map<string, Tick> {
  const done = new Map<string, Tick>();
  for (const { reason, by = "", at } of timeline) {
    const found = MARK.exec(typeof reason === "string" ? reason : reason?.zh ?? "");
    if (!found || found[2] !== book.id) continue;
    if (found[1] === "✓") done.set(found[3], { by, at });
    else done.delete(found[3]);
  }
  return done;
}
