/** Open alerts near another one. */

import type { Alert } from "./types";

const REACH_M = 1000;
const MOST = 5;
const METRES_PER_DEGREE = 111_195; // of latitude, sphere of 6,371 km

/** Distance in metres on a sphere, flat over a few kilometres. */
export function distance(a: Alert, b: Alert): number {
  if (typeof a.lon !== "number" || typeof a.lat !== "number" || typeof b.lon !== "number" || typeof b.lat !== "number") return Infinity;
  const scale = Math.cos(((a.lat + b.lat) / 2) * (Math.PI / 180));
  return Math.hypot((a.lon - b.lon) * scale, a.lat - b.lat) * METRES_PER_DEGREE;
}

export interface Near { alert: Alert; distance_m: number }

/** At most `most` others that have a place, the nearest first. */
export function nearest(alert: Alert, others: Alert[], most: number): Near[] {
  return others.filter((other) => other.id !== alert.id)
    .map((other) => ({ alert: other, distance_m: distance(alert, other) }))
    .filter(({ distance_m }) => distance_m < Infinity)
    .sort((a, b) => a.distance_m - b.distance_m).slice(0, most);
}

/** At most five within a kilometre. */
export const nearby = (alert: Alert, others: Alert[]): Near[] => nearest(alert, others, MOST).filter(({ distance_m }) => distance_m <= REACH_M);
