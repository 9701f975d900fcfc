/** Duty: who is on duty, the people of a place, hand-overs 交接班. */

import type { Api } from "./api";
import type { Alert, Listed } from "./types";

export interface Contact { channel: string; address?: string }
export interface OnDuty { id: string; name: string; role?: string; user?: string; contacts?: Contact[] }
export interface Duty { unit: string; at: string; promised: boolean; people: OnDuty[]; room: OnDuty | null }
export interface Person { id: string; name: string; place: string; user?: string }
export interface HandedOver {
  id: number; unit: string; at: string; from: { person: string; user: string }; to: { person: string; user: string };
  signed: { by: string; at: string; note: string } | null; note?: string; counts?: Record<string, number>;
  open?: Pick<Alert, "id" | "severity" | "title" | "handling">[];
}

/** A telephone number of a person, where the server gives any. */
export const phoneOf = ({ contacts = [] }: OnDuty): string => contacts.find(({ channel, address }) => (channel === "voice" || channel === "sms") && address)?.address ?? "";

export const fetchDuty = (api: Api, unit: string): Promise<Duty> => api.get<Duty>("duty", { unit });

/** People of a unit who can sign for a hand-over: those with an account. */
export const fetchPeople = async (api: Api, unit: string): Promise<Person[]> =>
  (await api.get<Listed<Person>>("duty/people", { unit })).items.filter(({ user, place }) => user && place === unit);

export const fetchHandOvers = async (api: Api, unit: string): Promise<HandedOver[]> =>
  (await api.get<Listed<HandedOver>>("duty/handovers", { unit, limit: 5 })).items;
