"""The workers of a batch on a Ray cluster: one piece of work a core, on whichever node has one free."""

from __future__ import annotations

import logging
import socket
from concurrent.futures import Future
from typing import Any

from livematte.errors import MissingExtraError, OptionError
from livematte.jobs.tasks import Outcome, Task, perform

PATIENCE = 10.0
"""Seconds in which a cluster has to accept a connection."""


class Cluster:
    """The cores of a Ray cluster; inputs and results must be where every node finds them under one name.

    A node that dies takes its work in progress with it, which a batch then does again; nodes may come and go.
    """

    def __init__(self, address: str, most: int | None = None) -> None:
        """Join the cluster at an address (`auto`, `ray://host:10001`, `host:6379`).

        most: pieces of work at once. Raises MissingExtraError, or OptionError where no cluster answers.
        """
        try:
            import ray
        except ModuleNotFoundError:
            raise MissingExtraError("--ray", "cluster") from None
        _knock(address)
        self._ray: Any = ray
        self._most = most
        try:
            ray.init(address, logging_level=logging.ERROR, log_to_driver=False)
        except (ConnectionError, RuntimeError, ValueError) as error:
            said = str(error).splitlines()[0]
            raise OptionError(f"no Ray cluster answers at {address!r}: {said}") from error
        self._perform = ray.remote(num_cpus=1, max_retries=0)(_perform)
        self._running: dict[Future[Outcome], Any] = {}

    @property
    def count(self) -> int:
        """The cores that there are now."""
        cores = int(self._ray.cluster_resources().get("CPU", 0))
        return cores if self._most is None else min(cores, self._most)

    def submit(self, task: Task) -> Future[Outcome]:
        """Begin a piece of work; the future raises an error of Ray where its worker was lost."""
        reference = self._perform.remote(task)
        future: Future[Outcome] = reference.future()
        self._running[future] = reference
        future.add_done_callback(lambda done: self._running.pop(done, None))
        return future

    def close(self) -> None:
        """Interrupt what is in progress and leave the cluster."""
        for reference in list(self._running.values()):
            self._ray.cancel(reference)
        self._ray.shutdown()


def _knock(address: str) -> None:
    """Refuse an address at which nothing listens: Ray would try for minutes. Raises OptionError."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not port.isdigit():  # auto, local: for Ray to find
        return
    try:
        socket.create_connection((host, int(port)), PATIENCE).close()
    except OSError as error:
        raise OptionError(f"no Ray cluster answers at {address!r}: {error.strerror or error}") from error


def _perform(task: Task) -> Outcome:
    import cv2

    cv2.setNumThreads(1)
    return perform(task)
