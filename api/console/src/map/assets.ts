/** The registry's assets in view, as dots on a canvas: thousands of them pan as one picture. */

import L from "leaflet";

import type { Api } from "../lib/api";
import { say, term } from "../lib/i18n";
import type { Point } from "../lib/types";
import { latLng } from "./sketch";

const MOST = 5000;
const COLOURS: Record<string, string> = { water: "#4aa3df", gas: "#d9a13b", pipeline: "#a58bd8", traffic: "#7fb77e" };

interface Asset { id: string; name_zh?: string; name_en?: string; domain: string }
type Geometry = { type: "Point"; coordinates: Point } | { type: "LineString"; coordinates: Point[] };
interface Feature { geometry: Geometry | null; properties: Asset }

export class AssetLayer {
  private readonly group = L.layerGroup();
  private readonly renderer: L.Canvas;
  private loaded = false;

  constructor(private readonly map: L.Map, private readonly api: Api) {
    this.renderer = L.canvas({ pane: "assets", padding: 0.4 });
  }

  async show(on: boolean): Promise<void> {
    if (!on) return void this.group.remove();
    this.group.addTo(this.map);
    if (this.loaded) return;
    this.loaded = true;
    try {
      this.draw(await this.api.features<Feature>("assets", { limit: MOST }));
    } catch {
      this.loaded = false;
    }
  }

  private draw(features: Feature[]): void {
    for (const { geometry, properties } of features) {
      if (!geometry) continue;
      const fillColor = COLOURS[properties.domain] ?? "#9db0c2";
      const shape = geometry.type === "LineString"
        ? L.polyline(geometry.coordinates.map(latLng), { renderer: this.renderer, color: fillColor, weight: 1.2, opacity: 0.6 })
        : L.circleMarker(latLng(geometry.coordinates), { renderer: this.renderer, radius: 2.5, weight: 0, fillOpacity: 0.75, fillColor });
      shape.bindTooltip(() => {
        const box = document.createElement("span");
        box.textContent = `${say({ zh: properties.name_zh, en: properties.name_en }) || properties.id} · ${term("domain", properties.domain)}`;
        return box;
      });
      shape.addTo(this.group);
    }
  }
}
