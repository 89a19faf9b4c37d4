"""Keeps encoders from turning this process into a real-time one."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def usual_scheduling() -> Iterator[None]:
    """Whoever opens an encoder here, and the encoder's threads, are scheduled as before.

    SVT-AV1 puts them under SCHED_FIFO at the highest priority where it may, as root on Linux. All that is
    started later inherits it, and the rest of the machine stands still.
    """
    if sys.platform != "linux":
        yield
        return
    before, policy, priority = _threads(), os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy, priority)
        for thread in _threads() - before:
            with suppress(ProcessLookupError):
                os.sched_setscheduler(thread, policy, priority)


def _threads() -> set[int]:
    return {int(thread.name) for thread in Path("/proc/self/task").iterdir()}
