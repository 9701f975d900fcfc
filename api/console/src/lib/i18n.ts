/** Chinese first, English at a click; remembered. Terms that the law or the design fixes come from glossary.json. */

import { ref, watchEffect } from "vue";

import terms_ from "../glossary.json";
import { ApiError } from "./api";
import { remember } from "./remember";
import { TEXTS } from "./texts";
import { DESK_TEXTS } from "./texts_desk";
import { PAGE_TEXTS } from "./texts_pages";
import type { Words } from "./types";

export type Lang = "zh" | "en";
export const lang = ref<Lang>(remember.get("lang") === "en" ? "en" : "zh");

const glossary = terms_ as Record<string, Record<string, Record<Lang, string>>>;
const sentences: Record<string, readonly [string, string]> = { ...TEXTS, ...DESK_TEXTS, ...PAGE_TEXTS };

export const locale = (): string => (lang.value === "zh" ? "zh-CN" : "en-GB");

/** A sentence of the console: t("list.new", {n: 3}). */
export function t(key: string, values: Record<string, unknown> = {}): string {
  const sentence = sentences[key]?.[lang.value === "zh" ? 0 : 1] ?? key;
  return sentence.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ""));
}

/** A fixed term: term("severity", "I"); an unknown one is shown as it is. */
export const term = (group: string, key: unknown): string => glossary[group]?.[String(key)]?.[lang.value] ?? String(key ?? "");
export const hasTerm = (group: string, key: unknown): boolean => Boolean(glossary[group]?.[String(key)]);

/** The right half of a {zh, en} text from the server; plain strings pass. */
export function say(words: Words): string {
  if (words === null || words === undefined) return "";
  if (typeof words === "string") return words;
  return words[lang.value] || words.zh || words.en || "";
}

export function switchLanguage(): void {
  lang.value = lang.value === "zh" ? "en" : "zh";
  remember.set("lang", lang.value);
}

/** Keeps the page's language and title right from now on. */
export function followLanguage(): void {
  watchEffect(() => {
    document.documentElement.lang = lang.value === "zh" ? "zh-CN" : "en";
    document.title = `${t("title")} · ${t("subtitle")}`;
  });
}

/** A refusal in words: what the server said where it said it, our own sentence otherwise. */
export function problemWords(error: unknown): string {
  if (!(error instanceof ApiError)) return t("err.other", { detail: error instanceof Error ? error.message : "", status: "" });
  const { problem, status } = error;
  const detail = (say(problem.reason) || problem.detail || problem.title || "").replace(/[.。]$/, "");
  const key = `err.${status}`;
  return t(sentences[key] ? key : "err.other", { detail, status, n: error.retryAfter ?? "" });
}
