/** The alerts' marks: grouped on the screen, kept while nothing about them changes, only those in view. */

import L from "leaflet";

import { byUrgency, isCleared, isRed, isUnacked } from "../lib/alerts";
import type { Group } from "../lib/cluster";
import { cluster } from "../lib/cluster";
import { t, term } from "../lib/i18n";
import { markNode, svg } from "../lib/marks";
import type { Alert } from "../lib/types";
import type { Units } from "../lib/units";
import { elementIcon } from "./sketch";
import type { Spot } from "./counties";

const NEAR = 17; // pixels below which marks become one
const MOST = 250; // marks in view above which they are drawn together from farther apart
const PULSES = 8; // red marks in view that pulse; where there are more, a ring has to do
const CLOSE = 17; // zoom from which a group opens its first alert instead of zooming in

const isLoud = (alert: Alert) => isRed(alert) || (alert.severity === "II" && !isCleared(alert) && isUnacked(alert));

export class AlertMarks {
  private shown = new Map<string, L.Marker>();
  private pulsing = true;

  constructor(private readonly map: L.Map, private readonly units: Units, private readonly choose: (id: string) => void) {}

  /** Draws the alerts that have a place; gives where their marks are, in layer points. */
  show(alerts: Alert[], open: string | null): Spot[] {
    const placed = alerts.filter((a) => typeof a.lon === "number" && typeof a.lat === "number")
      .sort((a, b) => Number(isCleared(a)) - Number(isCleared(b)) || byUrgency(a, b))
      .map((item) => ({ ...this.point(item), item }));
    const view = this.map.getPixelBounds().pad(0.25);
    const seen = placed.filter(({ x, y }) => view.contains([x, y]));
    let groups = cluster(seen, NEAR, (alert) => alert.id === open);
    for (let near = NEAR * 1.5; groups.length > MOST && near < 100; near *= 1.5) groups = cluster(seen, near, (alert) => alert.id === open);
    const origin = this.map.getPixelOrigin();
    this.pulsing = groups.filter(({ items }) => isRed(items[0])).length <= PULSES;
    const kept = new Map<string, L.Marker>();
    const spots: Spot[] = [];
    for (const [i, group] of groups.entries()) {
      spots.push({ x: group.x - origin.x, y: group.y - origin.y });
      const key = this.keyOf(group, open);
      const marker = this.shown.get(key) ?? this.make(group, open).addTo(this.map);
      marker.setZIndexOffset((groups.length - i) * 10);
      kept.set(key, marker);
    }
    const holding = (document.activeElement as HTMLElement | null)?.dataset?.ids;
    for (const [key, marker] of this.shown) if (!kept.has(key)) marker.remove();
    this.shown = kept;
    if (holding) for (const marker of kept.values()) if (marker.getElement()?.dataset.ids === holding) marker.getElement()?.focus();
    return spots;
  }

  private point(alert: Alert): Spot {
    return this.map.project([alert.lat as number, alert.lon as number]);
  }

  private keyOf({ items }: Group<Alert>, open: string | null): string {
    const [first] = items;
    const look = [first.severity, first.condition, first.label, first.approximate, first.lon, first.lat, first.id === open, this.pulsing, document.documentElement.lang];
    return [items.map((alert) => alert.id).join(" "), ...look].join("|");
  }

  private make({ items }: Group<Alert>, open: string | null): L.Marker {
    const [first] = items;
    const chosen = first.id === open;
    const one = t("map.mark", { severity: term("severity", first.severity), title: this.units.title(first) });
    const label = items.length > 1 ? `${t("map.cluster", { n: items.length })}; ${one}` : one;
    const icon = elementIcon(picture(items, chosen, this.pulsing), `place${chosen ? " chosen" : ""}`);
    const marker = L.marker([first.lat as number, first.lon as number], { pane: "marks", icon, keyboard: false, title: label, riseOnHover: true });
    marker.on("add", () => {
      const node = marker.getElement() as HTMLElement;
      Object.assign(node.dataset, { ids: items.map((alert) => alert.id).join(" "), severity: first.severity });
      for (const [name, value] of [["role", "button"], ["tabindex", "0"], ["aria-label", label]]) node.setAttribute(name, value);
      node.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        event.stopPropagation();
        this.press(items);
      });
    });
    return marker.on("click", () => this.press(items));
  }

  private press(items: Alert[]): void {
    const [first] = items;
    const zoom = this.map.getZoom();
    if (items.length > 1 && zoom < CLOSE) this.map.setView([first.lat as number, first.lon as number], Math.min(CLOSE, zoom + 1.5));
    else this.choose(first.id);
  }
}

function picture(items: Alert[], chosen: boolean, pulsing: boolean): HTMLElement {
  const [first] = items;
  const parts: SVGElement[] = [];
  const pulse = pulsing && isRed(first);
  if (isLoud(first) && !pulse) parts.push(svg("circle", { r: 15, class: `ring sev-${first.severity}` }));
  if (chosen) parts.push(svg("circle", { r: 17, class: "chosen-ring" }));
  parts.push(markNode(first.severity, isCleared(first), Boolean(first.approximate)));
  if (items.length > 1) {
    const count = items.length > 99 ? "99+" : String(items.length);
    parts.push(svg("g", { class: "cluster", transform: "translate(10 -10)" }, svg("circle", { r: 7.5 }), svg("text", { y: 3.5 }, count)));
  }
  const box = document.createElement("span");
  if (pulse) box.className = "pulse";
  box.append(svg("svg", { viewBox: "-30 -30 60 60", width: 60, height: 60, "aria-hidden": "true" }, ...parts));
  return box;
}
