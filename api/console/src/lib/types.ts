/** Shapes of the HTTP API as the console reads them (docs/feed.md). Fields that an older server leaves out are optional. */

export type Severity = "I" | "II" | "III" | "IV";
export type Pair = { zh?: string; en?: string };
export type Words = Pair | string | null | undefined;
export type Point = [number, number];

export interface Ack { level: string; by: string; at: string; expires?: string | null; on_behalf?: string }
export interface Told {
  unit?: string; org?: string; role: string; person?: string; at: string; channel: string; step?: number; acked?: boolean; failed?: boolean;
}
export interface Deadline { step: string; due: string | null; state?: string; extended?: number }
export interface Suppression { kind: string; by?: string; until?: string | null; why: Words }
export interface FenceMark { id: string; kind: string; name: Words; until?: string | null }
export interface Facility { id: string; name_zh?: string; name_en?: string; distance_m: number; people: number }

export interface Evidence {
  detector?: string; version?: number; score?: number | null; threshold?: number | null; limit?: number | null;
  expected?: number | null; low?: number | null; high?: number | null; value?: number | null; unit?: string;
  also?: number; also_unit?: string; suspect?: string; series?: unknown[];
}

export interface Attachment {
  by: string; at: string; name: string; ref?: string; note?: string; taken?: string | null; lon?: number | null; lat?: number | null; accuracy_m?: number | null;
}

export interface Transition {
  seq: number; trigger?: string; command?: string | null; by?: string; at: string; reason?: Words;
  from?: Record<string, unknown>; to?: Record<string, unknown>;
}

export interface Alert {
  id: string; version: number; domain: string; kind: string; severity: Severity; severity_why?: Words; class?: string;
  mode: string; run?: string; condition: string; handling: string; verdict?: string | null; label: string;
  count?: number; first_seen: string; last_seen: string; cleared?: string | null;
  unit?: { code: string; name: string; level?: string }; path?: Partial<Record<Level, string | null>>;
  owner_org?: string; operator_org?: string; regulator?: string; assignee?: string | null;
  lon?: number | null; lat?: number | null; approximate?: boolean; zone?: string; assets?: unknown[]; sensors?: string[];
  name?: Words; title: Words; reason?: Words; evidence?: Evidence; acks?: Ack[];
  escalation?: { level?: string; step?: number; deadline?: string | null; exhausted?: boolean };
  suppressions?: Suppression[]; told?: Told[]; deadlines?: Deadline[] | Record<string, unknown>; delayed_by_s?: number;
  codes?: { system: string; value: string }[]; parent?: string | null; members?: string[];
  links?: { alert: string; why: Words; distance_m?: number }[]; fences?: FenceMark[]; recheck?: boolean; latched?: boolean;
  impact?: { radius_m?: number; facilities_total?: number; people?: number; facilities?: Facility[] };
  disposal?: { cause: string; action: string; by?: string; at?: string } | null;
  attachments?: Attachment[]; source?: string;
  warnings?: { text: string; level: string; by: string; approved_by: string; at: string }[];
  response_level?: string; reports?: { kind: string; form: string; to: string; by: string; at: string }[];
  timeline?: Transition[];
}

export type Level = "prefecture" | "county" | "township" | "village";
export interface Me { user: string; role: string; unit: string }

export interface Param { name: string; type: string; required?: boolean; choices?: string[] | null; label?: Pair }
export interface Action { command: string; allowed: boolean; row?: string; reason?: Words; params?: Param[] }
export interface Actions { version: number; items: Action[] }

export interface Unit { code: string; name: string; short?: string; name_en?: string }
export type Ring = Point[];
export interface Shape<P> { geometry: { type: string; coordinates: Ring[][] } | null; properties: P }
export interface UnitShape { code: string; name: string; short?: string; name_en?: string; approximate?: boolean; lon: number; lat: number }
export interface Listed<T> { items: T[]; next?: string | null; total?: number }
