/** The units below the chosen one: dashed where their borders are made up, with names once there is room. */

import L from "leaflet";

import type { Point, Ring } from "../lib/types";
import type { Units } from "../lib/units";
import { elementIcon, latLng, svgIn } from "./sketch";

/** Runs of a shape's edges that `seen` does not hold yet: a border that both neighbours dash would look solid. */
export function edges(coordinates: Ring[][], seen: Set<string>): Point[][] {
  const out: Point[][] = [];
  for (const ring of coordinates.flat()) {
    let run: Point[] = [];
    for (let i = 1; i < ring.length; i += 1) {
      const edge = [ring[i - 1], ring[i]].map(String).sort().join();
      if (seen.has(edge)) {
        if (run.length) out.push(run);
        run = [];
        continue;
      }
      seen.add(edge);
      if (!run.length) run.push(ring[i - 1]);
      run.push(ring[i]);
    }
    if (run.length) out.push(run);
  }
  return out;
}

export class CellLayer {
  private readonly lines = L.layerGroup();
  private readonly names = L.layerGroup();
  private readonly renderer = svgIn("cells");
  private parent = "";

  constructor(map: L.Map, private readonly units: Units) {
    this.lines.addTo(map);
    this.names.addTo(map);
  }

  /** Draws the units below `parent`; gives what they cover, null where nothing changed or there are none. */
  async show(parent: string): Promise<L.LatLngBounds | null> {
    if (parent === this.parent) return null;
    this.parent = parent;
    this.lines.clearLayers();
    this.names.clearLayers();
    if (!parent) return null;
    const features = await this.units.shapes(parent).catch(() => []);
    if (parent !== this.parent || !features.length) return null;
    const seen = new Set<string>();
    const bounds = L.latLngBounds([]);
    for (const { geometry, properties: { code, approximate, lon, lat } } of features) {
      if (!geometry) continue;
      const runs = edges(geometry.coordinates, seen).map((run) => run.map(latLng));
      bounds.extend(L.latLngBounds(geometry.coordinates.flat(2).map(latLng)));
      const className = approximate ? "cell approximate" : "cell";
      L.polyline(runs, { renderer: this.renderer, className, weight: 1, interactive: false, smoothFactor: 0 }).addTo(this.lines);
      const label = document.createElement("span");
      label.textContent = this.units.name(code);
      L.marker([lat, lon], { pane: "cellnames", icon: elementIcon(label, "cellname"), interactive: false, keyboard: false }).addTo(this.names);
    }
    return bounds.isValid() ? bounds : null;
  }
}
