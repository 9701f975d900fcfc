/** Alerts made by hand: what the form has, what is sent, what the server offers to merge with. */

import type { Api } from "./api";
import { statusOf } from "./api";
import { fromLocalInput } from "./clock";
import { randomKey } from "./remember";
import type { Alert, Point, Words } from "./types";

export const SOURCES = ["phone", "12345", "patrol", "video"] as const;
export const PLACES = ["map", "here", "unit", "asset"] as const;
export type PlaceBy = (typeof PLACES)[number];

export interface Report {
  source: string; caller: string; domain: string; kind: string; severity: string; text: string; at: string;
  by: PlaceBy; point: Point | null; unit: string; asset: string;
}
export interface Offer extends Pick<Alert, "id" | "version" | "domain" | "severity" | "condition" | "title"> { distance_m: number; why: Words }
export type Made = Alert & { offers: Offer[] };

export const newReport = (): Report => ({
  source: "phone", caller: "", domain: "", kind: "", severity: "III", text: "", at: "", by: "map", point: null, unit: "", asset: "",
});

const placed = ({ by, point, unit, asset }: Report): boolean => Boolean(by === "unit" ? unit : by === "asset" ? asset.trim() : point);

/** Names of the fields that are still empty. */
export function lacking(report: Report): string[] {
  return [
    !report.domain && "report.domain", !report.kind && "report.kind", !placed(report) && "report.where", !report.text.trim() && "report.text",
  ].filter(Boolean) as string[];
}

/** The body of POST /alerts. */
export function bodyOf(report: Report): Record<string, unknown> {
  const { by, point, unit, asset, at } = report;
  const place = by === "unit" ? { unit } : by === "asset" ? { asset: asset.trim() } : { lon: point?.[0], lat: point?.[1] };
  const { source, caller, domain, kind, severity, text } = report;
  return { source, caller: caller.trim(), place, domain, kind, severity, text: text.trim(), ...(at ? { at: new Date(fromLocalInput(at)).toISOString() } : {}) };
}

let waiting: { said: string; key: string } | null = null; // sent without an answer: sent again, it is the same alert

export async function sendReport(api: Api, report: Report): Promise<Made> {
  const body = bodyOf(report);
  const said = JSON.stringify(body);
  if (waiting?.said !== said) waiting = { said, key: randomKey() };
  try {
    const made = await api.post<Made>("alerts", body, { "Idempotency-Key": waiting.key });
    waiting = null;
    return made;
  } catch (error) {
    if (![0, 504].includes(statusOf(error) ?? -1)) waiting = null;
    throw error;
  }
}
