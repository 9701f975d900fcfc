/** Where this telephone is, where its owner allows it. */

export interface Here { lon: number; lat: number; accuracy_m: number }

const WAIT_MS = 10_000;
const OLD_MS = 60_000;

/** null where there is no position, or nobody allows it. */
export function here(): Promise<Here | null> {
  return new Promise((resolve) => {
    if (!("geolocation" in navigator)) return resolve(null);
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => resolve({ lon: coords.longitude, lat: coords.latitude, accuracy_m: Math.round(coords.accuracy) }),
      () => resolve(null),
      { enableHighAccuracy: true, timeout: WAIT_MS, maximumAge: OLD_MS },
    );
  });
}
