"""What is wrong with rows of a file that is imported: all of it at once, so that it is mended in one go."""

from __future__ import annotations

from typing import NamedTuple


class Fault(NamedTuple):
    """One thing wrong: where it is (file and line or feature), the field, and a reason a person can act on."""

    where: str
    field: str
    reason: str

    def __str__(self) -> str:
        return f"{self.where}: {self.field}: {self.reason}"


class FileRefused(ValueError):
    """A file that cannot be used; `faults` has every bad row. Nothing of it was taken."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(map(str, faults[:3])) + (f" and {len(faults) - 3} more" if len(faults) > 3 else ""))
        self.faults = faults
