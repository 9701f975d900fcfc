/** Names of units, asked for once: counties from the glossary, below them a parent's children at a time. */

import { hasTerm, language, say, term } from "./i18n.js";

export class Units extends EventTarget {
  constructor(api) {
    super();
    this.api = api;
    this.names = new Map();
    this.asked = new Set();
  }

  /** The name now known; "" where it is still on its way. */
  name(code) {
    if (!code) return "";
    if (hasTerm("county", code)) return term("county", code);
    if (!this.names.has(code)) this.ask(code);
    const { zh, en } = this.names.get(code) ?? {};
    return (language() === "en" && en) || zh || "";
  }

  learn(code, zh, en = "") {
    if (code && zh) this.names.set(String(code), { zh, en: en || this.names.get(String(code))?.en });
  }

  /** GeoJSON features of the units below one that have a shape. */
  async shapes(code) {
    const { features } = await this.api.get(`units/${code}/children`, {}, { headers: { Accept: "application/geo+json" } });
    return features.filter((f) => f.geometry);
  }

  async ask(code) {
    const parent = code.length === 12 ? code.slice(0, 9) : code.length === 9 ? code.slice(0, 6) : null;
    if (!parent || this.asked.has(parent)) return;
    this.asked.add(parent);
    try {
      const body = await this.api.get(`units/${parent}/children`);
      for (const unit of body.items) this.learn(unit.code, unit.short || unit.name, unit.name_en);
      this.dispatchEvent(new Event("names"));
    } catch {
      setTimeout(() => this.asked.delete(parent), 30_000);
    }
  }

  /** ["黔东南州", "凯里市", "三棵树镇", "…村"] as deep as the alert's place is known. */
  path(alert) {
    const { prefecture, county, township, village } = alert.path ?? {};
    const deepest = village ?? township ?? county ?? prefecture;
    const own = deepest === alert.unit?.code ? alert.unit.name : "";
    return [prefecture, county, township, village].filter(Boolean)
      .map((code) => this.name(code) || (code === deepest && own) || code);
  }

  /** Name of the thing watched, without the units it begins with: they stand beside it. */
  thing(alert) {
    let name = say(alert.name);
    for (const unit of this.path(alert)) {
      if (name.startsWith(unit)) name = name.slice(unit.length).replace(/^ (County|City|Town|Township)\b/, "").trimStart();
    }
    return say(alert.title).includes(name) ? "" : name;
  }

  /** "供水压力偏低 · 压力监测点 05" */
  title(alert) {
    return [say(alert.title), this.thing(alert)].filter(Boolean).join(" · ");
  }

  /** The path without the prefecture, for narrow places. */
  short(alert) {
    const path = this.path(alert);
    return (alert.path?.prefecture ? path.slice(1) : path).join(" › ") || this.path(alert).join("") || alert.unit?.name || "";
  }
}
