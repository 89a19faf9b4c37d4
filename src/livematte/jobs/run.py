"""The batch itself: many clips to many workers, every outcome written down before the next is begun."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import heapq
import shutil
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import closing
from dataclasses import dataclass, field
from os import PathLike, fspath
from pathlib import Path
from threading import Event
from typing import Any, TypeAlias

from livematte.errors import InputError, OptionError, OutputError
from livematte.jobs import store
from livematte.jobs.inputs import Item, find_items, place
from livematte.jobs.manifest import NAME, Entry, Manifest
from livematte.jobs.report import BatchReport, Failure
from livematte.jobs.split import Encoded, Join, Part, Split
from livematte.jobs.tasks import Clip, Done, Outcome, Settings, Trouble, Unchanged
from livematte.jobs.whole import Whole
from livematte.jobs.workers import Processes, Workers, usual_count
from livematte.media import AnyPath, Options
from livematte.scene import Scene, Style

Progress: TypeAlias = Callable[[int, int | None], None]
"""Called with the pieces of work done (clips, and parts of long ones) and their number so far."""

Inputs: TypeAlias = "AnyPath | Sequence[AnyPath]"

TICK = 0.2
"""Seconds after which the loop looks for a wish to stop and for work whose time to be retried has come."""

PARTS = ".livematte-parts"
"""The folder, among the results, of clips that are done in parts and not whole yet."""

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
    team = _team(workers, ray)
    # closed before the manifest is, whose lock keeps others out as long as anybody works
    with closing(team), Manifest(_manifest_path(out, manifest)) as written, closing(team):
        written.add_settings(settings.digest, settings.as_dict())
        run = _Run(settings, _absolute_folder(out), written, team, retries, split)
        run.go(items, progress, stop or Event())
        if run.settled == len(items) and not store.is_address(out):
            shutil.rmtree(Path(out) / PARTS, ignore_errors=True)
    tally = run.tally
    return BatchReport(
        out,
        str(written.path),
        failures=tuple(run.failures),
        left=len(items) - run.settled,
        seconds=time.monotonic() - begin,
        stopped=run.ending,
        **dataclasses.asdict(tally),
    )


@dataclass(slots=True)
class _Work:
    """A piece of work for an item; attempts: how often it was begun."""

    item: Item
    task: Whole | Part | Join
    attempts: int = 0


@dataclass(slots=True)
class _Parts:
    """A clip that is done in parts; encoded: those that are whole, by number."""

    clip: Clip
    split: Split
    folder: Path
    encoded: dict[int, Encoded] = field(default_factory=dict)

    @property
    def paths(self) -> list[str]:
        return [str(self.folder / f"{number:05d}.part") for number in range(len(self.split.starts))]

    def missing(self) -> list[Part]:
        """What is to be encoded yet."""
        return [
            Part(self.clip, self.split, number, path)
            for number, path in enumerate(self.paths)
            if number not in self.encoded or not Path(path).is_file()
        ]

    def join(self) -> Join:
        """The last piece of work."""
        order = tuple(self.encoded[number] for number in range(len(self.split.starts)))
        return Join(self.clip, self.split, tuple(self.paths), order)


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

    def __init__(
        self,
        settings: Settings,
        out: str,
        manifest: Manifest,
        team: Workers,
        retries: int,
        split: float | None,
    ) -> None:
        self._length = split
        self._parts: dict[str, _Parts] = {}
        self._settings, self._digest, self._out = settings, settings.digest, out
        self._manifest, self._team, self._retries = manifest, team, retries
        self._ready: deque[_Work] = deque()
        self._later: list[tuple[float, int, _Work]] = []
        self._running: dict[Future[Outcome], _Work] = {}
        self._all_seen = False
        self.tally, self.failures = _Tally(), list[Failure]()
        self.ending: str | None = None

    def go(self, items: Sequence[Item], progress: Progress | None, stop: Event) -> None:
        """Deal with every item, or with as many as can be before the end comes early."""
        fresh = self._missing(items)
        while True:
            self._fill(fresh)
            if not self._running and (self.ending or self._is_over):
                return
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
                encoded = sum(len(parts.encoded) for parts in self._parts.values())
                more = sum(len(parts.split.starts) for parts in self._parts.values())
                progress(self.settled + encoded, len(items) + more)

    @property
    def _is_over(self) -> bool:
        return self._all_seen and not self._ready and not self._later

    @property
    def settled(self) -> int:
        """How many items are dealt with."""
        return self.tally.done + self.tally.unchanged + len(self.failures)

    def _missing(self, items: Iterable[Item]) -> Iterator[_Work]:
        """The first piece of work for every item that is not done."""
        for item in items:
            entry = self._manifest.entries.get(item.name)
            ours = self._settings.options.overwrite or (entry is not None and entry.source == item.source)
            clip = Clip(item.source, place(self._out, item.name), self._settings, ours)
            known = None
            if entry is not None and entry.state == "done" and entry.settings == self._digest:
                known = entry.fingerprint, entry.bytes
            task = Whole(clip, self._length, known)
            if known and not clip.remote and task.is_needless():
                self.tally.unchanged += 1
            elif entry is None or not self._go_on(item, clip, entry):
                yield _Work(item, task)

    def _go_on(self, item: Item, clip: Clip, entry: Entry) -> bool:
        """Take up a clip of which an earlier run has made parts; whether there were any."""
        if entry.starts is None or entry.settings != self._digest or not self._length:
            return False
        split = Split(entry.fingerprint, tuple(entry.starts))
        with contextlib.suppress(InputError):
            if store.fingerprint(item.source) == split.fingerprint:
                self._divide(item, clip, split, entry.parts)
                return True
        return False

    def _divide(self, item: Item, clip: Clip, split: Split, encoded: dict[int, Encoded]) -> None:
        name = hashlib.sha256(f"{item.name} {split.fingerprint} {self._digest}".encode()).hexdigest()[:16]
        parts = _Parts(clip, split, Path(self._out) / PARTS / name, dict(encoded))
        self._parts[item.name] = parts
        missing = parts.missing()
        for part in missing:
            parts.encoded.pop(part.number, None)
        self._ready += [_Work(item, part) for part in missing] or [_Work(item, parts.join())]

    def _fill(self, fresh: Iterator[_Work]) -> None:
        """Give idle workers something to do."""
        now = time.monotonic()
        while self._later and self._later[0][0] <= now:
            self._ready.append(heapq.heappop(self._later)[2])
        places = self._team.count
        while len(self._running) < places and not self.ending:
            if not self._ready and (work := next(fresh, None)) is not None:
                self._ready.append(work)
            if not self._ready:  # looking for what is missing can find several pieces of work, or none
                self._all_seen = True
                break
            self._begin(self._ready.popleft())
        self.tally.workers = max(self.tally.workers, len(self._running))

    def _begin(self, work: _Work) -> None:
        work.attempts += 1
        if isinstance(work.task, Whole) and not work.task.clip.remote and (taken := work.task.refusal()):
            self._fail(work, taken)  # with no line that it was begun, which would make the file there ours
        elif self._write("begun", work, source=work.item.source, attempt=work.attempts):
            self._running[self._team.submit(work.task)] = work

    def _take(self, work: _Work, outcome: Outcome) -> None:
        """Note what came of a piece of work, and what is to be done next."""
        if isinstance(work.task, Part | Join) and work.item.name not in self._parts:
            return  # another part came to nothing, and with it the clip
        if isinstance(outcome, Done):
            self._finish(work, outcome)
        elif isinstance(outcome, Split):
            self._write("parts", work, settings=self._digest, **dataclasses.asdict(outcome))
            self._divide(work.item, work.task.clip, outcome, {})
        elif isinstance(outcome, Encoded):
            self._collect(work, outcome)
        elif isinstance(outcome, Unchanged):
            self.tally.unchanged += 1
        elif outcome.kind == "passing" and work.attempts <= self._retries:
            self.tally.retries += 1
            due = time.monotonic() + BACK_OFF * 2 ** (work.attempts - 1)
            heapq.heappush(self._later, (due, id(work), work))
        elif outcome.kind == "full":
            self.ending = outcome.error
        elif outcome.kind == "whole":
            self._forget(work.item)
            self._ready.append(_Work(work.item, Whole(work.task.clip)))
        else:
            self._fail(work, outcome)

    def _collect(self, work: _Work, encoded: Encoded) -> None:
        parts = self._parts[work.item.name]
        if self._write("part", work, **dataclasses.asdict(encoded)):
            parts.encoded[encoded.number] = encoded
            if len(parts.encoded) == len(parts.split.starts):
                self._ready.appendleft(_Work(work.item, parts.join()))

    def _forget(self, item: Item) -> None:
        """Drop a clip's parts, those not begun included."""
        parts = self._parts.pop(item.name, None)
        if parts is not None:
            self._ready = deque(work for work in self._ready if work.item != item)
            self._later = [one for one in self._later if one[2].item != item]
            heapq.heapify(self._later)
            shutil.rmtree(parts.folder, ignore_errors=True)

    def _finish(self, work: _Work, done: Done) -> None:
        self._parts.pop(work.item.name, None)
        known = {"source": work.item.source, "settings": self._digest, **dataclasses.asdict(done)}
        if self._write("done", work, **known):
            self.tally.done += 1
            self.tally.frames += done.frames
            self.tally.work += done.seconds
            self.tally.warned += bool(done.warnings)
            self.tally.split += done.split > 1

    def _fail(self, work: _Work, trouble: Trouble) -> None:
        self._forget(work.item)
        source, tries = work.item.source, work.attempts
        told = {"source": source, "error": trouble.error, "kind": trouble.kind, "attempts": tries}
        if self._write("failed", work, **told):
            self.failures.append(Failure(source, trouble.error, tries))

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


def _absolute_folder(out: str) -> str:
    return out if store.is_address(out) else str(Path(out).absolute())


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


def _team(workers: int | None, ray: str | None) -> Workers:
    if workers is not None and workers < 1:
        raise OptionError(f"workers must be at least 1, not {workers}")
    if ray is None:
        return Processes(workers or usual_count())
    from livematte.cluster import Cluster

    return Cluster(ray, workers)
