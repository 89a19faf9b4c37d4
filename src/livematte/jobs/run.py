"""The batch itself: many clips to many workers, every outcome written down before the next is begun."""

from __future__ import annotations

import dataclasses
import heapq
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import closing
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from threading import Event
from typing import Any, TypeAlias

from livematte.errors import OptionError, OutputError
from livematte.jobs import store
from livematte.jobs.inputs import Item, find_items, place
from livematte.jobs.manifest import NAME, Manifest
from livematte.jobs.report import BatchReport, Failure
from livematte.jobs.tasks import Clip, Done, Outcome, Settings, Task, Trouble, Unchanged, Whole
from livematte.jobs.workers import Processes, Workers, usual_count
from livematte.media import AnyPath, Options
from livematte.scene import Scene, Style

Progress: TypeAlias = Callable[[int, int | None], None]
"""Called with the pieces of work done (clips, and parts of long ones) and their number so far."""

Inputs: TypeAlias = "AnyPath | Sequence[AnyPath]"

TICK = 0.2
"""Seconds after which the loop looks for a wish to stop and for work whose time to be retried has come."""

BACK_OFF = 1.0
"""Seconds before the first further try; each later one waits twice as long."""


def batch(
    inputs: Inputs,
    out: AnyPath,
    background: AnyPath | None = None,
    *,
    look: str | None = None,
    style: Style | None = None,
    options: Options | None = None,
    network: AnyPath = "best",
    suffix: str | None = None,
    workers: int | None = None,
    ray: str | None = None,
    split: float | None = 120,
    retries: int = 3,
    manifest: AnyPath | None = None,
    progress: Progress | None = None,
    stop: Event | None = None,
) -> BatchReport:
    """Put the people of many videos and photos before another background, several at once.

    inputs: files, folders, patterns (`clips/**/*.mp4`), lists (.txt, .lst: one path or address a line) or
    addresses in a store that fsspec knows (`s3://bucket/clips`); out: a folder or such an address.
    Results keep the tree that the inputs are in; a video's suffix becomes .mp4 (.mov for transparent) where
    its own cannot be written, or `suffix`.
    background, look, style, options, network: as for `replace`.
    workers: processes, one network thread each; as many as there are cores when left out.
    ray: the address of a Ray cluster (`auto`, `ray://host:10001`) whose cores do the work instead.
    split: videos at least twice as long are done in parts of about so many seconds that begin at scene cuts,
    side by side; None: never.
    retries: how often what can pass (a store that times out, a worker that was killed) is tried again.
    manifest: the file that remembers what is done; `livematte-batch.jsonl` in `out` when left out. A batch
    run again does only what is missing, failed or changed: the input, or any of the settings.
    progress: told pieces of work done and in all; stop: once it is set, what is in progress is broken off.
    A clip that fails never stops the others; the report names it.
    Raises InputError, OutputError, OptionError or MissingExtraError before any work, where the batch as a
    whole cannot be: nothing to do, two results of one name, another batch at work on the same folder.
    """
    begin = time.monotonic()
    if split is not None and split <= 0:
        raise OptionError(f"split is a length in seconds, not {split:g}")
    if retries < 0:
        raise OptionError(f"retries must be 0 or more, not {retries}")
    out = fspath(out)
    names = [inputs] if isinstance(inputs, str | PathLike) else list(inputs)
    settings = _settings(background, look, style, options, network)
    transparent = settings.background == "transparent"
    items = find_items(names, out, suffix=suffix, transparent=transparent)
    with Manifest(_manifest_path(out, manifest)) as written:
        written.add_settings(settings.digest, settings.as_dict())
        with closing(_team(workers, ray, len(items))) as team:
            run = _Run(settings, out, written, team, retries)
            run.go(items, progress, stop or Event())
    tally = run.tally
    return BatchReport(
        out,
        str(written.path),
        failures=tuple(run.failures),
        left=len(items) - tally.done - tally.unchanged - len(run.failures),
        seconds=time.monotonic() - begin,
        stopped=run.ending,
        **dataclasses.asdict(tally),
    )


@dataclass(slots=True)
class _Work:
    """A piece of work for an item; attempts: how often it was begun."""

    item: Item
    task: Task
    attempts: int = 0


@dataclass(slots=True)
class _Tally:
    done: int = 0
    unchanged: int = 0
    warned: int = 0
    split: int = 0
    retries: int = 0
    frames: int = 0
    work: float = 0.0
    workers: int = 0


