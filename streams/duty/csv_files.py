"""Duty from CSV: people, shifts or rotations, told apart by their header. Pure: text in, records out.

Columns, in any order, in English or Chinese; times are local (UTC+8) where they name no zone:

- people: `id` `name` `place`, optional `user`, `removed` (1), and a column a channel: `voice` `sms` `chat` `email`
  `webhook` `feed`; the order of these columns is the order in which they are tried, several addresses with `;`;
- shifts: `place` `role` `person` `from` `until`, optional `instead_of` `why`;
- rotations: `place` `role` `team` (ids or names with `;`) `starts` (a hand-over) and optional `every_days` (7); rows of
  the same place, role, start and turn are the teams, in the order of the file.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping

from streams.duty.local_time import parse
from streams.duty.reading import Names, Read, role_of
from streams.duty.records import CHANNELS, Contact, Person, Rotation, Shift

MAX_ROWS = 20_000
_ZH = {
    "编号": "id", "姓名": "name", "单位": "place", "账号": "user", "电话": "voice", "短信": "sms", "即时通讯": "chat",
    "邮件": "email", "推送": "feed", "注销": "removed", "岗位": "role", "人员": "person", "开始": "from",
    "结束": "until", "替班": "instead_of", "原因": "why", "班组": "team", "首次交接": "starts",
    "周期天数": "every_days",
}  # fmt: skip
_KINDS: Mapping[str, tuple[set[str], set[str]]] = {  # kind: columns that have to be there, and that may
    "people": ({"id", "name", "place"}, {"user", "removed", *CHANNELS}),
    "shifts": ({"place", "role", "person", "from", "until"}, {"instead_of", "why"}),
    "rotations": ({"place", "role", "team", "starts"}, {"every_days"}),
}
_YES, _NO = {"1", "yes", "true", "是", "有"}, {"", "0", "no", "false", "否", "无"}
Row = dict[str, str]


class CsvFile:
    """One file: its kind and its rows with their lines. Raises ValueError for a header that is none of the three."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        lines = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
        try:
            header = [_ZH.get(c.strip(), c.strip().lower()) for c in next(lines, [])]
            self.rows = [(lines.line_num, [c.strip() for c in row]) for row in lines if any(c.strip() for c in row)]
        except csv.Error as error:
            raise ValueError(f"{name}, line {lines.line_num}: is no CSV: {error}") from None
        self.header = header
        self.kind = _kind(name, header)
        if len(self.rows) > MAX_ROWS:
            raise ValueError(f"{name}: {len(self.rows)} rows; at most {MAX_ROWS} are read, split the file")

    def read(self, out: Read, names: Names) -> None:
        """Put the rows into `out`; a row that cannot be used is one sentence in `out.problems`."""
        teams: dict[tuple[str, str, int, int], list[tuple[str, ...]]] = {}
        take: dict[str, Callable[[Row], None]] = {
            "people": lambda row: out.records.append(self._person(row)),
            "shifts": lambda row: out.shifts.setdefault(row["place"], []).append(_shift(row, names)),
            "rotations": lambda row: _team(row, names, teams),
        }
        seen: dict[str, int] = {}
        for line, cells in self.rows:
            try:
                if len(cells) > len(self.header):
                    raise ValueError(f"has {len(cells)} cells, the header {len(self.header)}: quote cells with commas")
                row = dict.fromkeys(self.header, "") | dict(zip(self.header, cells, strict=False))
                for column in sorted(_KINDS[self.kind][0]):
                    if not row[column]:
                        raise ValueError(f"{column} is empty: fill it in")
                if self.kind == "people" and seen.setdefault(row["id"], line) != line:
                    raise ValueError(f"person {row['id'][:64]!r} is also at line {seen[row['id']]}: keep one")
                take[self.kind](row)
            except ValueError as error:
                out.problems.append(f"{self.name}, line {line}: {error}")
        for (place, role, starts, every), members in teams.items():
            made = Rotation(role=role, teams=tuple(members), starts_ms=starts, every_s=every)
            out.rotations.setdefault(place, []).append(made)

    def _person(self, row: Row) -> Person:
        contacts: list[Contact] = []
        for channel in self.header:
            if channel == "feed":
                contacts += [Contact(channel)] if _flag("feed", row) else []
            elif channel in CHANNELS:
                contacts += [Contact(channel, a.strip()) for a in row[channel].split(";") if a.strip()]
        return Person(
            id=row["id"], name=row["name"], place=row["place"], user=row.get("user", ""), contacts=tuple(contacts),
            removed=_flag("removed", row),
        )  # fmt: skip


def _kind(name: str, header: list[str]) -> str:
    for column in header:
        if header.count(column) > 1:
            raise ValueError(f"{name}, line 1: column {column[:40]!r} is twice in the header")
    for kind, (needed, may) in _KINDS.items():
        if needed <= set(header):
            unknown = [c for c in header if c not in needed | may]
            if unknown:
                raise ValueError(f"{name}, line 1: unknown column {unknown[0][:40]!r}; {kind} have {_columns(kind)}")
            return kind
    kinds = "; ".join(f"{kind}: {_columns(kind)}" for kind in _KINDS)
    raise ValueError(f"{name}, line 1: columns {', '.join(header)[:120] or 'none'}; want those of one of {kinds}")


def _columns(kind: str) -> str:
    needed, may = _KINDS[kind]
    return ", ".join([*sorted(needed), *(f"[{c}]" for c in sorted(may))])


def _flag(column: str, row: Row) -> bool:
    value = row.get(column, "").lower()
    if value not in _YES | _NO:
        raise ValueError(f"{column} is {value[:40]!r}: want 1 or nothing")
    return value in _YES


def _shift(row: Row, names: Names) -> Shift:
    place, instead = row["place"], row.get("instead_of", "")
    return Shift(
        role=role_of(row["role"]), person=names.find(row["person"], place), from_ms=parse(row["from"]),
        until_ms=parse(row["until"]), instead_of=names.find(instead, place) if instead else "", why=row.get("why", ""),
    )  # fmt: skip


def _team(row: Row, names: Names, teams: dict[tuple[str, str, int, int], list[tuple[str, ...]]]) -> None:
    days = row.get("every_days", "") or "7"
    if not days.isascii() or not days.isdigit() or not 1 <= int(days) <= 366:
        raise ValueError(f"every_days is {days[:20]!r}: want a whole number from 1 to 366")
    key = row["place"], role_of(row["role"]), parse(row["starts"]), int(days) * 86_400
    members = tuple(names.find(p, row["place"]) for p in row["team"].replace("；", ";").split(";") if p.strip())
    teams.setdefault(key, []).append(members)


def read_all(files: Iterable[tuple[str, str]], known: Mapping[str, Person]) -> Read:
    """All files together, (name, text) each: people first, whatever their order, since the others name them."""
    out = Read()
    parsed: list[CsvFile] = []
    for name, text in files:
        try:
            parsed.append(CsvFile(name, text))
        except ValueError as error:
            out.problems.append(str(error))
    for file in parsed:
        if file.kind == "people":
            file.read(out, Names(()))
    names = Names({**known, **{p.id: p for p in out.records if isinstance(p, Person)}}.values())
    for file in parsed:
        if file.kind != "people":
            file.read(out, names)
    return out
