/** Requests to the HTTP API with the caller's token; every refusal becomes an ApiError with words. */

import type { Auth } from "./auth";

export const BASE = new URL("api/v1/", document.baseURI);

export interface Problem { title?: string; detail?: string; reason?: { zh?: string; en?: string }; row?: string; version?: number }
export type Query = Record<string, string | number | null | undefined>;
export interface Asked {
  method?: string; query?: Query; body?: unknown; form?: FormData; headers?: Record<string, string>; signal?: AbortSignal; retried?: boolean;
}

/** A problem document (RFC 9457) or a network failure (status 0). */
export class ApiError extends Error {
  constructor(readonly status: number, readonly problem: Problem = {}, readonly retryAfter: string | null = null) {
    super(problem.detail ?? problem.title ?? `HTTP ${status}`);
  }
}

/** Status of an ApiError; null for anything else. */
export const statusOf = (error: unknown): number | null => (error instanceof ApiError ? error.status : null);

export async function problemOf(response: Response): Promise<Problem> {
  try {
    const body: unknown = await response.json();
    return typeof body === "object" && body ? body : { detail: String(body) };
  } catch {
    return { title: response.statusText };
  }
}

export class Api {
  skewMs = 0; // server's clock minus ours, only where it is off by more than the Date header can say

  constructor(private readonly auth: Auth) {}

  now(): number {
    return Date.now() + this.skewMs;
  }

  async raw(path: string, asked: Asked = {}): Promise<Response> {
    const { method = "GET", query = {}, body, form, headers = {}, signal, retried = false } = asked;
    const url = new URL(path, BASE);
    for (const [key, value] of Object.entries(query)) {
      if (value !== "" && value !== null && value !== undefined) url.searchParams.set(key, String(value));
    }
    const used = await this.auth.token();
    const sent: Record<string, string> = { Authorization: `Bearer ${used}`, ...headers };
    if (body !== undefined) sent["Content-Type"] = "application/json";
    let response: Response;
    try {
      response = await fetch(url, { method, signal, headers: sent, cache: "no-store", body: form ?? (body === undefined ? undefined : JSON.stringify(body)) });
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") throw error;
      throw new ApiError(0, { title: "network" });
    }
    this.watchClock(response);
    if (response.ok) return response;
    if (response.status === 401 && !retried && (await this.auth.refresh(used))) return this.raw(path, { ...asked, retried: true });
    const error = new ApiError(response.status, await problemOf(response), response.headers.get("Retry-After"));
    if (response.status === 401) this.auth.expired();
    throw error;
  }

  async get<T>(path: string, query: Query = {}, asked: Asked = {}): Promise<T> {
    return (await this.raw(path, { query, ...asked })).json() as Promise<T>;
  }

  /** GeoJSON features of a collection. */
  async features<T>(path: string, query: Query = {}): Promise<T[]> {
    return (await this.get<{ features: T[] }>(path, query, { headers: { Accept: "application/geo+json" } })).features;
  }

  async post<T>(path: string, body: unknown, headers: Record<string, string> = {}, query: Query = {}): Promise<T> {
    return (await this.raw(path, { method: "POST", body, headers, query })).json() as Promise<T>;
  }

  async put<T>(path: string, body: unknown, query: Query = {}): Promise<T> {
    return (await this.raw(path, { method: "PUT", body, query })).json() as Promise<T>;
  }

  private watchClock(response: Response): void {
    const stamp = Date.parse(response.headers.get("Date") ?? "");
    if (Number.isNaN(stamp)) return;
    const off = stamp + 500 - Date.now();
    this.skewMs = Math.abs(off) > 3000 ? off : 0;
  }
}
