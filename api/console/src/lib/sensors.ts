/** Sensors of the registry: how each is, its newest reading, its open alerts; and those that nobody registered. */

import { byUrgency, isOpen } from "./alerts";
import type { Api } from "./api";
import type { Alert, Listed, Words } from "./types";

export const STATES = ["silent", "flat", "late", "never", "ok"] as const;
export type State = (typeof STATES)[number];
export interface Sensor {
  id: string; name_zh?: string; name_en?: string; domain: string; kind: string; unit_code?: string; zone?: string; unit?: string; profile?: string;
  state: State; at: string | null; heard: string | null; value: number | null; late_s: number | null;
}
export interface Wanted { q: string; domain: string; state: string; page: string }
export interface Sensors extends Listed<Sensor> { counts: Record<State, number> }
export interface Unknown { sensor: string; domain: string; count: number; first: string; last: string; value: number | null; command: string }

export const fetchSensors = (api: Api, wanted: Wanted): Promise<Sensors> => api.get<Sensors>("sensors", { ...wanted });

/** Who sends without being registered; null where the caller may not see it. */
export const fetchUnknown = async (api: Api): Promise<Unknown[]> => (await api.get<Listed<Unknown>>("sensors/unknown")).items;

export const nameOf = ({ name_zh, name_en }: Sensor): Words => ({ zh: name_zh, en: name_en });

/** Open alerts by sensor, the worst first. */
export function alertsBySensor(alerts: Iterable<Alert>): Map<string, Alert[]> {
  const found = new Map<string, Alert[]>();
  for (const alert of [...alerts].filter(isOpen).sort(byUrgency)) {
    for (const id of alert.sensors ?? []) {
      const rows = found.get(id);
      if (rows) rows.push(alert);
      else found.set(id, [alert]);
    }
  }
  return found;
}

/** The fault of a sensor that is known: an equipment alert that goes on. */
export const faultOf = (alerts: Alert[] | undefined): Alert | undefined => alerts?.find((alert) => alert.class === "equipment" && alert.condition !== "CLEARED");
