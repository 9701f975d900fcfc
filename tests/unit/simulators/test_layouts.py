"""Layouts of outside data: NAB, GECCO, BATADAL, InfluxDB line protocol."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from simulators.mapping import ColumnMap
from simulators.plan import Plan, plan
from streams.errors import UsageError

GECCO = (
    "Time,Tp,Cl,pH,Redox,Leit,Trueb,Cl_2,Fm,Fm_2,EVENT\n"
    "2016-02-15 11:54:00,6.5,0.17,8.38,755,232,0.009,0.11,1428,1020,FALSE\n"
    "2016-02-15 11:55:00,6.5,0.17,,755,232,0.009,0.11,1436,1018,TRUE\n"
)
BATADAL = (
    "DATETIME,L_T1,F_PU1,S_PU1,P_J280,ATT_FLAG\n04/07/16 00,2.44,94.2,1,78.5,0\n04/07/16 01,2.5,94.1,1,78.4,-999\n"
)
NAB = "timestamp,value\n2015-09-08 11:39:00,73\n2015-09-08 11:44:00,62\n"


def made(folder: Path, name: str, text: str, **mapping: str) -> Plan:
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return plan(path, ColumnMap(**mapping))  # type: ignore[arg-type]


def test_labels_are_left_out_and_kinds_are_guessed(tmp_path: Path) -> None:
    gecco = made(tmp_path, "gecco.csv", GECCO, domain="water")
    kinds = [s.kind for s in gecco.sensors]
    assert kinds == ["temperature", "chlorine", "ph", "redox", "conductivity", "turbidity", "chlorine", "flow", "flow"]
    assert (gecco.survey.readings, gecco.sensors[0].interval_s) == (17, 60.0)
    batadal = made(tmp_path, "batadal.csv", BATADAL, domain="water", time_format="%d/%m/%y %H")
    assert list(batadal.ids) == ["L_T1", "F_PU1", "S_PU1", "P_J280"]
    assert batadal.sensors[0].interval_s == 3600.0
    nab = made(tmp_path, "traffic_speed_7578.csv", NAB, domain="traffic")
    assert [s.kind for s in nab.sensors] == ["speed"]


@pytest.mark.parametrize("name", ["a.lp", "a.lp.gz"])
def test_line_protocol(tmp_path: Path, name: str) -> None:
    text = (
        "# from the plant\npressure,sensor=p1 value=1.5 1700000000000000000\n"
        "pressure,sensor=p2 value=2,battery=88 1700000060000000000\npressure,sensor=p1 value=1.7 1700000120000000000\n"
    )
    got = made(tmp_path, name, text, domain="water")
    assert list(got.ids) == ["p1", "p2", "p2/battery"]
    (cols,) = list(got.columns())
    assert cols.value.tolist() == [1.5, 2.0, 88.0, 1.7]
    assert (np.diff(cols.ts_ms) >= 0).all()
    for bad, told in (("p value=x 17\n", "line 4: field value"), ("p value=1\n", "line 4: has no time")):
        with pytest.raises(UsageError, match=told):
            made(tmp_path, "bad.lp", text[18:] + bad, domain="water")
    with pytest.raises(UsageError, match="has no rows"):
        made(tmp_path, "none.lp", "# nothing\n", domain="water")
