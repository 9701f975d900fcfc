"""Inverse of a covariance matrix by Cholesky factors: the precision matrix that conditional residuals are read from.

Written out so that the compiled loop needs no linear-algebra library at run time. Golub & Van Loan 2013, *Matrix
Computations*, algorithms 4.2.1 (Cholesky) and 3.1.3 (substitution); n^3 multiplications.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from detectors.compiled import jit


@jit
def inverse(a: Any, n: int, out: Any) -> bool:
    """out[:n, :n] = inverse of the symmetric positive definite a[:n, :n], float64; False (out as it was) if it is not.

    >>> out = np.zeros((2, 2))
    >>> inverse(np.array([[4.0, 2.0], [2.0, 3.0]]), 2, out), out.round(3).tolist()
    (True, [[0.375, -0.25], [-0.25, 0.5]])
    """
    low = np.zeros((n, n))
    for j in range(n):
        for i in range(j, n):
            total = a[i, j]
            for k in range(j):
                total -= low[i, k] * low[j, k]
            if i == j:
                if not total > 0.0:
                    return False
                low[j, j] = math.sqrt(total)
            else:
                low[i, j] = total / low[j, j]
    inv = np.zeros((n, n))  # of the factor
    for j in range(n):
        inv[j, j] = 1.0 / low[j, j]
        for i in range(j + 1, n):
            total = 0.0
            for k in range(j, i):
                total -= low[i, k] * inv[k, j]
            inv[i, j] = total / low[i, i]
    for i in range(n):
        for j in range(i + 1):
            total = 0.0
            for k in range(i, n):
                total += inv[k, i] * inv[k, j]
            out[i, j] = out[j, i] = total
    return True
