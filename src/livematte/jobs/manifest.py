"""What a batch has done, line by line in a file that only grows: the one thing that survives any end.

Each line is a JSON object. A line is on the disk before what it announces begins and after what it reports
has its name, so that whatever kills a batch, the next run knows what is whole. Keys: `state`, `result` (its
name below the folder of results), `at` (UTC), and by state:

begun      source, attempt
done       source, fingerprint, settings, bytes, frames, seconds, split, warnings
failed     source, error, kind, attempts
parts      settings, fingerprint, starts: the clip is split there
part       number, and what its worker told of it
settings   settings (a digest) and what it stands for
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from io import BufferedReader, FileIO
from pathlib import Path
from typing import Any, Self

from livematte.errors import OutputError
from livematte.jobs.split import Encoded

if sys.platform != "win32":
    import fcntl

NAME = "livematte-batch.jsonl"
"""Of the manifest in a folder of results."""

_KIND = "livematte batch"


@dataclass(slots=True)
class Entry:
    """What is known of one result.

    source: of what has its name, empty where that is not ours; parts: of a clip that was split, by number.
    """

    state: str
    source: str = ""
    fingerprint: str = ""
    settings: str = ""
    bytes: int = -1
    starts: list[str] | None = None
    parts: dict[int, Encoded] = field(default_factory=dict)


class Manifest:
    """An open manifest, which no other batch can open meanwhile.

    entries: by result, of this and earlier runs. Where the system has no locks on files (Windows, some
    network folders) two batches are not kept apart.
    """

    def __init__(self, path: Path) -> None:
        """Open it, or begin it. Raises OutputError: in use, not a manifest, not writable."""
        self.path = path
        self.entries: dict[str, Entry] = {}
        self._known: set[str] = set()
        try:
            self._file = path.open("a+b", buffering=0)
        except OSError as error:
            raise OutputError(f"cannot write the manifest {path}: {error.strerror}") from error
        try:
            self._lock()
            self._read()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()

    def add(self, state: str, result: str, **more: Any) -> None:
        """Write one line down to the disk. Raises OutputError; the file then is as it was."""
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = {"state": state, "result": result, "at": at, **more}
        self._write(line)
        self._note(line)

    def add_settings(self, digest: str, meaning: dict[str, Any]) -> None:
        """Say once what a digest of settings stands for."""
        if digest not in self._known:
            self._write({"state": "settings", "settings": digest, **meaning})
            self._known.add(digest)

    def _write(self, line: dict[str, Any]) -> None:
        content = json.dumps(line, ensure_ascii=False).encode() + b"\n"
        end = self._file.seek(0, os.SEEK_END)
        try:
            if self._file.write(content) != len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(self._file.fileno())
        except OSError as error:
            with contextlib.suppress(OSError):
                self._file.truncate(end)
            raise OutputError(f"cannot write the manifest {self.path}: {error.strerror}") from error

    def _lock(self) -> None:
        if sys.platform == "win32":
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OutputError(
                f"another batch is at work on {self.path.parent} (it holds {self.path.name}); wait for its "
                "end, or choose another folder with --out"
            ) from None
        except OSError:  # no locks on this file system
            return

    def _read(self) -> None:
        whole = 0
        self._file.seek(0)
        for content in BufferedReader(FileIO(self._file.fileno(), closefd=False)):
            if not content.endswith(b"\n"):  # whoever wrote it died over it
                self._file.truncate(whole)
                break
            line = json_object(content)
            if not whole and line.get("kind") != _KIND:
                raise OutputError(
                    f"{self.path} is no manifest of a batch; move it away or choose another name"
                )
            whole += len(content)
            self._note(line)
        if not whole:
            self._write({"state": "new", "kind": _KIND, "host": platform.node()})

    def _note(self, line: dict[str, Any]) -> None:
        state, result = line.get("state"), line.get("result")
        if state == "settings":
            self._known.add(line["settings"])
        if not isinstance(result, str):
            return
        entry = self.entries.setdefault(result, Entry("begun"))
        if state == "part":
            told = {one.name: line[one.name] for one in fields(Encoded)}
            entry.parts[line["number"]] = Encoded(**told | {"warnings": tuple(line["warnings"])})
        elif state == "parts":
            known = entry.source, line["fingerprint"], line["settings"]
            self.entries[result] = Entry("begun", *known, starts=line["starts"])
        elif state == "begun":
            entry.state, entry.source = "begun", line["source"]
        elif state == "done":
            known = line["source"], line["fingerprint"], line["settings"]
            self.entries[result] = Entry("done", *known, line["bytes"])
        elif state == "failed":
            entry.state = "failed"
            if line.get("kind") == "foreign":
                entry.source = ""


def read_manifest(path: Path) -> Iterator[dict[str, Any]]:
    """The whole lines of a manifest, as they were written."""
    return (line for line in map(json_object, path.read_bytes().split(b"\n")) if line)


def json_object(line: bytes) -> dict[str, Any]:
    """The object of a line; empty where the line is torn."""
    with contextlib.suppress(ValueError):
        found = json.loads(line)
        if isinstance(found, dict):
            return found
    return {}
