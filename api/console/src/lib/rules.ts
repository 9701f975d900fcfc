/** Profiles of the detectors and geofences: reading, checking and changing them through the API. */

import type { Api } from "./api";
import type { Listed, Pair } from "./types";

export interface Profile { key: string; quantity: Pair; unit: string; kinds: { kind: string; title: Pair }[]; params: Record<string, number | null>; own: boolean }
export interface ProfileFile { domain: string; toml: string; version: number; by: string; at: string | null; shipped: string }
export interface Change { profile: string; param: string; from: number | null; to: number | null }

export const fetchProfiles = async (api: Api): Promise<Profile[]> => (await api.get<Listed<Profile>>("profiles")).items;
export const fetchFile = (api: Api, domain: string): Promise<ProfileFile> => api.get<ProfileFile>(`profiles/${domain}`);
export const checkFile = async (api: Api, domain: string, toml: string): Promise<Change[]> =>
  (await api.post<{ changes: Change[] }>(`profiles/${domain}/check`, { toml })).changes;
export const putFile = (api: Api, { domain, version }: ProfileFile, toml: string): Promise<ProfileFile> => api.put<ProfileFile>(`profiles/${domain}`, { toml, version });

export interface Fence { id: string; name: Pair; kind: string; shape: Record<string, unknown>; version: number; active_now?: boolean; until?: string | null; by?: string }
export interface Verdict { fences: (Fence & { active: boolean })[]; severity?: string; suppressed?: boolean; why?: Pair; unit: string | null }

const TOLD = ["by", "at", "removed", "demo", "active_now"]; // told by the server, not written

export const fetchFences = (api: Api, q: string): Promise<Listed<Fence>> => api.get<Listed<Fence>>("fences", { q, limit: 500 });

/** A fence as JSON to be edited, without what only the server says. */
export const fenceText = (fence: Fence): string =>
  JSON.stringify(Object.fromEntries(Object.entries(fence).filter(([key]) => !TOLD.includes(key))), null, 2);

/** A circle to begin from. */
export const newFence = (): string => fenceText({
  id: "", name: { zh: "", en: "" }, kind: "works", shape: { type: "circle", lon: 107.98, lat: 26.58, radius_m: 200 }, version: 0,
  until: new Date(Date.now() + 7 * 86_400_000).toISOString().replace(/\.\d+Z$/, "Z"),
} as Fence);

/** Checks (`dry`) or writes a fence; its version says whether it is a new one. */
export function saveFence(api: Api, text: string, dry: boolean): Promise<Fence> {
  const fence = JSON.parse(text) as Fence;
  const query = { dry: String(dry) };
  return fence.version ? api.put<Fence>(`fences/${encodeURIComponent(fence.id)}`, fence, query) : api.post<Fence>("fences", fence, {}, query);
}

/** What the fences would do to an alert at a place. */
export const tryFences = (api: Api, lon: string, lat: string, kind: string, severity: string, hard: boolean): Promise<Verdict> =>
  api.get<Verdict>("where", { lon, lat, kind, severity, hard: String(hard), radius_m: 1 });

/** Somewhere inside a shape, to begin a test with. */
export function inside(shape: Record<string, unknown>): [string, string] {
  const first = (value: unknown): number[] => (Array.isArray(value) && typeof value[0] === "number" ? value as number[] : Array.isArray(value) ? first(value[0]) : []);
  const point = shape.type === "circle" ? [shape.lon, shape.lat] : first(shape.coordinates ?? shape.line);
  return [String(point[0] ?? ""), String(point[1] ?? "")];
}
