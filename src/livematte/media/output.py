"""Results that appear whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import av

from livematte.errors import OutputError
from livematte.media.temporary import temporary_beside


def check_target(
    path: Path, suffixes: Collection[str], *, source: Path | None = None, overwrite: bool = True
) -> None:
    """Refuse a target that could not be written, before any work is done.

    suffixes: lower case, with the dot; source: a file that must not be overwritten.
    Raises OutputError.
    """
    if path.is_dir():
        raise OutputError(f"{path} is a folder; name a file in it")
    if path.exists() and not path.is_file():  # renaming would put a file in the place of a device
        raise OutputError(f"{path} is a device or a pipe, not a file; name a file")
    if path.suffix.lower() not in suffixes:
        *most, last = sorted(suffixes)
        raise OutputError(
            f"{path}: cannot write this kind of file; end its name in {', '.join(most)} or {last}"
        )
    folder = path.parent
    if not folder.is_dir():
        raise OutputError(f"{path}: the folder {folder} does not exist; make it first")
    if source is not None and path.exists() and source.exists() and path.samefile(source):
        raise OutputError(f"{path} is the input itself; give the result another name")
    if path.exists() and not overwrite:
        raise OutputError(f"{path} exists already; remove it or allow overwriting")
    if path.exists() and not os.access(path, os.W_OK):
        raise OutputError(f"{path} is write-protected; give the result another name")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"{path}: the folder {folder} is not writable; choose another one")


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a hidden temporary path beside `path`; it takes that name when the block ends without an error.

    On any exception, Ctrl-C included, the temporary file is deleted and `path` left as it was; one that a
    killed process left in the folder is deleted too.
    A symbolic link is followed: the file that it points to is replaced, the link stays.
    """
    target = path.resolve()
    with ExitStack() as stack:
        with writing(path):
            temporary = stack.enter_context(temporary_beside(target))
        yield temporary
        with writing(path):
            temporary.replace(target)


@contextmanager
def writing(path: Path | str) -> Iterator[None]:
    """Turn what goes wrong while a file is written (disk full, encoder refused) into an OutputError."""
    try:
        yield
    except (OSError, av.FFmpegError) as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
