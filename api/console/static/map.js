/** The county map: outlines from the API, alert marks over them; wheel, drag and buttons move it. */

import { byId, h, put, s } from "./dom.js";
import { t, term } from "./i18n.js";
import { markPath } from "./marks.js";
import { byUrgency, isCleared, isRed, isUnacked, prefixOf } from "./store.js";

const WIDTH = 1000;
const CLOSE = 2.5; // zoom from which the units below the chosen one have their names
const NEAR = 17; // pixels on the screen below which marks become one

/** Equirectangular with the cosine of the middle latitude: true enough over two degrees. */
export function projection(bounds) {
  const [west, south, east, north] = bounds;
  const scale = Math.cos(((south + north) / 2) * (Math.PI / 180));
  const k = WIDTH / ((east - west) * scale);
  const project = (lon, lat) => [(lon - west) * scale * k, (north - lat) * k];
  return { project, width: WIDTH, height: (north - south) * k };
}

function boundsOf(features) {
  const points = features.flatMap(({ geometry }) => geometry.coordinates.flat(2));
  const ends = (pick) => [0, 1].map((axis) => pick(...points.map((p) => p[axis])));
  return [...ends(Math.min), ...ends(Math.max)];
}

/** SVG path of a multipolygon. Edges in `seen` are left out: a border that both neighbours dash looks solid. */
export const outline = ({ coordinates }, project, seen) => coordinates.flat().map((ring) => ring.map((point, i) => {
  const edge = [point, ring[i - 1]].sort().join();
  const drawn = !i || seen?.has(edge);
  seen?.add(edge);
  return (drawn ? "M" : "L") + project(...point).map((v) => v.toFixed(2)).join(" ");
}).join("")).join("");

export class CountyMap {
  /** @param choose (id) => void   @param pick (county code or "") => void */
  constructor(svg, store, units, choose, pick) {
    Object.assign(this, { svg, store, units, choose, pick });
    this.base = s("g", { className: "counties" });
    this.names = s("g", { className: "names", "aria-hidden": "true" });
    this.marks = s("g", { className: "marks" });
    this.cells = s("g", { className: "cells", "aria-hidden": "true" });
    this.fences = s("g", { className: "fences" });
    this.world = s("g", null, this.base, this.cells, this.fences, this.names, this.marks);
    svg.append(this.world);
    this.counties = new Map();
    this.open = null;
    this.view = { x: 0, y: 0, k: 1 };
    this.hands();
    new ResizeObserver(() => this.look()).observe(svg);
  }

  load(features) {
    this.project = projection(boundsOf(features));
    for (const { geometry, properties: { code, name: zh, name_en, lon, lat } } of features) {
      this.units.learn(code, zh, name_en);
      const title = s("title");
      const shape = s("path", { d: outline(geometry, this.project.project), className: "county", tabindex: 0, role: "button", dataset: { code } }, title);
      const name = s("text");
      this.counties.set(code, { shape, title, name, label: this.project.project(lon, lat) });
      this.base.append(shape);
      this.names.append(name);
    }
    const { width, height } = this.project;
    this.svg.setAttribute("viewBox", `-14 -14 ${width + 28} ${height + 28}`);
    this.look();
    this.render();
  }

  /** Screen pixels of one unit of the viewBox at zoom 1. */
  get pixel() {
    const box = this.svg.viewBox.baseVal;
    const { width, height } = this.svg.getBoundingClientRect();
    return box?.width && width ? Math.min(width / box.width, height / box.height) : 1;
  }

  /** Put the view (translation and zoom k) onto the layers; marks and names keep their size on the screen. */
  look() {
    if (!this.project) return;
    const { x, y, k } = this.view;
    this.world.setAttribute("transform", `matrix(${k} 0 0 ${k} ${x} ${y})`);
    this.unit = 1 / (k * this.pixel);
    this.cells.setAttribute("font-size", k < CLOSE ? 0 : 11 * this.unit);
    this.drawMarks();
  }

