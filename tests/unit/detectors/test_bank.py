"""Rows, growth, exact dump; and that no record has bytes that nobody writes."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.bank import Bank, StateError
from detectors.layout import BYTES_PER_SENSOR, SLOT, STATE


@pytest.mark.parametrize("dtype", [STATE, SLOT])
def test_records_have_no_hidden_padding(dtype: np.dtype) -> None:
    assert dtype.itemsize == sum(dtype[name].itemsize for name in dtype.names or ())


def test_state_of_a_sensor_is_at_most_512_bytes() -> None:
    assert BYTES_PER_SENSOR <= 512


def test_growth_keeps_what_was_there() -> None:
    bank = Bank(1)
    for k in range(300):
        row = bank.add(f"s{k}")
        bank.state["level"][row] = k
        bank.ring_v[row, 3] = k
    assert bank.state["level"][:300].tolist() == list(range(300))
    assert bank.ring_v[:300, 3].tolist() == list(range(300))
    assert bank.find(["s7", "nobody", "s299"]).tolist() == [7, -1, 299]


def test_dump_and_load_are_exact() -> None:
    bank = Bank()
    rng = np.random.default_rng(1)
    for k in range(70):
        row = bank.add(f"s{k}")
        bank.state["level"][row] = rng.normal()
    again = Bank.load(bank.dump())
    assert again.dump() == bank.dump()
    assert again.rows == bank.rows


def test_another_layout_or_cut_bytes_are_refused() -> None:
    bank = Bank()
    bank.add("a")
    with pytest.raises(StateError, match="layout"):
        Bank.load({**bank.dump(), "layout": 99})
    with pytest.raises(StateError, match="slots has"):
        Bank.load({**bank.dump(), "slots": b"123"})


def test_a_new_device_keeps_time_order_only() -> None:
    bank = Bank()
    row = bank.add("a")
    bank.state["last_ts"][row], bank.state["level"][row], bank.state["n"][row] = 5, 40.0, 100
    bank.forget(row)
    assert (bank.state["last_ts"][row], bank.state["level"][row], bank.state["n"][row]) == (5, 0.0, 0)
