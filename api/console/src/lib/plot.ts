/** uPlot with what an alert's chart needs: band, expected, limit, onset and clear, times of Beijing. */

import uPlot from "uplot";

import { clock, dayTime, hourMinute, ZONE } from "./clock";
import { t } from "./i18n";
import { number } from "./readings";
import { colour } from "./theme";

export interface Lines { low: number | null; high: number | null; expected: number | null; limit: number | null }
export interface PlotSpec {
  width: number; height: number; lines: Lines; onset: number | null; clear: number | null; range: [number, number];
  onCursor: (index: number | null | undefined) => void; onDrawn: (parts: string[]) => void;
}

/** What each part is drawn with, by its name in theme.css. */
const COLOURS = { line: "accent", band: "band", expected: "good", limit: "sev-I", onset: "going", clear: "good", grid: "grid", text: "dim" };
type Colours = typeof COLOURS;
const colours = (): Colours => Object.fromEntries(Object.entries(COLOURS).map(([part, name]) => [part, colour(name)])) as Colours;
const FONT = "11px system-ui, sans-serif";

function dashed(u: uPlot, colour: string, dash: number[], path: () => void): void {
  const { ctx } = u;
  ctx.strokeStyle = colour;
  ctx.lineWidth = 1.4 * devicePixelRatio;
  ctx.setLineDash(dash.map((n) => n * devicePixelRatio));
  ctx.beginPath();
  path();
  ctx.stroke();
}

/** Draws what lies under and over the line; gives the names of what is in view. */
function guides(u: uPlot, { lines, onset, clear }: PlotSpec): string[] {
  const { ctx, bbox } = u;
  const ink = colours();
  const { min = 0, max = 0 } = u.scales.y;
  const drawn: string[] = [];
  const y = (value: number) => u.valToPos(value, "y", true);
  const flat = (name: string, value: number | null, colour: string, dash: number[]) => {
    if (value === null || value < min || value > max) return;
    dashed(u, colour, dash, () => { ctx.moveTo(bbox.left, y(value)); ctx.lineTo(bbox.left + bbox.width, y(value)); });
    drawn.push(name);
  };
  const moment = (name: string, ms: number | null, colour: string, dash: number[], words: string) => {
    const x = ms === null ? NaN : u.valToPos(ms / 1000, "x", true);
    if (!(x >= bbox.left && x <= bbox.left + bbox.width)) return;
    dashed(u, colour, dash, () => { ctx.moveTo(x, bbox.top); ctx.lineTo(x, bbox.top + bbox.height); });
    const late = x > bbox.left + bbox.width * 0.85;
    ctx.fillStyle = colour;
    ctx.font = FONT.replace("11", String(11 * devicePixelRatio));
    ctx.textAlign = late ? "right" : "left";
    ctx.fillText(words, x + (late ? -4 : 4) * devicePixelRatio, bbox.top + 10 * devicePixelRatio);
    drawn.push(name);
  };
  ctx.save();
  const top = Math.min(max, lines.high ?? max), bottom = Math.max(min, lines.low ?? min);
  if ((lines.low !== null || lines.high !== null) && top > bottom) {
    ctx.fillStyle = ink.band;
    ctx.fillRect(bbox.left, y(top), bbox.width, y(bottom) - y(top));
    drawn.push("band");
  }
  flat("expected", lines.expected, ink.expected, [2, 4]);
  flat("limit", lines.limit, ink.limit, [7, 4]);
  moment("onset", onset, ink.onset, [], t("chart.onset"));
  moment("clear", clear, ink.clear, [3, 3], t("chart.clear"));
  ctx.restore();
  return drawn;
}

function timeWords(u: uPlot, splits: number[]): string[] {
  const { min = 0, max = 0 } = u.scales.x;
  const short = splits.length > 1 && splits[1] - splits[0] < 60;
  return splits.map((s) => (max - min > 36 * 3600 ? dayTime(s * 1000).slice(0, -3) : short ? clock(s * 1000) : hourMinute(s * 1000)));
}

export function makePlot(node: HTMLElement, data: uPlot.AlignedData, spec: PlotSpec): uPlot {
  const ink = colours();
  const axis = { stroke: ink.text, font: FONT, grid: { stroke: ink.grid, width: 1 }, ticks: { stroke: ink.grid, width: 1, size: 4 } };
  const few = data[0].length <= 40;
  return new uPlot({
    width: spec.width, height: spec.height, padding: [12, 12, 0, 0], legend: { show: false },
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), ZONE),
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
    scales: { x: { time: true }, y: { range: () => spec.range } },
    series: [{}, { stroke: ink.line, width: 1.6, points: { show: few, size: 4, fill: ink.line }, spanGaps: false }],
    axes: [
      { ...axis, space: 88, size: 26, grid: { show: false }, values: timeWords },
      { ...axis, space: 36, size: 52, values: (_, splits) => splits.map((v) => number(v, 6)) },
    ],
    hooks: { drawAxes: [(u) => spec.onDrawn(["line", ...guides(u, spec)])], setCursor: [(u) => spec.onCursor(u.cursor.idx)] },
  }, data, node);
}
