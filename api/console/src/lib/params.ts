/** Forms of actions: what the server's `params` become, and what is sent of what was filled in. */

import { fromLocalInput } from "./clock";
import { hasTerm, say, t, term } from "./i18n";
import type { Action, Param } from "./types";

export type Kind = "choice" | "text" | "long" | "number" | "minutes" | "time" | "unit" | "alert";
export type Values = Record<string, string>;

const KINDS: Record<string, Kind> = { choice: "choice", number: "number", seconds: "minutes", time: "time", unit: "unit", alert: "alert" };
const LONG = new Set(["cause", "action", "text", "comment", "override"]);
const CHOICE_GROUPS: Record<string, string> = { kind: "report", form: "form" };
const FILLED = new Set(["county"]); // the API knows it by itself

export const kindOf = (param: Param): Kind => KINDS[param.type] ?? (LONG.has(param.name) ? "long" : "text");

/** What a form asks for; every command takes a comment, and some need one. */
export function asked(action: Action): Param[] {
  const params = (action.params ?? []).filter(({ name }) => !FILLED.has(name));
  return params.some(({ name }) => name === "comment") ? params : [...params, { name: "comment", type: "text" }];
}

export function labelOf(param: Param): string {
  if (kindOf(param) === "minutes") return t("act.minutes");
  if (param.name === "comment") return t(param.required ? "act.reason" : "act.comment");
  return say(param.label) || term("param", param.name);
}

/** Choices in the fixed terms. */
export const choicesOf = (param: Param): { value: string; words: string }[] => (param.choices ?? []).map((value) => {
  const group = CHOICE_GROUPS[param.name] ?? param.name;
  return { value, words: hasTerm(group, value) ? term(group, value) : value };
});

const filled = (values: Values, name: string): string => String(values[name] ?? "").trim();

/** Required parameters that are still empty. */
export const missing = (action: Action, values: Values): Param[] => asked(action).filter(({ name, required }) => required && !filled(values, name));

/** What is sent: numbers as numbers, times as epoch milliseconds, minutes as seconds; what was left empty is left out. */
export function sent(action: Action, values: Values): { comment: string; params: Record<string, unknown> } {
  const params: Record<string, unknown> = {};
  for (const param of asked(action)) {
    const said = filled(values, param.name);
    if (!said || param.name === "comment") continue;
    const kind = kindOf(param);
    if (kind === "number") params[param.name] = Number(said);
    else if (kind === "minutes") params[param.name] = Math.round(Number(said) * 60);
    else if (kind === "time") params[param.name] = fromLocalInput(said);
    else params[param.name] = said;
  }
  return { comment: filled(values, "comment"), params };
}
