"""Group detectors of a gas zone: wells and tunnels, regulators, the balance of the flows."""

from __future__ import annotations

from collections.abc import Sequence

from detectors.gas import METHANE
from detectors.gas_balance import GasBalance
from detectors.group import GroupDetector, Member
from detectors.regulators import Regulators
from detectors.sewer_gas import SewerGas
from detectors.tunnel_fans import TunnelFans
from detectors.well_places import wells_of
from detectors.well_spread import WellSpread

MOST = 2_000  # wells of a zone: distances are kept in a table


def groups(zone: str, members: Sequence[Member]) -> list[GroupDetector]:
    """The detectors of a zone, each where it has what it needs."""
    wells = wells_of(members)
    tunnel = {m.kind for m in members if m.chainage_m is not None}
    signs = {m.flow_sign for m in members}
    out: list[GroupDetector] = []
    if 1 <= len(wells) <= MOST:
        out.append(SewerGas(members))
    if 2 <= len(wells) <= MOST:
        out.append(WellSpread(members, wells))
    if "ventilation" in tunnel and tunnel & set(METHANE):
        out.append(TunnelFans(members))
    if any(m.kind == "outlet_pressure" for m in members):
        out.append(Regulators(members))
    if {1, -1} <= signs:
        out.append(GasBalance(members))
    return out
