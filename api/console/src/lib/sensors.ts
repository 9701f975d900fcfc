/** Sensors of the registry, and what is wrong with them: open alerts of class equipment. */

import { byUrgency, isOpen } from "./alerts";
import type { Api } from "./api";
import type { Alert, Listed, Words } from "./types";

export interface Sensor { id: string; name_zh?: string; name_en?: string; domain: string; kind: string; unit_code?: string; zone?: string; unit?: string }
export interface Wanted { q: string; domain: string; page: string }

const LIMIT = 200;

export const fetchSensors = (api: Api, wanted: Wanted): Promise<Listed<Sensor>> => api.get<Listed<Sensor>>("assets", { ...wanted, type: "sensor", limit: LIMIT });

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
