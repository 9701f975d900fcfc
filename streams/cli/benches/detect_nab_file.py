"""A labelled series of the Numenta Anomaly Benchmark, or of its kind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detectors.scoring import nab


@dataclass(frozen=True)
class File:
    """timestamps datetime64[ns][T], values float64[T], windows as first and last row."""

    group: str
    name: str
    timestamps: npt.NDArray[np.datetime64]
    values: npt.NDArray[np.float64]
    windows: list[nab.Window]
