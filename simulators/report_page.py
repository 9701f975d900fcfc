"""One self-contained HTML page with figures and inline SVG: no scripts, nothing loaded from elsewhere."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

from geo.moments import epoch_ms, rfc3339
from simulators.compare import Difference, brief
from simulators.score import Score, summary

STYLE = """body{font:14px/1.5 system-ui,sans-serif;margin:2em auto;max-width:70em;padding:0 1em;color:#1b1f24}
table{border-collapse:collapse;margin:1em 0}th,td{padding:.2em .7em;border-bottom:1px solid #d8dee4;text-align:left}
td.n{text-align:right;font-variant-numeric:tabular-nums}svg{display:block;margin:1em 0;max-width:100%}
.ci{color:#57606a}text{font:12px system-ui,sans-serif;fill:#1b1f24}"""
WIDTH, LEFT = 960, 190
GREEN, RED, GREY, BLUE = "#2da44e", "#cf222e", "#8c959f", "#0969da"


def page(title: str, parts: Sequence[str]) -> str:
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{STYLE}</style><h1>{html.escape(title)}</h1>{''.join(parts)}</html>\n"
    )


def score_page(title: str, s: Score) -> str:
    """The report of `cityops score`."""
    figures = summary(s)
    rows = [_row("all", figures["all"])]
    rows += [_row(kind, f) for kind, f in (*figures["by_kind"].items(), *figures["by_size"].items())]
    facts = [
        ("incidents", str(figures["incidents"])), ("alerts", str(figures["alerts"])),
        ("precision", _text(figures["precision"], 100, " %")), ("false alarms", str(figures["false_alarms"])),
        ("false alarms a week per 100 sensors", _text(figures["false_per_week_per_100"])),
    ]  # fmt: skip
    bars = [(kind, f["recall"]) for kind, f in figures["by_kind"].items()]
    missed = [[m["domain"], m["kind"], m["zone"], rfc3339(m["start_ms"]), f"{m['size']:g}"] for m in figures["missed"]]
    false = [[a["first_seen"], a["severity"], a["domain"], a["kind"], (a["sensors"] or [""])[0], a["reason"]["en"]]
             for a in s.false]  # fmt: skip
    heads = ("", "n", "recall", "median time to detect, s", "median place error, m", "right sensor")
    return page(title, [
        table(("", ""), facts), table(heads, rows), "<h2>Recall by kind, 95 % interval</h2>", _bars(bars),
        "<h2>Incidents (green found, red missed) and alerts (blue right, red false)</h2>", _timeline(s),
        "<h2>Missed</h2>", table(("domain", "kind", "zone", "start", "size"), missed),
        "<h2>False alarms</h2>", table(("start", "severity", "domain", "kind", "sensor", "what"), false),
    ])  # fmt: skip


def compare_page(title: str, d: Difference) -> str:
    """The report of `cityops compare`."""

    def listed(alerts: Sequence[Any]) -> str:
        cells = [[b["start"], b["end"] or "", b["severity"], b["domain"], b["kind"], b["sensor"], b["reason"]["en"]]
                 for b in map(brief, alerts)]  # fmt: skip
        return table(("start", "end", "severity", "domain", "kind", "sensor", "what"), cells)

    moved = [
        [p.a["first_seen"], f"{p.moved_s:+g}", p.b["kind"], (p.b["sensors"] or [""])[0],
         "; ".join(f"{k}: {x} → {y}" for k, (x, y) in p.changed.items())] for p in d.moved
    ]  # fmt: skip
    marks = [("only in A", [(epoch_ms(a["first_seen"]), None, RED) for a in d.vanished]),
             ("only in B", [(epoch_ms(a["first_seen"]), None, GREEN) for a in d.appeared]),
             ("moved or changed", [(epoch_ms(p.b["first_seen"]), None, BLUE) for p in d.moved])]  # fmt: skip
    return page(title, [
        f"<p>{d.same} alerts are the same in both.</p>", _lanes(marks),
        f"<h2>Only in B ({len(d.appeared)})</h2>", listed(d.appeared),
        f"<h2>Only in A ({len(d.vanished)})</h2>", listed(d.vanished),
        f"<h2>Moved or changed ({len(d.moved)})</h2>",
        table(("start in A", "moved, s", "kind", "sensor", "changed"), moved),
    ])  # fmt: skip


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return "<p>none</p>"
    head = "".join(f"<th>{html.escape(h)}</th>" for h in heads)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(str(c))}</td>" for c in row) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _row(name: str, f: dict[str, Any]) -> list[str]:
    size = f" ({f['from']:g}–{f['to']:g} {f['unit']})" if "from" in f else ""
    return [name + size, str(f["n"]), _text(f["recall"], 100, " %"), _text(f["delay_s_median"]),
            _text(f["localisation_m_median"]), _text(f["right_sensor"], 100, " %")]  # fmt: skip


def _text(figure: dict[str, Any], factor: float = 1.0, unit: str = "") -> str:
    if figure["value"] is None:
        return "–"
    said = f"{figure['value'] * factor:.3g}{unit}"
    return said if figure["low"] is None else f"{said} ({figure['low'] * factor:.3g}–{figure['high'] * factor:.3g})"


def _bars(bars: Sequence[tuple[str, dict[str, Any]]]) -> str:
    out, scale = [], WIDTH - LEFT - 20
    for k, (name, f) in enumerate(bars):
        y = 22 * k + 4
        out.append(f'<text x="0" y="{y + 12}">{html.escape(name)}</text>')
        if f["value"] is not None:
            out.append(f'<rect x="{LEFT}" y="{y}" width="{scale * f["value"]:.1f}" height="14" fill="{GREEN}"/>')
            low, high = LEFT + scale * f["low"], LEFT + scale * f["high"]
            out.append(f'<path d="M{low:.1f} {y + 7}H{high:.1f}" stroke="#1b1f24" stroke-width="2"/>')
    return _svg(out, 22 * len(bars) + 8)


def _timeline(s: Score) -> str:
    lanes: dict[str, list[tuple[int, int | None, str]]] = {}
    for f in s.incidents:
        color = RED if f.alert is None else GREEN
        lanes.setdefault(f.truth.domain, []).append((f.truth.start_ms, f.truth.end_ms, color))
    for color, alerts in ((BLUE, s.right), (RED, s.false)):
        for a in alerts:
            lanes.setdefault(f"{a['domain']} alerts", []).append((epoch_ms(a["first_seen"]), None, color))
    return _lanes(sorted(lanes.items()))


def _lanes(lanes: Sequence[tuple[str, Sequence[tuple[int, int | None, str]]]]) -> str:
    """Lanes of marks: (start, end or None for a moment, colour)."""
    times = [t for _, marks in lanes for start, end, _ in marks for t in (start, end or start)]
    if not times:
        return "<p>none</p>"
    first, span, out = min(times), max(max(times) - min(times), 1), []
    scale = (WIDTH - LEFT - 20) / span
    for k, (name, marks) in enumerate(lanes):
        y = 26 * k + 4
        out.append(f'<text x="0" y="{y + 13}">{html.escape(name)}</text>')
        for start, end, color in marks:
            x, w = LEFT + (start - first) * scale, max(((end or start) - start) * scale, 2.0)
            out.append(f'<rect x="{x:.1f}" y="{y}" width="{w:.1f}" height="18" fill="{color}" opacity=".7"/>')
    y = 26 * len(lanes) + 16
    out.append(f'<text x="{LEFT}" y="{y}">{rfc3339(first)}</text>')
    out.append(f'<text x="{WIDTH - 20}" y="{y}" text-anchor="end">{rfc3339(first + span)}</text>')
    return _svg(out, y + 8)


def _svg(parts: Sequence[str], height: int) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" role="img">{"".join(parts)}</svg>'
