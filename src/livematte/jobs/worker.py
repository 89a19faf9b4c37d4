"""A process that does pieces of work: pickled tasks come in on standard input, outcomes go out.

Standard input that ends, which is also what happens when the process that asked dies, interrupts the work:
nothing half-written stays, and nobody goes on working for nobody.
"""

from __future__ import annotations

import _thread
import os
import pickle
import queue
import signal
import sys
import threading
from typing import BinaryIO

from livematte.jobs.tasks import Task, perform

PATIENCE = 30.0
"""Seconds that work in progress is given to clear up after itself."""


def main() -> None:
    """Work until standard input ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not end up among the answers
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell may have had SIGINT ignored
        signal.signal(number, signal.default_int_handler)
    tasks: queue.Queue[Task | None] = queue.Queue()
    try:
        import cv2

        cv2.setNumThreads(1)
        threading.Thread(target=_listen, args=(sys.stdin.buffer, tasks), daemon=True).start()
        while (task := tasks.get()) is not None:
            pickle.dump(perform(task), answers)
            answers.flush()
    except (KeyboardInterrupt, BrokenPipeError):
        pass
    os._exit(0)  # what was at work has cleared up; the threads of libraries need not


def _listen(pipe: BinaryIO, tasks: queue.Queue[Task | None]) -> None:
    try:
        while True:
            tasks.put(pickle.load(pipe))
    except EOFError:
        pass
    finally:
        threading.Timer(PATIENCE, os._exit, (1,)).start()
        tasks.put(None)
        _thread.interrupt_main()


if __name__ == "__main__":
    main()
