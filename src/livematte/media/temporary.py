"""Hidden files and folders beside their target, and the removal of those whose process is dead.

A living process holds an advisory lock (flock) on what it made, which the kernel releases at its death,
however it died: what can be locked has no owner. The name carries the host, for on a shared folder another
host may not see the lock. Where there are no such locks (Windows, some file systems) leftovers stay.
"""

from __future__ import annotations

import contextlib
import os
import platform
import re
import secrets
import shutil
import stat
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

if sys.platform != "win32":
    import fcntl

_PREFIX = f".livematte-{zlib.crc32(platform.node().encode()):08x}-"
_NAME = re.compile(re.escape(_PREFIX) + r"[0-9a-f]{12}(\.\w+)?")


@contextlib.contextmanager
def temporary_beside(target: Path, *, folder: bool = False) -> Iterator[Path]:
    """Yield a hidden path in the folder of `target`; what still has that name in the end is deleted.

    folder: make a folder, not an empty file. What dead processes of this host left there is deleted first.
    Raises OSError.
    """
    _sweep(target.parent)
    path, lock = _claim(target, folder)
    try:
        yield path
    finally:
        _remove(path)
        if lock is not None:
            os.close(lock)


def _claim(target: Path, folder: bool) -> tuple[Path, int | None]:
    """Something new, and the descriptor that holds the lock on it."""
    while True:
        path = target.with_name(_PREFIX + secrets.token_hex(6))
        if folder:
            path.mkdir()
        else:
            path = path.with_suffix(target.suffix)
            path.touch(exist_ok=False)
        if sys.platform == "win32":
            return path, None
        try:
            lock = _open(path)
        except FileNotFoundError:  # a sweep was quicker
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # a sweep is at it
            os.close(lock)
            continue
        except OSError:  # no locks on this file system, and so no sweep either
            return path, lock
        if _is_named(path, lock):
            return path, lock
        os.close(lock)


def _sweep(folder: Path) -> None:
    with contextlib.suppress(OSError):
        for path in [path for path in folder.iterdir() if _NAME.fullmatch(path.name)]:
            with contextlib.suppress(OSError):
                _remove_if_dead(path)


def _remove_if_dead(path: Path) -> None:
    if sys.platform == "win32":
        return
    lock = _open(path)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_named(path, lock):
            _remove(path)
    finally:
        os.close(lock)


def _open(path: Path) -> int:
    """A descriptor that can be locked; some network file systems want to write what they lock."""
    careful = os.O_NOFOLLOW | os.O_NONBLOCK  # a link or a pipe of that name is not ours
    try:
        return os.open(path, os.O_RDWR | careful)
    except IsADirectoryError:
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | careful)


def _is_named(path: Path, descriptor: int) -> bool:
    """Whether what is open is a regular file or a folder and still has this name."""
    try:
        named, opened = path.lstat(), os.fstat(descriptor)
    except FileNotFoundError:
        return False
    kept = stat.S_ISREG(opened.st_mode) or stat.S_ISDIR(opened.st_mode)
    return kept and os.path.samestat(named, opened)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
