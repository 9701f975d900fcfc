/** Geofences on the map: outlines of those there are, bright while they are active; read again each minute, and soon
 * when an alert names one that is not drawn. */

import { put, s } from "./dom.js";
import { say, t, term } from "./i18n.js";
import { outline } from "./map.js";

const GEOJSON = "application/geo+json";
const AGAIN_MS = 60_000, SOON_MS = 3_000, TRIES = 5;

export class FenceLayer {
  constructor(map, api) {
    Object.assign(this, { map, api, features: [], read: 0, busy: false, sought: new Map() });
  }

  /** An alert came: the fences that it names should be on the map. */
  expect(alert) {
    for (const { id } of alert.fences ?? []) if (!this.has(id) && !this.sought.has(id)) this.sought.set(id, 0);
  }

  has(id) { return this.features.some(({ properties }) => properties.id === id); }

  /** Called each second while somebody is signed in. */
  async tick() {
    const wait = [...this.sought.values()].some((tries) => tries < TRIES) ? SOON_MS : AGAIN_MS;
    if (this.busy || !this.map.project || (this.read && performance.now() - this.read < wait)) return;
    this.busy = true;
    for (const [id, tries] of this.sought) this.sought.set(id, tries + 1);
    try {
      const found = await this.api.get("fences", { limit: 5000 }, { headers: { Accept: GEOJSON } });
      this.features = found.features.filter(({ geometry }) => geometry);
      for (const id of [...this.sought.keys()]) if (this.has(id)) this.sought.delete(id);
      this.draw();
    } catch { /* what is drawn stays; it is read again */ }
    this.read = performance.now();
    this.busy = false;
  }

  draw() {
    if (!this.map.project) return;
    put(this.map.fences, this.features.map(({ geometry, properties }) => s("path", {
      d: outline(geometry, this.map.project.project), className: `fence ${properties.active_now ? "active" : "idle"}`,
      dataset: { fence: properties.id },
    }, s("title", null, `${term("fence", properties.kind)} ${say(properties.name)} · ${t(properties.active_now ? "fence.active" : "fence.idle")}`))));
  }
}
