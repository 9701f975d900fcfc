/** Sensors and their health, out of the registry's answers. */

import type { Api } from "./api";
import { statusOf } from "./api";
import type { Words } from "./types";

export interface Sensor {
  id: string; name?: Words; name_zh?: string; name_en?: string; domain: string; kind: string; unit_code?: string; zone?: string; unit?: string;
  health?: string; last?: string; last_ts?: string; last_seen?: string; value?: number;
}
export interface SensorPage { items: Sensor[]; next: string | null; total: number }
export interface Wanted { q: string; domain: string; health: string; page: string }

const LIMIT = 200;
let listed = true; // this server has /sensors, with health; else the registry's list is read

/** One page of sensors. */
export async function fetchSensors(api: Api, wanted: Wanted): Promise<SensorPage> {
  const query = { q: wanted.q, domain: wanted.domain, limit: LIMIT, page: wanted.page };
  if (listed) {
    try {
      return page(await api.get("sensors", { ...query, health: wanted.health }));
    } catch (error) {
      if (statusOf(error) !== 404 && statusOf(error) !== 405) throw error;
      listed = false;
    }
  }
  return page(await api.get("assets", { ...query, type: "sensor" }));
}

function page(body: { items: Sensor[]; next?: string | null; total?: number }): SensorPage {
  return { items: body.items, next: body.next ?? null, total: body.total ?? body.items.length };
}

export const lastOf = (sensor: Sensor): string => sensor.last_ts ?? sensor.last_seen ?? sensor.last ?? "";
export const nameOf = (sensor: Sensor): Words => sensor.name ?? { zh: sensor.name_zh, en: sensor.name_en };
