/** The Leaflet map: panes in their order, no animation where the reader wants none, an optional tile layer underneath. */

import L from "leaflet";

import type { Api } from "../lib/api";
import { info } from "../lib/info";

/** Panes from the bottom up. */
export const PANES = ["counties", "cells", "fences", "assets", "cellnames", "names", "marks"] as const;
const MIDDLE: L.LatLngTuple = [26.5, 108.3]; // of the prefecture
type Pane = (typeof PANES)[number];

export function makeMap(node: HTMLElement): L.Map {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const map = L.map(node, {
    zoomControl: false, attributionControl: false, zoomSnap: 0.25, zoomDelta: 0.75, wheelPxPerZoomLevel: 90, minZoom: 6, maxZoom: 18,
    zoomAnimation: !still, fadeAnimation: false, markerZoomAnimation: !still, inertia: !still, keyboard: false, maxBoundsViscosity: 0.8,
  });
  for (const [i, name] of PANES.entries()) {
    const pane = map.createPane(name);
    pane.classList.add(name);
    pane.style.zIndex = String(410 + i);
  }
  return map.setView(MIDDLE, 8); // layers have elements only once there is a view
}

/** A renderer of its own for a pane: layers of one pane never cover another's. */
export const svgIn = (pane: Pane): L.SVG => L.svg({ pane, padding: 0.3 });

/** Tiles where the server names some; without them the map is a sketch. */
export async function addTiles(map: L.Map, api: Api): Promise<boolean> {
  const { tiles } = await info(api);
  if (!tiles?.url) return false;
  L.tileLayer(tiles.url, { attribution: tiles.attribution, maxZoom: 18 }).addTo(map);
  L.control.attribution({ prefix: false }).addTo(map);
  return true;
}

/** An icon that is an element of ours: no markup is parsed. */
export const elementIcon = (html: HTMLElement, className: string): L.DivIcon => L.divIcon({ html, className, iconSize: [0, 0] });

/** GeoJSON's [lon, lat] as Leaflet has it. */
export const latLng = ([lon, lat]: [number, number]): L.LatLngTuple => [lat, lon];
