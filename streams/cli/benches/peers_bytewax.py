"""The rule of `peers` as a bytewax dataflow of one worker in this process, by its batch operators (its fastest)."""

from __future__ import annotations

from typing import Any

from streams.cli.benches.peers import GAIN, LIMIT, Alert, Contender, Delay, Go, Readings, need


def bytewax_flow(data: Readings) -> Contender:
    """JSON arrays → (sensor, (ts, value)) → one stateful logic a sensor → alerts."""
    loads = need("orjson").loads
    op, testing, dataflow = need("bytewax.operators"), need("bytewax.testing"), need("bytewax.dataflow")

    class Watch(op.StatefulBatchLogic):  # type: ignore[misc, name-defined]
        """One sensor."""

        def __init__(self) -> None:
            self.delay, self.deviation = Delay(), 0.0
            self.mean: float | None = None

        def on_batch(self, values: list[tuple[int, float]]) -> tuple[list[tuple[str, int]], bool]:
            out = []
            for ts, value in values:
                off = 0.0 if self.mean is None else value - self.mean
                self.mean = value if self.mean is None else self.mean + GAIN * off
                self.deviation += GAIN * (abs(off) - self.deviation)
                turn = self.delay.step(value >= LIMIT)
                if turn is not None:
                    out.append(("raise" if turn else "clear", ts))
            return out, False

        def snapshot(self) -> Any:
            return (self.delay, self.mean, self.deviation)

    def rows(bodies: list[bytes]) -> list[tuple[str, tuple[int, float]]]:
        return [(row["sensor"], (row["ts"], row["value"])) for body in bodies for row in loads(body)]

    def prepare() -> Go:
        out: list[tuple[str, tuple[str, int]]] = []
        flow = dataflow.Dataflow("peer")
        bodies = op.input("messages", flow, testing.TestingSource(data.json, batch_size=10))
        keyed = op.flat_map_batch("rows", bodies, rows)
        op.output("alerts", op.stateful_batch("watch", keyed, lambda _: Watch()), testing.TestingSink(out))

        def go() -> set[Alert]:
            testing.run_main(flow)
            return {(name, state, ts) for name, (state, ts) in out}

        return go

    return prepare
