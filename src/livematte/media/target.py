"""Where a video goes: a file, numbered pictures, or standard output."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from os import fspath
from pathlib import Path

from livematte.errors import OptionError, OutputError
from livematte.media.codecs import CONTAINERS, SEQUENCE, STREAMED, Container
from livematte.media.output import check_target, whole_file, writing
from livematte.media.source import AnyPath
from livematte.media.temporary import temporary_beside

STANDARD_OUTPUT = "-"

_NUMBER = re.compile(r"%0?\d*d")
_STREAM = "matroska"


@dataclass(frozen=True)
class Target:
    """A place to write to; path: the file or the pattern of numbered pictures, None for standard output."""

    path: Path | None
    container: Container

    def whole(self) -> AbstractContextManager[str]:
        """Yield where to write; what is there takes its name when the block ends without an error."""
        if self.path is None:
            return _pipe()
        return _whole_sequence(self.path) if self.container is SEQUENCE else _whole_file(self.path)


def find_target(
    target: AnyPath,
    container: str | None = None,
    *,
    source: Path | None = None,
    overwrite: bool = True,
) -> Target:
    """The place that a name stands for. Raises OutputError or OptionError where it cannot be written.

    container: what standard output gets; source: a file that must not be overwritten.
    """
    name = fspath(target)
    if name == STANDARD_OUTPUT:
        if container not in (None, *STREAMED):
            raise OptionError(f"container is one of {', '.join(STREAMED)}, not {container!r}")
        return Target(None, STREAMED[container or _STREAM])
    if container is not None:
        raise OptionError("container is for standard output (-) only; a file's name says what it is")
    path = Path(name)
    if path.suffix.lower() == ".png" and _NUMBER.search(path.name):
        _check_sequence(path, overwrite)
        return Target(path, SEQUENCE)
    check_target(path, CONTAINERS, source=source, overwrite=overwrite)
    return Target(path, CONTAINERS[path.suffix.lower()])


@contextmanager
def _whole_file(path: Path) -> Iterator[str]:
    with whole_file(path) as temporary:
        yield str(temporary)


@contextmanager
def _pipe() -> Iterator[str]:
    yield "pipe:1"


def _check_sequence(pattern: Path, overwrite: bool) -> None:
    folder = pattern.parent
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} is a file; name a folder for the pictures")
    if not folder.exists() and not folder.absolute().parent.is_dir():
        raise OutputError(f"{pattern}: the folder {folder.parent} does not exist; make it first")
    parent = folder if folder.exists() else folder.absolute().parent
    if not os.access(parent, os.W_OK | os.X_OK):
        raise OutputError(f"{pattern}: the folder {parent} is not writable; choose another one")
    if not overwrite and _numbered(pattern):
        raise OutputError(f"{pattern}: such pictures exist already; remove them or allow overwriting")


def _numbered(pattern: Path) -> list[Path]:
    before, after = _NUMBER.split(pattern.name, maxsplit=1)
    one = re.compile(re.escape(before) + r"\d+" + re.escape(after))
    folder = pattern.parent
    return [path for path in folder.iterdir() if one.fullmatch(path.name)] if folder.is_dir() else []


@contextmanager
def _whole_sequence(pattern: Path) -> Iterator[str]:
    """Pictures are written into a hidden folder beside their own and moved when all are there."""
    folder = pattern.parent.absolute()
    with ExitStack() as stack:
        with writing(str(pattern)):
            hidden = stack.enter_context(temporary_beside(folder, folder=True))
        yield str(hidden / pattern.name)
        with writing(str(pattern)):
            folder.mkdir(exist_ok=True)
            for old in _numbered(pattern):
                old.unlink()
            for picture in sorted(hidden.iterdir()):
                picture.replace(folder / picture.name)
