"""The kernel against its peers and against itself: ratios may not fall below tests/bench/baselines.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from streams.cli.benches import kernel, peers
from streams.errors import CityopsError

BASELINES: dict[str, dict[str, float]] = {
    name: base
    for name, base in tomllib.loads(Path(__file__).with_name("baselines.toml").read_text("utf-8")).items()
    if name.startswith("stream.")
}
TRIES = 3  # a neighbour may spoil one


def measured() -> dict[str, float]:
    figures = [*kernel.speeds(500, 2), *kernel.ratios(100, 2)]
    return {f.name: f.value for f in figures}


def fallen(got: Mapping[str, float]) -> list[str]:
    """Baselines that are missed, as text."""
    return [
        f"{name}: {got[name]:.2f}, at least {base['value'] * (1 - base['tolerance']):.2f} of {base['value']}"
        for name, base in BASELINES.items()
        if not got[name] >= base["value"] * (1 - base["tolerance"])
    ]


def test_no_ratio_regresses() -> None:
    best: dict[str, float] = {}
    for _ in range(TRIES):
        for name, value in measured().items():
            best[name] = max(best.get(name, 0.0), value)
        if not fallen(best):
            return
    pytest.fail("; ".join(fallen(best)))


def test_every_peer_has_a_baseline() -> None:
    assert {f"stream.kernel_vs_{name}" for name in kernel.PEERS} <= set(BASELINES)


def test_a_fallen_ratio_is_named() -> None:
    good = {name: base["value"] for name, base in BASELINES.items()}
    assert fallen(good) == []
    assert [text.split(":")[0] for text in fallen({**good, "stream.kernel_vs_river": 2.0})] == [
        "stream.kernel_vs_river"
    ]


def test_speeds_of_different_alerts_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "ON", peers.ON + 1)  # the peers' on-delay; ours was compiled before
    monkeypatch.setitem(kernel.PEERS, "orjson_loop", peers.orjson_loop)
    real = peers.ours

    def ours(data: peers.Readings) -> peers.Contender:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(peers, "ON", peers.ON - 1)
            return real(data)

    monkeypatch.setattr(peers, "ours", ours)
    with pytest.raises(CityopsError, match=r"orjson_loop has [1-9].*, the kernel [1-9].*are not compared"):
        list(kernel.ratios(100, 1))
