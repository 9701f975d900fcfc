/** Readings around an alert as an SVG chart: line with gaps, expected band, limit, onset, clear, hover read-out. */

import { clock, dayTime, hourMinute } from "./clock.js";
import { h, put, s } from "./dom.js";
import { t } from "./i18n.js";

const PAD = { top: 16, right: 12, bottom: 24, left: 50 };
const HEIGHT = 230;

/** About `want` round numbers between low and high. */
export function ticks(low, high, want) {
  const rough = (high - low) / want || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((m) => m >= rough) ?? 10 * power;
  const out = [];
  for (let v = Math.ceil(low / step) * step; v <= high + step * 1e-6; v += step) out.push(Number(v.toPrecision(12)));
  return out;
}

const STEPS_S = [5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800];

/** Round moments of Beijing time (UTC+8, no summer time). */
export function timeTicks(from, to, want) {
  const step = (STEPS_S.find((sec) => (to - from) / (sec * 1000) <= want) ?? 604800) * 1000;
  const shift = 8 * 3600_000;
  const out = [];
  for (let v = Math.ceil((from + shift) / step) * step - shift; v <= to; v += step) out.push(v);
  return out;
}

/** Lowest and highest reading of each of `buckets` spans, in time order: the shape stays, with fewer points. */
export function thin(points, buckets) {
  if (points.length <= buckets * 2) return points;
  const from = points[0][0];
  const width = (points.at(-1)[0] - from) / buckets || 1;
  const out = [];
  for (let i = 0; i < points.length;) {
    const end = from + (Math.floor((points[i][0] - from) / width) + 1) * width;
    let low = points[i], high = points[i];
    for (; i < points.length && points[i][0] < end; i += 1) {
      if (points[i][1] < low[1]) low = points[i];
      if (points[i][1] > high[1]) high = points[i];
    }
    out.push(...(low === high ? [low] : low[0] < high[0] ? [low, high] : [high, low]));
  }
  return out;
}

/** The line breaks where a reading is missing: a pause of more than three times the pauses before and after it. */
export function segments(points) {
  const gap = (i) => (i > 0 && i < points.length ? points[i][0] - points[i - 1][0] : 0);
  const out = [];
  let run = [];
  for (const [i, point] of points.entries()) {
    const usual = Math.max(gap(i - 2), gap(i - 1), gap(i + 1), gap(i + 2));
    if (usual && gap(i) > 3.5 * usual) { out.push(run); run = []; }
    run.push(point);
  }
  if (run.length) out.push(run);
  return out;
}

export function number(value, digits = 4) {
  if (value === null || value === undefined || !Number.isFinite(Number(value))) return "–";
  return String(Number(Number(value).toPrecision(digits)));
}

export class Chart {
  constructor(node) {
    this.node = node;
    this.spec = null;
    this.width = 0;
    new ResizeObserver(() => {
      const width = Math.round(node.clientWidth);
      if (width && width !== this.width) { this.width = width; this.draw(); }
    }).observe(node);
  }

  /**
   * @param spec {points: [[ms, value]…], unit, sensor, low, high, expected, limit, onset, clear, from, to, note}
   */
  show(spec) {
    this.spec = spec;
    this.draw();
  }

  say(sentence) {
    this.spec = null;
    put(this.node, h("p", { className: "quiet" }, sentence));
  }

  draw() {
    const spec = this.spec;
    if (!spec || !this.width) return;
    const points = spec.points.filter(([ms, value]) => Number.isFinite(ms) && Number.isFinite(value));
    if (!points.length) return this.say(t("chart.none"));
    const from = Math.min(spec.from ?? Infinity, points[0][0]);
    const to = Math.max(spec.to ?? -Infinity, points.at(-1)[0], from + 1000);
    const values = points.map((point) => point[1]);
    const min = values.reduce((a, b) => Math.min(a, b)), max = values.reduce((a, b) => Math.max(a, b));
    const [low, high] = this.range(min, max, spec);
    const x = (ms) => PAD.left + ((ms - from) / (to - from)) * (this.width - PAD.left - PAD.right);
    const y = (value) => PAD.top + ((high - value) / (high - low)) * (HEIGHT - PAD.top - PAD.bottom);
    const label = t("chart.aria", { sensor: spec.sensor, n: points.length, from: dayTime(from), to: dayTime(to), min: number(min), max: number(max) });
    const svg = s("svg", { className: "plot", viewBox: `0 0 ${this.width} ${HEIGHT}`, height: HEIGHT, role: "img", "aria-label": label },
      this.grid(from, to, low, high, x, y), this.guides(spec, x, y, low, high),
      segments(points).map((run) => this.line(thin(run, this.width), x, y)), this.moments(spec, from, to, x));
    const read = h("span", { className: "readout", "aria-hidden": "true" });
    this.hover(svg, read, points, x, y, spec.unit);
    put(this.node, this.legend(spec), svg, read);
  }

