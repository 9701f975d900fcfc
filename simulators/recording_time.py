"""Times of a recording as epoch milliseconds: ISO 8601 with or without offset, a strptime format, or epoch numbers."""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from simulators.noise import I64
from streams.errors import UsageError

UNAMBIGUOUS = ("%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y%m%d%H%M%S", "%Y.%m.%d %H:%M:%S", "%Y-%m-%d %H")
_OFFSET = r"(?:[zZ]|[+-]\d{2}:?\d{2})\s*$"


class Clock:
    """Turns the time column of one file into int64 milliseconds; the form is found once and then kept.

    Raises UsageError, with the row where there is one.
    """

    def __init__(self, file: str, column: str, time_format: str = "", timezone: str = "UTC") -> None:
        self.where = f"{file}: column {column}"
        self.format = time_format
        self.zone = timezone
        self._with_offset: bool | None = None
        try:
            ZoneInfo(timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise UsageError(f"--timezone {timezone}: no such time zone; want a name such as Asia/Shanghai") from None

    def milliseconds(self, column: pa.Array, first_row: int) -> I64:
        """Epoch ms of a chunk; `first_row` is the number of its first data row, counted from 1."""
        if column.null_count:
            row = first_row + int(np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))[0])
            raise UsageError(f"{self.where}: row {row} has no time; remove that row")
        if pa.types.is_timestamp(column.type):
            return self._stamps(column)
        if pa.types.is_date(column.type):
            return self._stamps(pc.cast(column, pa.timestamp("ms")))
        if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
            return self._epoch(column.to_numpy(zero_copy_only=False).astype(np.float64))
        return self._text(pc.utf8_trim_whitespace(pc.cast(column, pa.string())), first_row)

    def _text(self, column: pa.Array, first_row: int) -> I64:
        if self.format:
            return self._strptime(column, self.format, first_row)
        numbers = pc.match_substring_regex(column, r"^\d{9,13}(\.\d+)?$")
        if len(column) and pc.all(numbers).as_py():
            return self._epoch(pc.cast(column, pa.float64()).to_numpy())
        offsets = pc.match_substring_regex(column, r"\d{1,2}:\d{2}.*" + _OFFSET)
        some, every = pc.any(offsets).as_py(), pc.all(offsets).as_py()
        if len(column) and self._with_offset is None:
            self._with_offset = bool(offsets[0].as_py())
        if len(column) and (some != every or every != self._with_offset):
            wrong = np.flatnonzero(offsets.to_numpy(zero_copy_only=False) != self._with_offset)[0]
            raise UsageError(
                f"{self.where}: times with and without a time zone are mixed (row {first_row + int(wrong)}); "
                "write them all in one way"
            )
        try:
            return self._stamps(pc.cast(column, pa.timestamp("ns", "UTC" if every and len(column) else None)))
        except pa.ArrowInvalid:
            pass
        for form in UNAMBIGUOUS:
            try:
                got = pc.strptime(column, format=form, unit="ms")
            except pa.ArrowInvalid:
                continue
            self.format = form
            return self._stamps(got)
        raise UsageError(
            f"{self.where}: {self._bad(column)!r} is no ISO 8601 time; say how it is written with "
            "--time-format, as in --time-format '%d/%m/%y %H:%M'"
        )

    def _strptime(self, column: pa.Array, form: str, first_row: int) -> I64:
        try:
            return self._stamps(pc.strptime(column, format=form, unit="ms"))
        except pa.ArrowInvalid:
            good = pc.is_valid(pc.strptime(column, format=form, unit="ms", error_is_null=True))
            row = int(np.flatnonzero(~good.to_numpy(zero_copy_only=False))[0])
            raise UsageError(
                f"{self.where}: row {first_row + row}, {column[row].as_py()!r}, does not fit the format {form!r}"
            ) from None

    def _stamps(self, column: pa.Array) -> I64:
        if column.type.tz is None:
            try:
                column = pc.assume_timezone(column, self.zone, ambiguous="earliest", nonexistent="latest")
            except pa.ArrowInvalid as error:
                raise UsageError(f"{self.where}: {error}; give another --timezone") from None
        out: I64 = pc.cast(pc.cast(column, pa.timestamp("ms", "UTC"), safe=False), pa.int64()).to_numpy()
        return out

    def _epoch(self, numbers: np.ndarray) -> I64:
        largest = float(np.max(numbers)) if len(numbers) else 0.0
        for limit, factor in ((1e11, 1000.0), (1e14, 1.0), (1e17, 1e-3), (2e20, 1e-6)):
            if 1e8 <= largest < limit:
                return np.rint(numbers * factor).astype(np.int64)
        raise UsageError(f"{self.where}: {largest:g} is no epoch time in s, ms, us or ns; name the time column")

    @staticmethod
    def _bad(column: pa.Array) -> str:
        for value in column.slice(0, 1000):
            try:
                pc.cast(pa.array([value.as_py()]), pa.timestamp("ns"))
            except pa.ArrowInvalid:
                return str(value.as_py())[:40]
        return str(column[0].as_py())[:40] if len(column) else ""
