"""Files of a format, in a folder or a zip file, read and written alike."""

from __future__ import annotations

import zipfile
import zlib
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from types import TracebackType

from livematte.dataset.index import is_inside
from livematte.dataset.write import check_new_folder, new_folder
from livematte.errors import InputError
from livematte.media.output import check_target, whole_file, writing

UNREADABLE = (OSError, KeyError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError)
"""What reading a file, or a member of a zip file that is damaged, encrypted or odd, may raise."""

MOST_BYTES = 1 << 30
"""Of one file in a zip file, unpacked."""

PICTURES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})


class Files:
    """Reads the files of a folder, a zip file, or the folder around a single file.

    Names are relative, with /. A zip file that names a file outside itself is refused as a whole; nothing is
    ever unpacked to the disk.
    """

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise InputError(f"{path} does not exist")
        self.path = path
        self._zip = self._open(path) if path.is_file() and zipfile.is_zipfile(path) else None
        self._root = path.parent if path.is_file() else path
        self.names = sorted(self._found())
        self._by_last: dict[str, list[str]] = defaultdict(list)
        for name in self.names:
            self._by_last[PurePosixPath(name).name].append(name)

    def __enter__(self) -> Files:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._zip is not None:
            self._zip.close()

    @property
    def is_zip(self) -> bool:
        """Whether the names are those in a zip file."""
        return self._zip is not None

    @staticmethod
    def _open(path: Path) -> zipfile.ZipFile:
        try:
            archive = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile) as error:
            raise InputError(f"{path}: {error}") from None
        for member in archive.infolist():
            if not is_inside(member.filename):
                raise InputError(f"{path}: names {member.filename!r}, a file outside of itself")
            if member.file_size > MOST_BYTES:
                raise InputError(f"{path}: {member.filename} is larger than {MOST_BYTES >> 30} GiB unpacked")
        return archive

    def _found(self) -> Iterator[str]:
        if self._zip is not None:
            return (member.filename for member in self._zip.infolist() if not member.is_dir())
        if self.path.is_file():
            return iter([self.path.name])
        return (path.relative_to(self._root).as_posix() for path in self._root.rglob("*") if path.is_file())

    def where(self, name: str) -> str:
        """What a file is called in messages."""
        return f"{self.path}: {name}" if self._zip is not None else str(self._root / name)

    def read(self, name: str) -> bytes:
        """The bytes of a file. Raises InputError."""
        if not is_inside(name):
            raise InputError(f"{self.path}: {name!r} is outside of it")
        try:
            return self._zip.read(name) if self._zip is not None else (self._root / name).read_bytes()
        except UNREADABLE as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise InputError(f"{self.where(name)}: {why}") from None

    def ending(self, *suffixes: str, under: str = "") -> list[str]:
        """The names with one of these suffixes, below a folder where one is given."""
        return [
            name
            for name in self.names
            if PurePosixPath(name).suffix.lower() in suffixes and (not under or name.startswith(f"{under}/"))
        ]

    def find(self, name: str, *, loose: bool = True) -> str | None:
        """The file that a format means by a name: the path, its end, or, if loose, one of the same last part.

        Raises InputError where several different files may be meant.
        """
        name = name.replace("\\", "/")
        found = self._by_last.get(PurePosixPath(name).name, [])
        if name in found:
            return name
        best = [one for one in found if one.endswith(f"/{name}")] or (found if loose else [])
        if len(best) > 1 and any(self.read(one) != self.read(best[0]) for one in best[1:]):
            raise InputError(f"{self.path}: {name!r} may be {' or '.join(best[:3])}")
        return best[0] if best else None


class Sink:
    """Writes the files of a format."""

    def __init__(self, target: Path | zipfile.ZipFile) -> None:
        self._target = target

    def write(self, name: str, data: bytes | str) -> None:
        """Add a file under a relative name."""
        content = data.encode() if isinstance(data, str) else data
        if isinstance(self._target, zipfile.ZipFile):
            self._target.writestr(name, content)
            return
        path = self._target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


@contextmanager
def sink(out: Path) -> Iterator[Sink]:
    """A new folder, or a zip file where `out` ends in .zip, that appears whole or not at all."""
    if out.suffix.lower() != ".zip":
        with new_folder(out) as folder:
            yield Sink(folder)
        return
    check_target(out, {".zip"}, overwrite=False)
    with (
        whole_file(out) as temporary,
        writing(out),
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        yield Sink(archive)


def check_sink(out: Path) -> None:
    """Refuse a target that `sink` could not write, before any work is done. Raises OutputError."""
    if out.suffix.lower() == ".zip":
        check_target(out, {".zip"}, overwrite=False)
    else:
        check_new_folder(out)