  /** Room for the readings; limits are taken in where they do not squeeze the readings flat. */
  range(min, max, spec) {
    const height = Math.max(max - min, Math.abs(max) * 0.02, 1e-6);
    let [low, high] = [min, max];
    for (const v of [spec.low, spec.high, spec.expected, spec.limit]) {
      if (!Number.isFinite(v) || v < min - 3 * height || v > max + 3 * height) continue;
      low = Math.min(low, v);
      high = Math.max(high, v);
    }
    const room = Math.max(high - low, height) * 0.08;
    return [low - room, high + room];
  }

  grid(from, to, low, high, x, y) {
    const right = this.width - PAD.right, bottom = HEIGHT - PAD.bottom;
    const time = timeTicks(from, to, Math.max(2, this.width / 95));
    const seconds = time.length > 1 && time[1] - time[0] < 60_000;
    const words = (ms) => (to - from > 36 * 3600_000 ? dayTime(ms).slice(0, -3) : seconds ? clock(ms) : hourMinute(ms));
    return s("g", { className: "grid" },
      ticks(low, high, 5).map((v) => [s("path", { d: `M${PAD.left} ${y(v)}H${right}` }),
        s("text", { x: PAD.left - 6, y: y(v) + 4, "text-anchor": "end" }, number(v, 6))]),
      time.map((ms) => [s("path", { d: `M${x(ms)} ${bottom}v4` }),
        s("text", { x: x(ms), y: HEIGHT - 6, "text-anchor": "middle" }, words(ms))]),
      s("path", { className: "axis", d: `M${PAD.left} ${bottom}H${right}` }));
  }

  guides({ low: bandLow, high: bandHigh, expected, limit }, x, y, low, high) {
    const right = this.width - PAD.right;
    const inside = (v) => Number.isFinite(v) && v >= low && v <= high;
    const flat = (v, className) => inside(v) && s("path", { className, d: `M${PAD.left} ${y(v)}H${right}` });
    const hasBand = Number.isFinite(bandLow) || Number.isFinite(bandHigh);
    const top = Math.min(high, bandHigh ?? high), bottom = Math.max(low, bandLow ?? low);
    return [hasBand && top > bottom && s("rect", { className: "band", x: PAD.left, width: right - PAD.left, y: y(top), height: y(bottom) - y(top) }),
      flat(expected, "expected"), flat(limit, "threshold")].filter(Boolean);
  }

  line(run, x, y) {
    if (run.length === 1) return s("circle", { className: "dot", cx: x(run[0][0]), cy: y(run[0][1]), r: 2 });
    return s("path", { className: "line", d: `M${run.map(([ms, v]) => `${x(ms).toFixed(1)} ${y(v).toFixed(1)}`).join("L")}` });
  }

  moments({ onset, clear }, from, to, x) {
    const mark = (ms, className, words, end) => Number.isFinite(ms) && ms >= from && ms <= to && [
      s("path", { className, d: `M${x(ms)} ${PAD.top - 4}V${HEIGHT - PAD.bottom}` }),
      s("text", { className, x: x(ms) + (end ? -4 : 4), y: PAD.top - 4, "text-anchor": end ? "end" : "start" }, words)];
    const late = Number.isFinite(onset) && x(onset) > this.width - 60;
    return s("g", { className: "moments" }, mark(onset, "onset", t("chart.onset"), late || clear), mark(clear, "clear", t("chart.clear"), x(clear) > this.width - 60));
  }

  legend(spec) {
    const entry = (className, words) => h("span", { className: `key ${className}` }, words);
    return h("div", { className: "legend" },
      entry("line", `${t("chart.value")}${spec.unit ? ` (${spec.unit})` : ""}`),
      (Number.isFinite(spec.low) || Number.isFinite(spec.high)) && entry("band", t("chart.band")),
      Number.isFinite(spec.expected) && entry("expected", t("chart.expected")),
      Number.isFinite(spec.limit) && entry("threshold", `${t("chart.limit")} ${number(spec.limit)}`),
      spec.note && h("span", { className: "quiet" }, spec.note));
  }

  hover(svg, read, points, x, y, unit) {
    const line = s("path", { className: "cross", visibility: "hidden" });
    const dot = s("circle", { className: "cross", r: 3.5, visibility: "hidden" });
    svg.append(line, dot);
    const show = (on) => [line, dot].forEach((node) => node.setAttribute("visibility", on ? "visible" : "hidden"));
    svg.addEventListener("pointermove", (event) => {
      const at = ((event.clientX - svg.getBoundingClientRect().left) / svg.getBoundingClientRect().width) * this.width;
      const near = points.reduce((best, p) => (Math.abs(x(p[0]) - at) < Math.abs(x(best[0]) - at) ? p : best));
      line.setAttribute("d", `M${x(near[0])} ${PAD.top}V${HEIGHT - PAD.bottom}`);
      dot.setAttribute("cx", x(near[0]));
      dot.setAttribute("cy", y(near[1]));
      show(true);
      read.textContent = `${dayTime(near[0])}  ${number(near[1], 6)} ${unit ?? ""}`;
    });
    svg.addEventListener("pointerleave", () => { show(false); read.textContent = ""; });
  }
}
