/** Chinese first, English at a click; remembered. Terms that the law or the design fixes come from glossary.json. */

import { TEXTS } from "./texts.js";
import { remember } from "./dom.js";

let lang = remember.get("lang") === "en" ? "en" : "zh";
let glossary = {};
const listeners = new Set();

export async function loadGlossary() {
  const response = await fetch(new URL("./glossary.json", import.meta.url));
  glossary = response.ok ? await response.json() : {};
}

export const language = () => lang;
export const locale = () => (lang === "zh" ? "zh-CN" : "en-GB");

/** A sentence of the console: t("list.new", {n: 3}). */
export function t(key, values = {}) {
  const pair = TEXTS[key];
  const sentence = pair ? pair[lang === "zh" ? 0 : 1] : key;
  return sentence.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

/** A fixed term: term("severity", "I"); an unknown one is shown as it is. */
export const term = (group, key) => glossary[group]?.[key]?.[lang] ?? String(key ?? "");
export const hasTerm = (group, key) => Boolean(glossary[group]?.[key]);
export const terms = (group) => Object.keys(glossary[group] ?? {});

/** The right half of a {zh, en} text from the server; plain strings pass. */
export function say(pair) {
  if (pair === null || pair === undefined) return "";
  if (typeof pair === "string") return pair;
  return pair[lang] || pair.zh || pair.en || "";
}

export function setLanguage(next) {
  lang = next;
  remember.set("lang", next);
  apply();
  for (const listener of listeners) listener(lang);
}

export const onLanguage = (listener) => listeners.add(listener);

/** Fill what stands in index.html: data-t gives the text, data-t-label the aria-label, data-t-hint the placeholder. */
export function apply(root = document) {
  document.documentElement.lang = lang === "zh" ? "zh-CN" : "en";
  document.title = `${t("title")} · ${t("subtitle")}`;
  for (const node of root.querySelectorAll("[data-t]")) node.textContent = t(node.dataset.t);
  for (const node of root.querySelectorAll("[data-t-label]")) node.setAttribute("aria-label", t(node.dataset.tLabel));
  for (const node of root.querySelectorAll("[data-t-hint]")) node.setAttribute("placeholder", t(node.dataset.tHint));
}

/** A refusal in words: what the server said where it said it, our own sentence otherwise. */
export function problemWords(error) {
  const problem = error.problem ?? {};
  const detail = say(problem.reason) || say(problem[`detail_${lang}`]) || say(problem.detail) || say(problem.title);
  const known = TEXTS[`err.${error.status}`] ? `err.${error.status}` : null;
  const values = { detail: detail.replace(/[.。]$/, ""), status: error.status ?? "", n: error.retryAfter ?? "" };
  if (error.status === undefined) return t("err.other", { detail: error.message, status: "" });
  return known ? t(known, values) : t("err.other", values);
}
