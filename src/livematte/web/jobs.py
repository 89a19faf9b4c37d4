"""Jobs on uploaded clips: a bounded number, worked on one by one, each in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import secrets
import shutil
import sys
from collections import deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import Any

from livematte.web.limits import MEGA, Limits
from livematte.web.order import PHOTO, Order
from livematte.web.worker import CLIP

_LINE = 2**20  # bytes of a worker's line
_LOG = "log"
_FAILED = {"error": "the clip could not be worked on"}
_PATIENCE = 2  # seconds for a worker to end
_LOG_TAIL = 4000  # letters of what a crashed worker said

logger = logging.getLogger("livematte.web")


class State(Enum):
    """How far a job is."""

    OPEN = "open"
    """The clip has yet to be sent."""
    SENDING = "sending"
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    GONE = "gone"
    """Fetched, cancelled or too old."""


class RefusedError(Exception):
    """A request that cannot be met.

    status: HTTP's number; message: what was wrong; headers: what HTTP wants to be said with it.
    """

    def __init__(self, status: int, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class Job:
    """One clip on its way; `told` holds what its client may know."""

    def __init__(self, folder: Path, client: str, asked: dict[str, Any]) -> None:
        self.id = secrets.token_urlsafe(16)
        self.order = Order.of(asked)
        self.asked = asked
        self.client = client
        self.folder = folder / self.id
        self.state = State.OPEN
        self.told: dict[str, Any] = {}
        self.timer: asyncio.TimerHandle | None = None
        self.process: asyncio.subprocess.Process | None = None
        self._changed = asyncio.Event()

    @property
    def result(self) -> Path:
        """Where the result is once the job is done."""
        return self.folder / f"result.{self.order.format}"

    @property
    def needs_photo(self) -> bool:
        """Whether a background is still to be sent."""
        return self.order.background == PHOTO and not (self.folder / PHOTO).exists()

    def tell(self, state: State, **news: Any) -> None:
        """Let everybody who watches know."""
        self.state = state
        self.told = news
        self._changed.set()
        self._changed = asyncio.Event()

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"id": self.id, "state": self.state.value, **self.told}

    async def watch(self, pause: float) -> AsyncIterator[dict[str, Any] | None]:
        """The job now and after every change until it is over; None where nothing changed for a pause."""
        while True:
            changed = self._changed
            yield self.as_dict()
            if self.state in (State.DONE, State.FAILED, State.GONE):
                return
            while not changed.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), pause)
                    break
                yield None


class Jobs:
    """All jobs of a server, in a folder of its own."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        self.limits = limits
        self._folder = folder
        self._jobs: dict[str, Job] = {}
        self._queue: deque[Job] = deque()
        self._wake = asyncio.Event()
        self._runner: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to work; needs a running loop."""
        self._runner = asyncio.create_task(self._run())

    async def close(self) -> None:
        """End all jobs and remove what they left."""
        for job in list(self._jobs.values()):
            self.remove(job)
        if self._runner:
            self._runner.cancel()
            await asyncio.gather(self._runner, return_exceptions=True)

    def open(self, client: str, asked: dict[str, Any]) -> Job:
        """A new job of a client's address. Raises RefusedError, or OptionError for what cannot be done."""
        taken = [job for job in self._jobs.values() if job.state is not State.FAILED]  # these hold nothing
        theirs = sum(job.client == client for job in taken)
        if theirs >= self.limits.jobs_per_client:
            raise RefusedError(
                429, f"you have {theirs} jobs here; fetch or cancel one first", Retry_After="10"
            )
        if len(taken) >= self.limits.jobs_at_once:
            raise RefusedError(503, "all places are taken; try again later", Retry_After="30")
        job = Job(self._folder, client, asked)
        try:
            job.folder.mkdir(mode=0o700)
        except OSError as error:
            raise no_room(error) from error
        self._jobs[job.id] = job
        self.await_clip(job)
        return job

    def find(self, id: str) -> Job:
        """The job of this name. Raises RefusedError."""
        if id not in self._jobs:
            raise RefusedError(404, "there is no such job; it may have been fetched, cancelled or too old")
        return self._jobs[id]

    @contextlib.contextmanager
    def sending(self, job: Job) -> Iterator[None]:
        """While a client sends a file; the job ends where that fails."""
        if job.state is not State.OPEN:
            raise RefusedError(409, f"the job is {job.state.value}; nothing can be sent to it")
        if job.timer:
            job.timer.cancel()
        job.tell(State.SENDING)
        try:
            yield
        except BaseException:
            self.remove(job)
            raise

    def await_clip(self, job: Job) -> None:
        """Give a client a moment to begin sending."""
        job.tell(State.OPEN)
        self._expire(job, self.limits.silence)

    def submit(self, job: Job) -> None:
        """Put a job whose files are there into the queue."""
        self._queue.append(job)
        self._tell_places()
        self._wake.set()

    def remove(self, job: Job) -> None:
        """Forget a job and what belongs to it; one at work is stopped."""
        self._jobs.pop(job.id, None)
        if job.timer:
            job.timer.cancel()
        job.tell(State.GONE)
        if job in self._queue:
            self._queue.remove(job)
            self._tell_places()
        if job.process:
            _kill(job.process)  # whoever waits for it clears up
        else:
            shutil.rmtree(job.folder, ignore_errors=True)

    def _expire(self, job: Job, seconds: float) -> None:
        if job.timer:
            job.timer.cancel()
        job.timer = asyncio.get_running_loop().call_later(seconds, self.remove, job)

    def _tell_places(self) -> None:
        for place, job in enumerate(self._queue, 1):
            job.tell(State.WAITING, place=place)

    async def _run(self) -> None:
        while True:
            while not self._queue:
                self._wake.clear()
                await self._wake.wait()
            job = self._queue.popleft()
            self._tell_places()
            job.tell(State.RUNNING, done=0, total=None)
            try:
                last = await self._work(job)
            except (OSError, ValueError):  # a process that cannot be started, or talks nonsense
                logger.exception("a worker could not be run")
                last = _FAILED
            if job.state is State.GONE or "error" in last:
                shutil.rmtree(job.folder, ignore_errors=True)
            else:
                (job.folder / CLIP).unlink(missing_ok=True)
            if job.state is not State.GONE:
                job.tell(State.FAILED if "error" in last else State.DONE, **last)
                self._expire(job, self.limits.keep_seconds)

    async def _work(self, job: Job) -> dict[str, Any]:
        """Run a worker to its end: what is to be told of it, with an `error` if something went wrong."""
        with (job.folder / _LOG).open("wb") as log:
            job.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "livematte.web.worker"),
                cwd=job.folder,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                limit=_LINE,
            )
        try:
            async with asyncio.timeout(self.limits.run_seconds):
                return await self._follow(job, job.process)
        except TimeoutError:
            return {"error": f"the clip takes more than {self.limits.run_seconds:g} seconds to work on"}
        finally:
            process, job.process = job.process, None
            await _ended(process)

    async def _follow(self, job: Job, process: asyncio.subprocess.Process) -> dict[str, Any]:
        assert process.stdin is not None
        assert process.stdout is not None
        call = {"order": job.asked, "limits": asdict(self.limits)}
        with contextlib.suppress(ConnectionError):
            process.stdin.write(json.dumps(call).encode() + b"\n")
            await process.stdin.drain()
        async for line in process.stdout:
            news: dict[str, Any] = json.loads(line)
            if job.state is State.GONE:
                return news
            if _written(job.folder) > self.limits.result_megabytes * MEGA:
                return {"error": f"the result is larger than {self.limits.result_megabytes:g} MB"}
            if "done" not in news:
                return news
            job.tell(State.RUNNING, **news)
        if job.state is not State.GONE:
            said = (job.folder / _LOG).read_text(errors="replace")[-_LOG_TAIL:]
            logger.error("a worker ended early: %s", said)
        return _FAILED


def _written(folder: Path) -> int:
    """Bytes of all that is in a job's folder beside what was uploaded."""
    with os.scandir(folder) as entries:
        return sum(entry.stat().st_size for entry in entries if entry.name not in (CLIP, PHOTO))


async def _ended(process: asyncio.subprocess.Process) -> None:
    """Wait for a worker, which ends with its standard input unless it hangs."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), _PATIENCE)
    except TimeoutError:
        _kill(process)
        await process.wait()


def _kill(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()


def no_room(error: OSError) -> RefusedError:
    """What a client is told when nothing can be written."""
    logger.error("cannot store uploads: %s", error)
    return RefusedError(503, "the server has no room for it now; try again later", Retry_After="60")
