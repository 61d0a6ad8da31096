"""Two ways of compiling numeric code; both keep what they compiled on disk, and let other threads run."""

from __future__ import annotations

from numba import njit

compiled = njit(cache=True, nogil=True, error_model="numpy")
"""Exact: sums in the order in which they are written."""

vectorised = njit(cache=True, nogil=True, error_model="numpy", fastmath=True)
"""Sums in any order, so that many elements are worked on at once: for values that are rounded anyway."""
