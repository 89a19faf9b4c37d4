"""Files by path or address: the same few things asked of a disk and, through fsspec, of an object store."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from glob import iglob
from pathlib import Path
from typing import Any

from livematte.errors import InputError, LivematteError, MissingExtraError

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_ENDLESS = ("rtsp", "rtsps", "rtmp", "rtmps", "srt", "tcp", "udp")
_WHOLE_OR_NOT = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oss")
"""Stores in which an object appears under its name only when all of it is there."""

_TELLS_CHANGE = ("ETag", "etag", "md5Hash", "checksum", "mtime", "LastModified", "last_modified", "created")
_MISTAKES = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError, ValueError)


class StoreError(LivematteError):
    """A store did not do what it should; trying again may help."""


def is_address(name: str) -> bool:
    """Whether a name is an address in a store, as s3://bucket/clip.mp4, not a path."""
    return _ADDRESS.match(name) is not None


def listing(name: str, *, pattern: bool = False) -> list[str]:
    """All files below a folder, or those that match a pattern (*, ?, **), in order. Raises InputError."""
    if not is_address(name):
        return sorted(_matching(name) if pattern else _below(Path(name)))
    with _asking(name) as (system, path):
        found = system.glob(path) if pattern else system.find(path)
        kept = [one for one in found if not pattern or system.isfile(one)]
        return sorted(system.unstrip_protocol(one) for one in kept)


def is_folder(name: str) -> bool:
    """Whether a name is that of a folder."""
    if not is_address(name):
        return Path(name).is_dir()
    with _asking(name) as (system, path):
        return bool(system.isdir(path))


def size(name: str) -> int | None:
    """How many bytes a file has, None where there is none."""
    if not is_address(name):
        return Path(name).stat().st_size if Path(name).is_file() else None
    with _asking(name) as (system, path):
        return int(system.size(path)) if system.isfile(path) else None


def fingerprint(name: str) -> str:
    """What changes when a file does: size, and time or what its store says of it. Raises InputError."""
    if not is_address(name):
        try:
            found = Path(name).stat()
        except OSError as error:
            raise InputError(f"{name} cannot be read: {error.strerror}") from error
        return f"{found.st_size} {found.st_mtime_ns}"
    with _asking(name) as (system, path):
        told = system.info(path)
        return " ".join([str(told.get("size")), *(str(told[key]) for key in _TELLS_CHANGE if told.get(key))])


def fetch(name: str, folder: Path) -> Path:
    """Copy a file out of a store. Raises InputError or StoreError."""
    path = folder / name.rpartition("/")[2]
    with _asking(name) as (system, there):
        system.get_file(there, str(path))
    return path


def put(path: Path, name: str) -> None:
    """Copy a file into a store, where it appears whole or not at all. Raises InputError or StoreError."""
    with _asking(name) as (system, there):
        protocols = {system.protocol} if isinstance(system.protocol, str) else set(system.protocol)
        if protocols & set(_WHOLE_OR_NOT):
            system.put_file(str(path), there)
            return
        folder, _, last = there.rpartition("/")
        system.makedirs(folder, exist_ok=True)
        unfinished = f"{folder}/.livematte-{secrets.token_hex(6)}-{last}"
        try:
            system.put_file(str(path), unfinished)
            system.mv(unfinished, there)
        except BaseException:
            if system.exists(unfinished):
                system.rm_file(unfinished)
            raise


def settle(path: Path) -> None:
    """Have a file and its name on the disk, not in memory alone. Raises OSError."""
    with path.open("r+b") as file:
        os.fsync(file.fileno())
    if os.name != "nt":  # where a folder cannot be opened
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@contextmanager
def _asking(name: str) -> Iterator[tuple[Any, str]]:
    """The file system of an address and the path in it; what goes wrong is an InputError or may pass."""
    protocol = name.partition(":")[0].lower()
    if protocol in _ENDLESS:
        raise InputError(f"{name} is a live stream; a batch is for clips that end")
    try:
        from fsspec.core import url_to_fs
    except ModuleNotFoundError:
        raise MissingExtraError(f"{protocol}://", "store") from None
    try:
        yield url_to_fs(name)
    except LivematteError:
        raise
    except ImportError as error:  # fsspec names the package of the store
        raise InputError(f"{name}: {error}") from error
    except _MISTAKES as error:
        raise InputError(f"{name}: {_said(error)}") from error
    except Exception as error:
        # stores raise what their libraries raise: time-outs and refusals of many names
        raise StoreError(f"{name}: {type(error).__name__}: {_said(error)}") from error


def _said(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "does not exist"
    return str(error).strip() or "no reason given"


def _matching(pattern: str) -> Iterator[str]:
    return (name for name in iglob(pattern, recursive=True) if Path(name).is_file())  # noqa: PTH207


def _below(folder: Path) -> Iterator[str]:
    for parent, folders, names in os.walk(folder):
        folders[:] = [one for one in folders if not one.startswith(".")]
        yield from (os.path.join(parent, name) for name in names if not name.startswith("."))  # noqa: PTH118
