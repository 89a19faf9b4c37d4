"""Those who do the work: processes of this machine, one clip or part of a clip each at a time."""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

from livematte.jobs.tasks import Outcome, Task

_CODE = "import sys; sys.path[:] = {path!r}; from livematte.jobs.worker import main; main()"
_PATIENCE = 40.0
"""Seconds after which a worker that does not end is killed."""


class WorkerLostError(Exception):
    """A worker died over its work."""


class Workers(Protocol):
    """Whoever does the work.

    count: how many pieces of work can be in progress at once; may change.
    """

    @property
    def count(self) -> int:
        """How many pieces of work can be in progress at once."""
        ...

    def submit(self, task: Task) -> Future[Outcome]:
        """Begin a piece of work; the future raises where the worker was lost."""
        ...

    def close(self) -> None:
        """Break off what is in progress and let go of the workers."""
        ...


class Processes:
    """Worker processes on this machine. They die with the process that made them, however it dies."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._threads = ThreadPoolExecutor(count, "livematte-worker")
        self._idle: queue.SimpleQueue[subprocess.Popen[bytes]] = queue.SimpleQueue()
        self._all: list[subprocess.Popen[bytes]] = []

    def submit(self, task: Task) -> Future[Outcome]:
        """Begin a piece of work; the future raises WorkerLostError where the worker was lost."""
        return self._threads.submit(self._run, task)

    def close(self) -> None:
        """Interrupt what is in progress, and wait until the workers have cleared up."""
        for process in self._all:
            if process.stdin:
                with contextlib.suppress(OSError):  # of one that died over what it was sent
                    process.stdin.close()
        for process in self._all:
            try:
                process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._threads.shutdown(cancel_futures=True)
        for process in self._all:
            if process.stdout:
                process.stdout.close()

    def _run(self, task: Task) -> Outcome:
        process = self._take()
        assert process.stdin
        assert process.stdout
        try:
            pickle.dump(task, process.stdin)
            process.stdin.flush()
            outcome: Outcome = pickle.load(process.stdout)
        except (EOFError, OSError, ValueError, pickle.UnpicklingError) as error:
            process.kill()
            raise WorkerLostError(f"its worker died (exit code {process.wait()})") from error
        self._idle.put(process)
        return outcome

    def _take(self) -> subprocess.Popen[bytes]:
        """An idle worker, or a new one."""
        while True:
            try:
                process = self._idle.get_nowait()
            except queue.Empty:
                break
            if process.poll() is None:
                return process
        # out of reach of the terminal's Ctrl-C, which is for the process that asked
        process = subprocess.Popen(
            [sys.executable, "-c", _CODE.format(path=sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            process_group=None if os.name == "nt" else 0,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
        self._all.append(process)
        return process


def usual_count() -> int:
    """As many workers as there are cores for this process."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
