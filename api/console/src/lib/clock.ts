/** Times as officers read them: Beijing time, and how long ago. The API's times are RFC 3339 in UTC. */

import { locale, t } from "./i18n";

export const ZONE = "Asia/Shanghai";
const OFFSET_MS = 8 * 3_600_000; // no summer time
const formats = new Map<string, Intl.DateTimeFormat>();

function format(ms: number, options: Intl.DateTimeFormatOptions): string {
  const key = locale() + JSON.stringify(options);
  let made = formats.get(key);
  if (!made) formats.set(key, (made = new Intl.DateTimeFormat(locale(), { timeZone: ZONE, hourCycle: "h23", ...options })));
  return made.format(ms);
}

const HM: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit" };
const HMS: Intl.DateTimeFormatOptions = { ...HM, second: "2-digit" };
const DAY: Intl.DateTimeFormatOptions = { month: "2-digit", day: "2-digit" };

/** Epoch milliseconds of an RFC 3339 text or a number; null where there is none. */
export function toMs(value: unknown): number | null {
  if (value === null || value === undefined || value === "") return null;
  const ms = typeof value === "number" ? value : Date.parse(String(value));
  return Number.isNaN(ms) ? null : ms;
}

export const clock = (ms: number): string => format(ms, HMS);
export const hourMinute = (ms: number): string => format(ms, HM);
export const dayTime = (ms: number): string => format(ms, { ...DAY, ...HMS });
export const dayOnly = (ms: number): string => `${format(ms, DAY)} ${format(ms, { weekday: "short" })}`;
export const full = (ms: number): string => format(ms, { year: "numeric", ...DAY, ...HMS });

/** "8 秒", "5 分", "3 小时", "2 天" */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return t("u.s", { n: seconds });
  if (seconds < 3600) return t("u.m", { n: Math.floor(seconds / 60) });
  if (seconds < 48 * 3600) return t("u.h", { n: Math.floor(seconds / 360) / 10 });
  return t("u.d", { n: Math.floor(seconds / 86400) });
}

/** A clock counting down: "4:05", "1:02:09"; the sign is left to the caller. */
export function countdown(ms: number): string {
  const seconds = Math.floor(Math.abs(ms) / 1000);
  const two = (n: number) => String(n).padStart(2, "0");
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  if (h >= 48) return span(Math.abs(ms));
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** Value of <input type="datetime-local"> in Beijing time, whatever the machine's own zone is. */
export const localInput = (ms: number): string => new Date(ms + OFFSET_MS).toISOString().slice(0, 16);

/** And back, in epoch milliseconds. */
export const fromLocalInput = (value: string): number => Date.parse(`${value}Z`) - OFFSET_MS;
