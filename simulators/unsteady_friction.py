"""Unsteady friction of a transient in turbulent pipe flow: memory of the accelerations, as a sum of exponentials.

The wall takes more than the mean velocity says while the flow changes. Per length the head loss gains

    h_u = 16 nu / (g D^2 A) (dQ/dt * W)(t),   W = exp(-B tau) / (2 sqrt(pi tau)),   tau = 4 nu t / D^2

(the convolution of Zielke 1968, *J. Basic Eng.* 90, with the weighting function of Vardy & Brown 2003, *J. Sound Vib.*
259, for turbulent flow in smooth pipes: B = Re^kappa / 12.86, kappa = log10(15.29 / Re^0.0567)). 1 / sqrt(tau) is the
integral of exp(-s tau) / sqrt(pi s) over s; taken on a geometric grid of s it is a sum of exponentials, whose
convolutions need one number each (the idea of Trikha 1975, *J. Fluids Eng.* 97).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from simulators.noise import F64

RATIO = 5.0  # of neighbouring exponents
SLOWEST = 0.003  # exponent over B


class Memory(NamedTuple):
    """y_k' = y_k decay_k + gain_k dQ a step, both float64[M]; `scale` times their sum is lost of Q a step, m3/s."""

    decay: F64
    gain: F64
    scale: float


def none() -> Memory:
    return Memory(np.zeros(0), np.zeros(0), 0.0)


def memory(diameter_m: float, velocity_m_s: float, viscosity_m2_s: float, dt_s: float) -> Memory:
    """The memory of one step `dt_s`, at a Reynolds number that stays.

    >>> memory(0.305, 1.6, 4e-6, 0.1).gain[:2].round(3).tolist()
    [0.725, 1.622]
    """
    step, b = 4.0 * viscosity_m2_s * dt_s / diameter_m**2, damping(diameter_m, velocity_m_s, viscosity_m2_s)
    count = 1 + math.ceil(math.log(6.0 / step / (SLOWEST * b)) / math.log(RATIO))
    s = SLOWEST * b * RATIO ** np.arange(float(count))
    share = np.sqrt(s) * math.log(RATIO) / (2.0 * math.pi)
    # a change that is spread over the step is on average half a step old
    return Memory(
        np.exp(-(s + b) * step),
        share * np.exp(-(s + b) * step / 2.0),
        16.0 * viscosity_m2_s * dt_s / diameter_m**2,
    )


def damping(diameter_m: float, velocity_m_s: float, viscosity_m2_s: float) -> float:
    """B of the weighting function."""
    reynolds = velocity_m_s * diameter_m / viscosity_m2_s
    return float(reynolds ** math.log10(15.29 / reynolds**0.0567) / 12.86)
