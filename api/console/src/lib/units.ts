/** Names of units, asked for once: counties from the glossary, below them a parent's children at a time. */

import { ref } from "vue";

import type { Api } from "./api";
import { hasTerm, lang, say, term } from "./i18n";
import type { Alert, Listed, Shape, Unit, UnitShape } from "./types";

const PATH = ["prefecture", "county", "township", "village"] as const;
const ENGLISH_KIND = /^ (County|City|Town|Township)\b/;

export class Units {
  readonly revision = ref(0); // grows when names came
  private readonly names = new Map<string, { zh: string; en: string }>();
  private readonly asked = new Set<string>();

  constructor(private readonly api: Api) {}

  /** The name now known; "" where it is still on its way. */
  name(code: string | null | undefined): string {
    if (!code) return "";
    if (hasTerm("county", code)) return term("county", code);
    void this.revision.value;
    const known = this.names.get(code);
    if (!known) void this.ask(code);
    return (lang.value === "en" && known?.en) || known?.zh || "";
  }

  learn(code: string, zh: string, en = ""): void {
    if (code && zh) this.names.set(code, { zh, en: en || this.names.get(code)?.en || "" });
  }

  /** Units below one, with a shape; their names are learnt. */
  async shapes(code: string): Promise<Shape<UnitShape>[]> {
    const found = await this.api.features<Shape<UnitShape>>(`units/${code}/children`);
    for (const { properties: p } of found) this.learn(p.code, p.short || p.name, p.name_en);
    this.revision.value += 1;
    return found.filter((shape) => shape.geometry);
  }

  private async ask(code: string): Promise<void> {
    const parent = code.length === 12 ? code.slice(0, 9) : code.length === 9 ? code.slice(0, 6) : null;
    if (!parent || this.asked.has(parent)) return;
    this.asked.add(parent);
    try {
      const body = await this.api.get<Listed<Unit>>(`units/${parent}/children`);
      for (const unit of body.items) this.learn(unit.code, unit.short || unit.name, unit.name_en);
      this.revision.value += 1;
    } catch {
      setTimeout(() => this.asked.delete(parent), 30_000);
    }
  }

  /** ["黔东南州", "凯里市", "三棵树镇", "…村"] as deep as the alert's place is known. */
  path(alert: Alert): string[] {
    const codes = PATH.map((level) => alert.path?.[level]).filter((code) => code) as string[];
    const deepest = codes.at(-1);
    const own = deepest === alert.unit?.code ? alert.unit?.name : "";
    return codes.map((code) => this.name(code) || (code === deepest && own) || code);
  }

  /** Name of the thing watched, without the units it begins with: they stand beside it. */
  thing(alert: Alert): string {
    let name = say(alert.name);
    for (const unit of this.path(alert)) {
      if (name.startsWith(unit)) name = name.slice(unit.length).replace(ENGLISH_KIND, "").trimStart();
    }
    return say(alert.title).includes(name) ? "" : name;
  }

  /** "供水压力偏低 · 压力监测点 05" */
  title(alert: Alert): string {
    return [say(alert.title), this.thing(alert)].filter(Boolean).join(" · ");
  }

  /** The path without the prefecture, for narrow places. */
  short(alert: Alert): string {
    const path = this.path(alert);
    return (alert.path?.prefecture ? path.slice(1) : path).join(" › ") || path.join("") || alert.unit?.name || "";
  }
}
