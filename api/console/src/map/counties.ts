/** The counties: outlines that are buttons, names that step aside for marks. */

import L from "leaflet";

import { t } from "../lib/i18n";
import type { PlaceCount } from "../lib/store";
import type { Ring, Shape, UnitShape } from "../lib/types";
import type { Units } from "../lib/units";
import { elementIcon, latLng, svgIn } from "./sketch";

interface County { code: string; shape: L.Polygon; path: SVGElement; name: L.Marker; label: HTMLElement; dy: number }
export interface Spot { x: number; y: number }

const STEPS = [0, -24, 24, -42, 42]; // pixels a name may move up or down

export class CountyLayer {
  readonly all = new Map<string, County>();
  bounds = L.latLngBounds([]);

  constructor(private readonly map: L.Map, private readonly units: Units, private readonly pick: (code: string) => void) {}

  load(features: Shape<UnitShape>[]): void {
    const renderer = svgIn("counties");
    for (const { geometry, properties: { code, lon, lat } } of features) {
      if (!geometry) continue;
      const rings = geometry.coordinates.map((polygon: Ring[]) => polygon.map((ring) => ring.map(latLng)));
      const shape = L.polygon(rings, { renderer, className: "county", weight: 1, interactive: true, bubblingMouseEvents: true }).addTo(this.map);
      const path = shape.getElement() as SVGElement;
      this.button(path, code);
      shape.on("click", () => this.pick(code)); // Leaflet's: none comes after a drag
      const label = document.createElement("span");
      const name = L.marker([lat, lon], { pane: "names", icon: elementIcon(label, "name"), interactive: false, keyboard: false }).addTo(this.map);
      this.all.set(code, { code, shape, path, name, label, dy: 0 });
      this.bounds.extend(shape.getBounds());
    }
  }

  private button(path: SVGElement, code: string): void {
    path.dataset.code = code;
    path.setAttribute("tabindex", "0");
    path.setAttribute("role", "button");
    path.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      event.stopPropagation();
      this.pick(code);
    });
  }

  /** Counts, the worst severity and which one is chosen. */
  show(counts: Record<string, PlaceCount>, chosen: string): void {
    for (const { code, path, label } of this.all.values()) {
      const { open = 0, worst = null } = counts[code] ?? {};
      path.setAttribute("aria-label", t("map.county", { name: this.units.name(code), n: open }));
      path.setAttribute("aria-pressed", String(code === chosen));
      for (const severity of ["I", "II", "III", "IV"]) path.classList.toggle(`worst-${severity}`, worst === severity);
      path.classList.toggle("chosen", code === chosen);
      label.textContent = this.units.name(code);
      if (!open) continue;
      const count = document.createElement("b");
      count.textContent = String(open);
      label.append(" ", count);
    }
  }

  /** A name steps up or down when a mark or another name lies on it; it stays where it is while that place is free. */
  place(marks: Spot[]): void {
    const taken: Spot[] = [];
    for (const county of this.all.values()) {
      const { x, y } = this.map.latLngToLayerPoint(county.name.getLatLng());
      const apart = (p: Spot, dy: number, wide: number, high: number) => Math.abs(p.x - x) > wide || Math.abs(p.y - y - dy) > high;
      const free = (dy: number) => marks.every((mark) => apart(mark, dy - 4, 44, 19)) && taken.every((name) => apart(name, dy, 62, 16));
      county.dy = [county.dy, ...STEPS].find(free) ?? 0;
      taken.push({ x, y: y + county.dy });
      county.label.style.transform = `translate(-50%, calc(-50% + ${county.dy}px))`;
    }
  }
}
