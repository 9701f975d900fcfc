/** Geofences on the map: outlines of those there are, bright while they are active; read again each minute. */

import { put, s } from "./dom.js";
import { say, t, term } from "./i18n.js";
import { outline } from "./map.js";

const GEOJSON = "application/geo+json";
const AGAIN_MS = 60_000;

export class FenceLayer {
  constructor(map, api) {
    Object.assign(this, { map, api, features: [], read: 0, busy: false });
  }

  /** Called each second while somebody is signed in. */
  async tick() {
    if (this.busy || !this.map.project || (this.read && performance.now() - this.read < AGAIN_MS)) return;
    this.busy = true;
    try {
      const found = await this.api.get("fences", { limit: 5000 }, { headers: { Accept: GEOJSON } });
      this.features = found.features.filter(({ geometry }) => geometry);
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
