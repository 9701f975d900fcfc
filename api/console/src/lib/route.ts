/** Which page and which alert: the part of the address after `#`, `#page=duty&alert=…`. */

import { reactive } from "vue";

export const PAGES = ["operations", "duty", "sensors", "rules", "management"] as const;
export type Page = (typeof PAGES)[number];
export interface Route { page: Page; alert: string | null }

/** `#alert=…` alone is an alert in the operations centre. */
export function parse(hash: string): Route {
  const said = new URLSearchParams(hash.replace(/^#/, ""));
  const page = PAGES.find((name) => name === said.get("page")) ?? "operations";
  return { page, alert: said.get("alert") || null };
}

export function write({ page, alert }: Route): string {
  const parts = [page === "operations" ? "" : `page=${page}`, alert ? `alert=${encodeURIComponent(alert)}` : ""];
  return parts.filter(Boolean).join("&");
}

export const route = reactive<Route>(parse(location.hash));
addEventListener("hashchange", () => Object.assign(route, parse(location.hash)));

/** Go to a page, an alert, or both; what is not given stays. */
export function go(change: Partial<Route>): void {
  location.hash = write({ ...route, ...change });
}
