"""Options of the commands that read a recording: which file, which columns, whose they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from simulators.mapping import ColumnMap

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--domain", help="water, gas, pipeline or traffic."),
    click.option(
        "--mapping", "mapping_file", type=click.Path(path_type=Path), help="TOML file that says what is what."
    ),
    click.option(
        "--format", "format_", type=click.Choice(["wide", "long"]), help="A column a sensor, or a row a reading."
    ),
    click.option("--time-column", metavar="NAME", help="Default: Time, timestamp, ts, time, datetime, …"),
    click.option(
        "--time-format", metavar="STRPTIME", help="As in '%d/%m/%y %H:%M'; default: ISO 8601 or epoch numbers."
    ),
    click.option("--timezone", metavar="NAME", help="Zone of times without offset (default UTC), as in Asia/Shanghai."),
    click.option("--sensor-column", metavar="NAME", help="Long: the column with the sensor's name."),
    click.option(
        "--value-column", metavar="NAME", multiple=True, help="Columns to send; default: all that hold numbers."
    ),
    click.option(
        "--map", "kinds", metavar="COLUMN=KIND", multiple=True, help="What a column measures: Trueb=turbidity."
    ),
    click.option("--unit-code", metavar="CODE", help="Administrative unit it belongs to (default 522601)."),
    click.option("--zone", metavar="ID", help="Zone id; default: made up from unit and domain."),
)


def reading_options(function: F) -> F:
    """What `mapping_of` takes."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def mapping_of(
    *, domain: str | None, mapping_file: Path | None, format_: str | None, time_column: str | None,
    time_format: str | None, timezone: str | None, sensor_column: str | None, value_column: tuple[str, ...],
    kinds: tuple[str, ...], unit_code: str | None, zone: str | None,
) -> ColumnMap:  # fmt: skip
    """The mapping that the options say. Raises UsageError."""
    from simulators.mapping import ColumnMap, read_mapping, with_options

    return with_options(
        read_mapping(mapping_file) if mapping_file else ColumnMap(),
        kinds,
        domain=domain,
        format=format_,
        time_column=time_column,
        time_format=time_format,
        timezone=timezone,
        sensor=sensor_column,
        value=value_column,
        unit_code=unit_code,
        zone=zone,
    )