  /** The county or township that is filtered for. */
  get chosen() {
    return prefixOf(this.store.filters.text.trim()).match(/^(\d{9}|\d{6})\d*$/)?.[1] ?? "";
  }

  /** The units below the chosen one: dashed where their borders are made up. */
  async parts() {
    const parent = this.chosen;
    if (parent === this.parent) return;
    this.parent = parent;
    put(this.cells);
    const features = parent ? await this.units.shapes(parent).catch(() => []) : [];
    if (parent !== this.parent) return;
    const { project } = this.project;
    const seen = new Set();
    put(this.cells, features.map(({ geometry, properties: { code, short, name_en, approximate, lon, lat } }) => {
      const [x, y] = project(lon, lat);
      this.units.learn(code, short, name_en);
      return [
        s("path", { d: outline(geometry, project, seen), className: approximate && "approximate" }),
        s("text", { x, y }, this.units.name(code)),
      ];
    }));
  }

  zoom(factor, at) {
    if (!this.project) return;
    const { width, height } = this.project;
    const [px, py] = at ?? [width / 2, height / 2];
    const k = Math.min(24, Math.max(1, this.view.k * factor));
    const f = k / this.view.k;
    this.view = k === 1 ? { x: 0, y: 0, k } : { k, x: px - (px - this.view.x) * f, y: py - (py - this.view.y) * f };
    this.look();
  }

  /** A screen point in viewBox units. */
  at(event) {
    return new DOMPoint(event.clientX, event.clientY).matrixTransform(this.svg.getScreenCTM().inverse());
  }

