/** Forms of actions: what the server's `params` become, and what is sent of what was filled in. */

import { fromLocalInput } from "./clock";
import { hasTerm, lang, term } from "./i18n";
import type { Action, Choice, Param } from "./types";

export type Kind = "choice" | "text" | "long" | "number" | "time" | "list" | "flag";
export type Values = Record<string, string | boolean>;

const KINDS: Record<string, Kind> = {
  integer: "number", int: "number", float: "number", number: "number", seconds: "number", minutes: "number",
  time: "time", datetime: "time", moment: "time", bool: "flag", boolean: "flag", list: "list", ids: "list", alerts: "list", array: "list",
};
const LONG = new Set(["cause", "action", "text", "reason", "note", "why"]);
const CHOICE_GROUPS: Record<string, string> = { verdict: "verdict", severity: "severity", level: "level", step: "step" };

export function kindOf(param: Param): Kind {
  if (param.choices?.length) return "choice";
  return KINDS[param.type] ?? (param.type === "textarea" || LONG.has(param.name) ? "long" : "text");
}

/** Choices with their words: the server's, else the fixed term's. */
export function choicesOf(param: Param): { value: string; words: string }[] {
  return (param.choices ?? []).map((entry) => {
    const choice: Choice = typeof entry === "string" ? { value: entry } : entry;
    const group = CHOICE_GROUPS[param.name] ?? param.name;
    const own = lang.value === "zh" ? choice.zh : choice.en ?? choice.zh;
    return { value: choice.value, words: own ?? (hasTerm(group, choice.value) ? term(group, choice.value) : choice.value) };
  });
}

const empty = (value: string | boolean | undefined) => value === undefined || value === "" || value === false;

/** Required parameters that are still empty. */
export const missing = (action: Action, values: Values): Param[] =>
  (action.params ?? []).filter((param) => param.required && empty(typeof values[param.name] === "string" ? String(values[param.name]).trim() : values[param.name]));

/** What is sent: numbers as numbers, times as RFC 3339, lists as lists; what was left empty is left out. */
export function sent(action: Action, values: Values): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const param of action.params ?? []) {
    const value = values[param.name];
    if (empty(value)) continue;
    const said = String(value).trim();
    const kind = kindOf(param);
    if (kind === "flag") out[param.name] = true;
    else if (kind === "number") out[param.name] = Number(said);
    else if (kind === "time") out[param.name] = fromLocalInput(said);
    else if (kind === "list") out[param.name] = said.split(/[,，、\s]+/).filter(Boolean);
    else if (said) out[param.name] = said;
  }
  return out;
}
