"""Percentiles of latencies in memory that does not grow."""

from __future__ import annotations

import numpy as np

STEP = 0.25
"""Milliseconds per bin."""

_BINS = 20_000


class Latencies:
    """Counts milliseconds in bins of a quarter; what is longer than five seconds counts as that."""

    def __init__(self) -> None:
        self._counts = np.zeros(_BINS, np.int64)

    def add(self, seconds: float) -> None:
        """Count one latency."""
        self._counts[min(_BINS - 1, max(0, int(1000 * seconds / STEP)))] += 1

    def percentiles(self) -> tuple[float, float, float]:
        """The 50th, 95th and 99th in milliseconds, each its bin's upper end; zeros where there is none."""
        total = int(self._counts.sum())
        if not total:
            return 0.0, 0.0, 0.0
        within = np.searchsorted(self._counts.cumsum(), np.array([0.5, 0.95, 0.99]) * total)
        p50, p95, p99 = (float(bin + 1) * STEP for bin in within)
        return p50, p95, p99
