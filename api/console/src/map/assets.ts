/** The registry's assets in view, as dots on a canvas: thousands of them pan as one picture. */

import L from "leaflet";

import type { Api } from "../lib/api";
import { say, term } from "../lib/i18n";
import type { Words } from "../lib/types";

const MOST = 5000;
const COLOURS: Record<string, string> = { water: "#4aa3df", gas: "#d9a13b", pipeline: "#a58bd8", traffic: "#7fb77e" };

interface Asset { id: string; name?: Words; name_zh?: string; domain: string; kind?: string }
interface Feature { geometry: { type: string; coordinates: [number, number] } | null; properties: Asset }

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
      if (geometry?.type !== "Point") continue;
      const [lon, lat] = geometry.coordinates;
      const dot = L.circleMarker([lat, lon], { renderer: this.renderer, radius: 3, weight: 0, fillOpacity: 0.75, fillColor: COLOURS[properties.domain] ?? "#9db0c2" });
      dot.bindTooltip(() => {
        const box = document.createElement("span");
        box.textContent = `${say(properties.name) || properties.name_zh || properties.id} · ${term("domain", properties.domain)}`;
        return box;
      });
      dot.addTo(this.group);
    }
  }
}
