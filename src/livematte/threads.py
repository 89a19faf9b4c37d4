"""Work done beside the main loop, in order, through bounded queues: memory does not grow with the clip."""

from __future__ import annotations

import os
import queue
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from types import FrameType, TracebackType
from typing import Generic, Self, TypeVar

import cv2

Item = TypeVar("Item")
Result = TypeVar("Result")

_PATIENCE = 0.1
"""Seconds after which a thread that waits looks whether it is still wanted."""


class _StoppedError(Exception):
    """The other side of a queue is gone."""


class _Line(Generic[Item]):
    """A bounded queue that either side can leave; what went wrong on one side is raised on the other."""

    def __init__(self, depth: int) -> None:
        self._items: queue.Queue[Item] = queue.Queue(depth)
        self._stop = threading.Event()
        self.error: BaseException | None = None

    def put(self, item: Item) -> None:
        while not self._stop.is_set():
            try:
                return self._items.put(item, timeout=_PATIENCE)
            except queue.Full:
                continue
        raise _StoppedError

    def get(self) -> Item:
        while not (self._stop.is_set() and self._items.empty()):
            try:
                return self._items.get(timeout=_PATIENCE)
            except queue.Empty:
                continue
        raise _StoppedError

    def stop(self) -> None:
        self._stop.set()

    def drop(self) -> None:
        """Stop, and forget what waits."""
        self._stop.set()
        with suppress(queue.Empty):
            while True:
                self._items.get_nowait()


def ahead(items: Iterable[Item], depth: int) -> Generator[Item, None, None]:
    """The same items, made in a thread of their own up to `depth` ahead; its error is raised here.

    An item that is handed over is not held here: frames are large.
    """
    line: _Line[list[Item] | None] = _Line(depth)

    def make() -> None:
        try:
            for item in items:
                line.put([item])
                del item
            line.put(None)
        except _StoppedError:
            pass
        except BaseException as error:
            line.error = error
            line.stop()
        finally:
            if isinstance(items, Generator):
                items.close()

    thread = threading.Thread(target=make, name="livematte-ahead", daemon=True)
    thread.start()
    try:
        while (packed := line.get()) is not None:
            yield packed.pop()
    except _StoppedError:
        assert line.error is not None
        raise line.error from None
    finally:
        line.stop()
        thread.join()


class Behind(Generic[Item]):
    """Hands items to a function in a thread of its own; leaving the `with` block waits for the last one.

    What the function raises is raised by the next `put` or on leaving. When the block is left by an
    exception, items still waiting are dropped.
    """

    def __init__(self, work: Callable[[Item], None], depth: int) -> None:
        self._line: _Line[list[Item] | None] = _Line(depth)
        self._work = work
        self._thread = threading.Thread(target=self._run, name="livematte-behind", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._pass(None)
                self._thread.join()
        finally:  # Ctrl-C while waiting must not leave the thread at work either
            self._line.drop()
            self._thread.join()
        if error is None and self._line.error is not None:
            raise self._line.error

    def put(self, item: Item) -> None:
        """Hand over one item; waits while `depth` are waiting already."""
        self._pass([item])

    def _pass(self, packed: list[Item] | None) -> None:
        try:
            self._line.put(packed)
        except _StoppedError:
            assert self._line.error is not None
            raise self._line.error from None

    def _run(self) -> None:
        try:
            while (packed := self._line.get()) is not None:
                self._work(packed.pop())
        except _StoppedError:
            pass
        except BaseException as error:
            self._line.error = error
            self._line.stop()


def in_threads(
    work: Callable[[Item], Result], items: Iterable[Item], threads: int
) -> Generator[Result, None, None]:
    """The results of `work` in the order of the items; neither items nor results pile up."""
    waiting: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="livematte")
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > 4 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def filter_threads() -> Iterator[None]:
    """OpenCV with one thread for every four cores, four at most: stages that run side by side fill the rest.

    What was set before is set again afterwards, and is not exceeded.
    """
    before = cv2.getNumThreads()
    cv2.setNumThreads(max(1, min(before, 4, (os.cpu_count() or 1) // 4)))
    try:
        yield
    finally:
        cv2.setNumThreads(before)


@contextmanager
def stop_on_interrupt() -> Iterator[threading.Event]:
    """An event that Ctrl-C sets, so that nothing is left half done; a second Ctrl-C stops at once."""
    stopped = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stopped
        return

    def ask(signum: int, frame: FrameType | None) -> None:
        if stopped.is_set():
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # what is begun must be cleared away undisturbed
            raise KeyboardInterrupt
        stopped.set()

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield stopped
    finally:
        signal.signal(signal.SIGINT, before)
