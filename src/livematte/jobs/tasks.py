"""The pieces of work that a worker does, and what it tells of them; all can be sent to another machine."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import json
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from livematte.errors import LivematteError
from livematte.jobs import store
from livematte.media import Options
from livematte.scene import Style

_FULL = ("ENOSPC", "EDQUOT")
_PASSING = ("ETIMEDOUT", "ESTALE")
"""What folders on a network say on a bad day."""


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
    """A piece of work came to nothing.

    kind: a mistake stays one; passing trouble is worth another try; a full disk ends the batch; whole: the
    clip cannot be done in parts; foreign: the result's place is taken by what is not to be replaced.
    """

    kind: Literal["mistake", "passing", "full", "whole", "foreign"]
    error: str


Outcome: TypeAlias = Any
"""What comes of a task: Done, Unchanged, Trouble, or what the tasks of `split` give."""

Task: TypeAlias = Callable[[], Outcome]
"""A piece of work, callable wherever it was sent."""


def perform(task: Task) -> Outcome:
    """Do a piece of work; whatever goes wrong with it is told, not raised."""
    try:
        return task()
    except (LivematteError, OSError) as error:
        return Trouble(_kind(error), str(error))
    except Exception as error:
        # a fault of ours: one clip must not stop the others
        where = traceback.extract_tb(error.__traceback__)[-1]
        return Trouble(
            "mistake", f"{type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})"
        )


def _kind(error: BaseException) -> Literal["mistake", "passing", "full"]:
    if _is_due_to(error, _FULL):
        return "full"
    passing = isinstance(error, store.StoreError) or _is_due_to(error, _PASSING)
    return "passing" if passing else "mistake"


def _is_due_to(error: BaseException | None, names: tuple[str, ...]) -> bool:
    """Whether an error, or what caused it, is one that the system calls by one of these names."""
    while error is not None:
        if isinstance(error, OSError) and errno.errorcode.get(error.errno or 0) in names:
            return True
        error = error.__cause__
    return False
