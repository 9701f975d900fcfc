"""Which detectors watch several sensors of a zone together: one explicit table, by domain."""

from __future__ import annotations

from collections.abc import Mapping

from detectors.group import GroupFactory

GROUPS: Mapping[str, GroupFactory] = {}