class _Run:
    """One run over all items.

    ready: to be begun next; later: to be tried again, by the time on the clock; running: in progress.
    ending: why no further work is begun, if so.
    """

    def __init__(self, settings: Settings, out: str, manifest: Manifest, team: Workers, retries: int) -> None:
        self._settings, self._digest, self._out = settings, settings.digest, out
        self._manifest, self._team, self._retries = manifest, team, retries
        self._ready: deque[_Work] = deque()
        self._later: list[tuple[float, int, _Work]] = []
        self._running: dict[Future[Outcome], _Work] = {}
        self.tally, self.failures = _Tally(), list[Failure]()
        self.ending: str | None = None

    def go(self, items: Sequence[Item], progress: Progress | None, stop: Event) -> None:
        """Deal with every item, or with as many as can be before the end comes early."""
        fresh = self._missing(items)
        while self._fill(fresh) or self._running or (self._later and not self.ending):
            if stop.is_set():
                self.ending = "stopped on request"
                return
            if self._running:
                finished, _ = wait(self._running, TICK, FIRST_COMPLETED)
            else:
                finished = set()
                time.sleep(TICK)
            for future in finished:
                self._take(self._running.pop(future), _outcome(future))
            if progress:
                tally = self.tally
                progress(tally.done + tally.unchanged + len(self.failures), len(items))

    def _missing(self, items: Iterable[Item]) -> Iterator[_Work]:
        """The first piece of work for every item that is not done."""
        for item in items:
            entry = self._manifest.entries.get(item.name)
            ours = entry is not None or self._settings.options.overwrite
            clip = Clip(item.source, place(self._out, item.name), self._settings, ours)
            known = None
            if entry is not None and entry.state == "done" and entry.settings == self._digest:
                known = entry.fingerprint, entry.bytes
            task = Whole(clip, known)
            if known and not clip.remote and task.is_needless():
                self.tally.unchanged += 1
                continue
            yield _Work(item, task)

    def _fill(self, fresh: Iterator[_Work]) -> bool:
        """Give idle workers something to do; whether there was anything."""
        now = time.monotonic()
        while self._later and self._later[0][0] <= now:
            self._ready.append(heapq.heappop(self._later)[2])
        begun = False
        while len(self._running) < self._team.count and not self.ending:
            work = self._ready.popleft() if self._ready else next(fresh, None)
            if work is None:
                break
            begun = self._begin(work) or begun
        self.tally.workers = max(self.tally.workers, len(self._running))
        return begun

    def _begin(self, work: _Work) -> bool:
        work.attempts += 1
        if not self._write("begun", work, source=work.item.source, attempt=work.attempts):
            return False
        self._running[self._team.submit(work.task)] = work
        return True

    def _take(self, work: _Work, outcome: Outcome) -> None:
        """Note what came of a piece of work, and what is to be done next."""
        if isinstance(outcome, Done):
            self._finish(work, outcome)
        elif isinstance(outcome, Unchanged):
            self.tally.unchanged += 1
        elif outcome.kind == "passing" and work.attempts <= self._retries:
            self.tally.retries += 1
            due = time.monotonic() + BACK_OFF * 2 ** (work.attempts - 1)
            heapq.heappush(self._later, (due, id(work), work))
        elif outcome.kind == "full":
            self.ending = outcome.error
        else:
            self._fail(work, outcome.error)

    def _finish(self, work: _Work, done: Done) -> None:
        known = {"source": work.item.source, "settings": self._digest, **dataclasses.asdict(done)}
        if self._write("done", work, **known):
            self.tally.done += 1
            self.tally.frames += done.frames
            self.tally.work += done.seconds
            self.tally.warned += bool(done.warnings)

    def _fail(self, work: _Work, error: str) -> None:
        if self._write("failed", work, source=work.item.source, error=error, attempts=work.attempts):
            self.failures.append(Failure(work.item.source, error, work.attempts))

    def _write(self, state: str, work: _Work, **more: Any) -> bool:
        """Write a line of the manifest; where that is not possible, nothing more can be begun."""
        try:
            self._manifest.add(state, work.item.name, **more)
        except OutputError as error:
            self.ending = str(error)
            return False
        return True


def _outcome(future: Future[Outcome]) -> Outcome:
    try:
        return future.result()
    except Exception as error:  # the worker, not the work: processes and clusters have many names for it
        return Trouble("passing", str(error) or type(error).__name__)


def _settings(
    background: AnyPath | None,
    look: str | None,
    style: Style | None,
    options: Options | None,
    network: AnyPath,
) -> Settings:
    """The settings, tried out, with paths that hold wherever the work is done."""
    options = options or Options()
    if options.container is not None:
        raise OptionError("container is for standard output; a batch writes files: choose a suffix")
    if options.audio not in ("copy", "none", "background"):
        options = dataclasses.replace(options, audio=_absolute(options.audio))
    behind = None if background is None else _absolute(background)
    if behind is not None and behind.lower() == "transparent":
        behind = "transparent"
    else:
        Scene(behind, style, look=look).close()
    return Settings(behind, look, style or Style(), options, _absolute(network))


def _absolute(name: AnyPath) -> str:
    """A path from the root on, if that is what it is."""
    path = Path(name)
    return str(path.absolute()) if path.is_file() else fspath(name)


def _manifest_path(out: str, manifest: AnyPath | None) -> Path:
    if store.is_address(out):
        if manifest is None:
            raise OptionError(f"{out} is a store, where no file can grow; name a local manifest")
        return Path(manifest)
    folder = Path(out)
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{out} is a file; name a folder for the results")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make the folder {out}: {error.strerror}") from error
    return folder / NAME if manifest is None else Path(manifest)


def _team(workers: int | None, ray: str | None, pieces: int) -> Workers:
    if workers is not None and workers < 1:
        raise OptionError(f"workers must be at least 1, not {workers}")
    if ray is None:
        return Processes(min(workers or usual_count(), pieces))
    from livematte.cluster import Cluster

    return Cluster(ray, workers)
