/** Geofences on the map: outlines of those there are, bright while they are active; read again each minute, and soon when
 * an alert names one that is not drawn. */

import L from "leaflet";

import type { Api } from "../lib/api";
import { say, t, term } from "../lib/i18n";
import { svg } from "../lib/marks";
import type { Alert, Ring, Shape, Words } from "../lib/types";
import { latLng, svgIn } from "./sketch";

const AGAIN_MS = 60_000, SOON_MS = 3_000, TRIES = 5;

interface Fence { id: string; kind: string; name: Words; active_now?: boolean }

export class FenceLayer {
  private readonly group = L.layerGroup();
  private readonly renderer = svgIn("fences");
  private features: Shape<Fence>[] = [];
  private readAt = 0;
  private busy = false;
  private readonly sought = new Map<string, number>();

  constructor(private readonly map: L.Map, private readonly api: Api) {
    this.group.addTo(map);
  }

  set visible(on: boolean) {
    if (on) this.group.addTo(this.map);
    else this.group.remove();
  }

  /** An alert came: the fences that it names should be on the map. */
  expect(alert: Alert): void {
    for (const { id } of alert.fences ?? []) if (!this.has(id) && !this.sought.has(id)) this.sought.set(id, 0);
  }

  private has(id: string): boolean {
    return this.features.some(({ properties }) => properties.id === id);
  }

  /** Called each second while somebody looks at the map. */
  async tick(): Promise<void> {
    const wait = [...this.sought.values()].some((tries) => tries < TRIES) ? SOON_MS : AGAIN_MS;
    if (this.busy || (this.readAt && performance.now() - this.readAt < wait)) return;
    this.busy = true;
    for (const [id, tries] of this.sought) this.sought.set(id, tries + 1);
    try {
      this.features = (await this.api.features<Shape<Fence>>("fences", { limit: 5000 })).filter(({ geometry }) => geometry);
      for (const id of [...this.sought.keys()]) if (this.has(id)) this.sought.delete(id);
      this.draw();
    } catch { /* what is drawn stays; it is read again */ }
    this.readAt = performance.now();
    this.busy = false;
  }

  draw(): void {
    this.group.clearLayers();
    for (const { geometry, properties: { id, kind, name, active_now } } of this.features) {
      if (!geometry) continue;
      const className = `fence ${active_now ? "active" : "idle"}`;
      const polygons = geometry.type === "Polygon" ? [geometry.coordinates as unknown as Ring[]] : geometry.coordinates;
      const layer = L.polygon(polygons.map((polygon) => polygon.map((ring) => ring.map(latLng))), { renderer: this.renderer, className, weight: 1.5 });
      layer.on("add", () => {
        const path = layer.getElement() as SVGElement | undefined;
        if (!path) return;
        path.dataset.fence = id;
        path.replaceChildren(svg("title", {}, `${term("fence", kind)} ${say(name)} · ${t(active_now ? "fence.active" : "fence.idle")}`));
      });
      layer.addTo(this.group);
    }
  }
}
