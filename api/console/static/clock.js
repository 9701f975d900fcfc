/** Times as officers read them: Beijing time, and how long ago. The API's times are RFC 3339 in UTC. */

import { locale, t } from "./i18n.js";

const ZONE = "Asia/Shanghai";
const cache = new Map();

function format(ms, options) {
  const key = locale() + JSON.stringify(options);
  if (!cache.has(key)) {
    cache.set(key, new Intl.DateTimeFormat(locale(), { timeZone: ZONE, hourCycle: "h23", ...options }));
  }
  return cache.get(key).format(ms);
}

const HM = { hour: "2-digit", minute: "2-digit" };
const HMS = { ...HM, second: "2-digit" };

/** Epoch milliseconds of an RFC 3339 text or a number; null where there is none. */
export function toMs(value) {
  if (value === null || value === undefined || value === "") return null;
  const ms = typeof value === "number" ? value : Date.parse(value);
  return Number.isNaN(ms) ? null : ms;
}

export const clock = (ms) => format(ms, HMS);
export const hourMinute = (ms) => format(ms, HM);
export const day = (ms) => format(ms, { month: "2-digit", day: "2-digit" });
export const dayTime = (ms) => format(ms, { month: "2-digit", day: "2-digit", ...HMS });
export const full = (ms) => format(ms, { year: "numeric", month: "2-digit", day: "2-digit", ...HMS });

/** "8 秒", "5 分", "3 小时", "2 天" */
export function span(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return t("u.s", { n: seconds });
  if (seconds < 3600) return t("u.m", { n: Math.floor(seconds / 60) });
  if (seconds < 48 * 3600) return t("u.h", { n: Math.floor(seconds / 360) / 10 });
  return t("u.d", { n: Math.floor(seconds / 86400) });
}
