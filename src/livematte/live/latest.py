"""Handing over the newest: no queue grows, whatever either side does."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Latest(Generic[Item]):
    """Room for the newest items: what is put in where there is none pushes out the oldest.

    dropped: how many were pushed out.
    """

    def __init__(self, depth: int = 1) -> None:
        self._items: deque[Item] = deque(maxlen=depth)
        self._changed = threading.Condition()
        self.dropped = 0

    def put(self, item: Item) -> None:
        """Put an item in; never waits."""
        with self._changed:
            self.dropped += len(self._items) == self._items.maxlen
            self._items.append(item)
            self._changed.notify()

    def clear(self) -> None:
        """Push out all that is there."""
        with self._changed:
            self.dropped += len(self._items)
            self._items.clear()

    def get(self, patience: float) -> Item | None:
        """The oldest item there is, taken out; None where none comes within `patience` seconds."""
        end = time.monotonic() + patience
        with self._changed:
            while not self._items:
                left = end - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    break
            return self._items.popleft() if self._items else None


class Backoff:
    """Waits twice as long each time, from `first` to at most `most` seconds, until it is reset."""

    def __init__(self, first: float, most: float) -> None:
        self._first, self._most = first, most
        self._next = first

    def wait(self, stop: threading.Event) -> None:
        """Wait, or less where `stop` is set."""
        stop.wait(self._next)
        self._next = min(self._most, 2 * self._next)

    def reset(self) -> None:
        """Begin again with the shortest wait."""
        self._next = self._first