  hands() {
    let from = null;
    this.svg.addEventListener("wheel", (event) => {
      event.preventDefault();
      const point = this.at(event);
      this.zoom(event.deltaY < 0 ? 1.25 : 0.8, [point.x, point.y]);
    }, { passive: false });
    this.svg.addEventListener("pointerdown", (event) => {
      from = { point: this.at(event), x: this.view.x, y: this.view.y, moved: false };
    });
    this.svg.addEventListener("pointermove", (event) => {
      if (!from || this.view.k === 1) return;
      const point = this.at(event);
      if (!from.moved && Math.hypot(point.x - from.point.x, point.y - from.point.y) * this.pixel < 4) return;
      if (!from.moved) this.svg.setPointerCapture(event.pointerId);
      from.moved = true;
      this.view = { ...this.view, x: from.x + point.x - from.point.x, y: from.y + point.y - from.point.y };
      this.look();
    });
    const end = () => { this.dragged = from?.moved ?? false; from = null; };
    this.svg.addEventListener("pointerup", end);
    this.svg.addEventListener("pointercancel", end);
    this.svg.addEventListener("click", (event) => this.press(event.target));
    this.svg.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      event.stopPropagation();
      this.dragged = false;
      this.press(event.target);
    });
  }

  press(target) {
    if (this.dragged) return void (this.dragged = false);
    const mark = target.closest("[data-ids]");
    if (mark) {
      const ids = mark.dataset.ids.split(" ");
      const [x, y] = mark.dataset.at.split(" ").map(Number);
      if (ids.length > 1 && this.view.k < 20) {
        this.zoom(2.5, [x * this.view.k + this.view.x, y * this.view.k + this.view.y]);
      } else this.choose(ids[0]);
      return;
    }
    const code = target.closest("[data-code]")?.dataset.code;
    if (code) this.pick(this.store.filters.text === code ? "" : code);
  }

  render() {
    if (!this.project) return;
    const { county } = this.store.counts();
    const chosen = this.chosen.slice(0, 6);
    this.parts();
    for (const [code, { shape, title, name }] of this.counties) {
      const count = county[code]?.open ?? 0;
      const worst = county[code]?.worst;
      const label = t("map.county", { name: this.units.name(code), n: count });
      title.textContent = label;
      shape.setAttribute("aria-label", label);
      shape.setAttribute("aria-pressed", String(code === chosen));
      shape.setAttribute("class", ["county", worst && `worst-${worst}`, code === chosen && "chosen"].filter(Boolean).join(" "));
      put(name, s("tspan", null, this.units.name(code)), count > 0 && s("tspan", { className: "n", dx: 5 }, String(count)));
    }
    this.drawMarks();
  }

  /** Marks that would lie on each other become one with their number, in the shape of the most urgent. */
  drawMarks() {
    if (!this.project || !this.unit) return;
    const near = NEAR * this.unit;
    const groups = [];
    for (const alert of this.store.visible().sort((a, b) => isCleared(a) - isCleared(b) || byUrgency(a, b))) {
      if (typeof alert.lon !== "number" || typeof alert.lat !== "number") continue;
      const [x, y] = this.project.project(alert.lon, alert.lat);
      const group = alert.id === this.open ? null : groups.find((g) => Math.hypot(g.x - x, g.y - y) < near && g.alerts[0].id !== this.open);
      if (group) group.alerts.push(alert);
      else groups.push({ x, y, alerts: [alert] });
    }
    this.placeNames(groups);
    const holding = document.activeElement?.dataset?.ids;
    put(this.marks, groups.reverse().map((group) => this.mark(group)));
    if (holding) [...this.marks.children].find((node) => node.dataset.ids === holding)?.focus();
  }

  /** A county's name steps up or down when a mark lies on it; it stays where it is while that place is free. */
  placeNames(groups) {
    const names = [];
    for (const county of this.counties.values()) {
      const [x, y] = county.label;
      const apart = (p, dy, wide, high) => Math.abs(p.x - x) > wide * this.unit || Math.abs(p.y - y - dy * this.unit) > high * this.unit;
      const free = (dy) => groups.every((g) => apart(g, dy - 4, 44, 17)) && names.every((name) => apart(name, dy, 62, 15));
      county.dy = [county.dy ?? 0, 0, -24, 24, -42, 42].find(free) ?? 0;
      names.push({ x, y: y + county.dy * this.unit });
      county.name.setAttribute("transform", `translate(${x} ${y}) scale(${this.unit}) translate(0 ${county.dy})`);
    }
  }

  mark({ x, y, alerts }) {
    const [first] = alerts;
    const chosen = first.id === this.open;
    const cluster = t("map.cluster", { n: alerts.length });
    const one = t("map.mark", { severity: term("severity", first.severity), title: this.units.title(first) });
    const label = alerts.length > 1 ? `${cluster}; ${one}` : one;
    const loud = isRed(first) || (first.severity === "II" && !isCleared(first) && isUnacked(first));
    return s("g", {
      className: ["place", chosen && "chosen"].filter(Boolean).join(" "), role: "button", tabindex: 0, "aria-label": label,
      dataset: { ids: alerts.map((alert) => alert.id).join(" "), at: `${x} ${y}`, severity: first.severity },
      transform: `translate(${x.toFixed(2)} ${y.toFixed(2)}) scale(${(this.unit * (chosen ? 1.2 : 0.9)).toFixed(5)})`,
    },
    s("title", null, label),
    loud && s("circle", { r: 10, className: `ring sev-${first.severity}` }),
    chosen && s("circle", { r: 17, className: "chosen-ring" }),
    markPath(first.severity, { hollow: isCleared(first), dashed: first.approximate }),
    alerts.length > 1 && s("g", { className: "cluster", transform: "translate(10 -10)" },
      s("circle", { r: 7.5 }), s("text", { y: 3.5 }, alerts.length > 99 ? "99+" : String(alerts.length))));
  }

  opened(id) {
    this.open = id;
    this.drawMarks();
  }

  failed(why) {
    put(byId("map-caption"), h("span", { className: "warn" }, t("map.none", { why })));
  }
}
