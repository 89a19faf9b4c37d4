"""The pieces of work that a worker does, and what it tells of them; all can be sent to another machine."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import hashlib
import json
import os
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from livematte.errors import InputError, LivematteError, OutputError
from livematte.jobs import store
from livematte.media import Options
from livematte.media.temporary import temporary_beside
from livematte.scene import Style


@dataclass(frozen=True, slots=True)
class Settings:
    """How every clip of a batch is done: the arguments of `replace`, paths absolute."""

    background: str | None = None
    look: str | None = None
    style: Style = field(default_factory=Style)
    options: Options = field(default_factory=Options)
    network: str = "best"

    def as_dict(self) -> dict[str, Any]:
        """All that the pictures depend on, for JSON; files by what tells that they changed."""
        plain = dataclasses.asdict(self)
        plain["options"].pop("overwrite")
        for name in (self.background, self.network, self.options.audio):
            if name is not None and Path(name).is_file():
                plain.setdefault("files", {})[name] = store.fingerprint(name)
        return plain

    @property
    def digest(self) -> str:
        """A short name for exactly these settings."""
        return hashlib.sha256(json.dumps(self.as_dict(), sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Clip:
    """One input and its result.

    ours: whether what has the result's name already may be replaced.
    """

    source: str
    target: str
    settings: Settings
    ours: bool

    @property
    def remote(self) -> bool:
        """Whether a store has to be asked for the input or the result."""
        return store.is_address(self.source) or store.is_address(self.target)


@dataclass(frozen=True, slots=True)
class Done:
    """A result is whole under its name.

    fingerprint: of the input before it was read; bytes: of the result; frames: written;
    seconds: of work, all parts together; split: into how many parts.
    """

    fingerprint: str
    bytes: int
    frames: int
    seconds: float
    warnings: tuple[str, ...] = ()
    split: int = 1


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The result was there already."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A piece of work came to nothing: passing trouble is worth another try, a full disk ends the batch."""

    kind: Literal["mistake", "passing", "full"]
    error: str


Outcome: TypeAlias = Done | Unchanged | Trouble
"""What comes of a task."""

Task: TypeAlias = Callable[[], Outcome]
"""A piece of work, callable wherever it was sent."""


def perform(task: Task) -> Outcome:
    """Do a piece of work; whatever goes wrong with it is told, not raised."""
    try:
        return task()
    except store.StoreError as error:
        return Trouble("passing", str(error))
    except (LivematteError, OSError) as error:
        return Trouble("full" if _is_full(error) else "mistake", str(error))
    except Exception as error:
        # a fault of ours: one clip must not stop the others
        where = traceback.extract_tb(error.__traceback__)[-1]
        return Trouble(
            "mistake", f"{type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})"
        )


@dataclass(frozen=True, slots=True)
class Whole:
    """Do a clip or photo from beginning to end.

    known: the fingerprint of its input and the bytes of its result when it was done, if it was.
    """

    clip: Clip
    known: tuple[str, int] | None = None

    def is_needless(self) -> bool:
        """Whether the input is as it was and the result is there."""
        with contextlib.suppress(InputError):
            clip = self.clip
            return self.known == (store.fingerprint(clip.source), store.size(clip.target))
        return False

    def __call__(self) -> Done | Unchanged:
        """Read, replace, write. Raises what `replace` raises, and StoreError."""
        if self.known and self.is_needless():
            return Unchanged()
        from livematte.pipeline import replace

        begin, clip = time.perf_counter(), self.clip
        refuse_foreign(clip)
        fingerprint = store.fingerprint(clip.source)
        settings = clip.settings
        with at_hand(clip) as (source, target):
            report = replace(
                source,
                target,
                settings.background,
                look=settings.look,
                style=settings.style,
                options=dataclasses.replace(settings.options, overwrite=True),
                network=settings.network,
                threads=1,
                codec_threads=1,
            )
            return Done(
                fingerprint,
                Path(target).stat().st_size,
                report.frames_out,
                time.perf_counter() - begin,
                report.warnings,
            )


def refuse_foreign(clip: Clip) -> None:
    """Refuse to replace what this batch did not write. Raises OutputError."""
    if not clip.ours and store.size(clip.target) is not None:
        raise OutputError(
            f"{clip.target} exists already, and this batch did not write it; remove it or allow overwriting"
        )


@contextlib.contextmanager
def at_hand(clip: Clip) -> Iterator[tuple[str, str]]:
    """Paths of the input and for the result on this machine; a result for a store goes there in the end."""
    with scratch() as folder:
        source, target = clip.source, clip.target
        if store.is_address(source):
            source = str(store.fetch(source, folder))
        if store.is_address(target):
            (folder / "result").mkdir()
            target = str(folder / "result" / clip.target.rpartition("/")[2])
        else:
            Path(target).parent.mkdir(parents=True, exist_ok=True)
        yield source, target
        if target != clip.target:
            store.put(Path(target), clip.target)


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A folder for one piece of work; what a killed worker left is deleted by the next."""
    with temporary_beside(Path(tempfile.gettempdir()) / "batch", folder=True) as folder:
        yield folder


def _is_full(error: BaseException | None) -> bool:
    full = (errno.ENOSPC, errno.EDQUOT) if os.name != "nt" else (errno.ENOSPC,)
    while error is not None:
        if isinstance(error, OSError) and error.errno in full:
            return True
        error = error.__cause__
    return False
