"""Hidden files beside their target, and the removal of those whose process is dead.

A living process holds an advisory lock (flock) on its file, which the kernel releases at its death, however
it died: a file that can be locked has no owner. Its name carries the host, for on a shared folder another
host may not see the lock. Where there are no such locks (Windows, some file systems) leftovers stay.
"""

from __future__ import annotations

import contextlib
import os
import platform
import re
import secrets
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
def temporary_beside(target: Path) -> Iterator[Path]:
    """Yield the path of a hidden file in the folder of `target`; what still has that name later is deleted.

    Files that dead processes of this host left in the folder are deleted first. Raises OSError.
    """
    _sweep(target.parent)
    path, lock = _claim(target)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
        if lock is not None:
            os.close(lock)


def _claim(target: Path) -> tuple[Path, int | None]:
    """A new name, and the descriptor that holds the lock on the empty file of that name."""
    while True:
        path = target.with_name(f"{_PREFIX}{secrets.token_hex(6)}{target.suffix}")
        if sys.platform == "win32":
            return path, None
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # a sweep was quicker and deletes it
            os.close(lock)
            continue
        except OSError:  # no locks on this file system, and so no sweep either
            return path, lock
        if _is_named(path, lock):
            return path, lock
        os.close(lock)


def _sweep(folder: Path) -> None:
    if sys.platform == "win32":
        return
    with contextlib.suppress(OSError):
        for path in [path for path in folder.iterdir() if _NAME.fullmatch(path.name)]:
            with contextlib.suppress(OSError):
                _remove_if_dead(path)


def _remove_if_dead(path: Path) -> None:
    if sys.platform == "win32":
        return
    # a link or a pipe of that name is not ours
    lock = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_named(path, lock):
            path.unlink()
    finally:
        os.close(lock)


def _is_named(path: Path, descriptor: int) -> bool:
    """Whether the open file is a regular one and still has this name."""
    try:
        named, opened = path.lstat(), os.fstat(descriptor)
    except FileNotFoundError:
        return False
    return stat.S_ISREG(opened.st_mode) and os.path.samestat(named, opened)
