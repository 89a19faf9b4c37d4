"""What a batch is to work on, and what each result is called."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from itertools import takewhile
from os import PathLike, fspath
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from livematte.errors import InputError, OptionError
from livematte.jobs.store import is_address, is_folder, listing
from livematte.media import CONTAINERS, PHOTOS, WRITTEN_PHOTOS

LISTS = (".txt", ".lst")
"""Ends of the name of a file that lists clips, one a line."""

_VIDEOS = frozenset(CONTAINERS) | frozenset(
    {".avi", ".mpg", ".mpeg", ".m2v", ".ts", ".mts", ".m2ts", ".wmv", ".flv", ".3gp", ".ogv", ".vob", ".dv"}
)
_WILD = re.compile(r"[*?\[]")
_WILD_IN_STORE = re.compile(r"\*")
"""What makes a pattern: addresses may hold the other characters."""


class Item(NamedTuple):
    """A clip or photo, and the name of its result below the folder of results."""

    source: str
    name: str


def find_items(
    inputs: Sequence[str | PathLike[str]], out: str, *, suffix: str | None = None, transparent: bool = False
) -> list[Item]:
    """All that the inputs stand for, the results named as in the tree that they come from.

    inputs: files, folders, patterns, lists (.txt, .lst) or addresses; of a folder videos and photos count.
    out: the folder of results, whose own content is no input; suffix: of every video's result;
    transparent: whether results hold alpha. Raises InputError or OptionError: nothing found, two results of
    one name, a result in the place of an input.
    """
    if suffix is not None and suffix not in CONTAINERS:
        raise OptionError(f"suffix is one of {', '.join(CONTAINERS)}, not {suffix!r}")
    if suffix is not None and transparent and CONTAINERS[suffix].alpha is None:
        able = ", ".join(end for end, one in CONTAINERS.items() if one.alpha)
        raise OptionError(f"{suffix} holds no transparency; {able} do")
    pairs = dict.fromkeys(pair for one in inputs for pair in _found(fspath(one), out))
    items = [Item(source, _named(name, suffix, transparent)) for source, name in pairs]
    if not items:
        raise InputError("there is no video and no photo in " + ", ".join(str(one) for one in inputs))
    _refuse_collisions(items, out)
    return items


def place(out: str, name: str) -> str:
    """Where a result of a name goes."""
    return f"{out.rstrip('/')}/{name}" if is_address(out) else str(Path(out) / name)


def _found(one: str, out: str) -> list[tuple[str, str]]:
    """Sources, each with its place in the tree."""
    local = not is_address(one)
    if local and Path(one).is_file():
        if Path(one).suffix.lower() in LISTS:
            return _listed(Path(one))
        return [(str(Path(one).absolute()), Path(one).name)]
    wild = (_WILD if local else _WILD_IN_STORE).search(one)
    if (local or not (wild or _is_media(one))) and is_folder(one):
        base, found = one.rstrip("/"), [name for name in listing(one) if _is_media(name)]
    elif wild:
        base, found = one[: wild.start()].rpartition("/")[0], listing(one, pattern=True)
        if not found:
            raise InputError(f"nothing matches {one}")
    elif local:
        raise InputError(f"{one} does not exist")
    else:
        return [(one, one.rpartition("/")[2])]
    base, results = _absolute(base) + "/", _absolute(out) + "/"
    sources = [_absolute(name) for name in found]
    if results != base and results.startswith(base):  # what earlier runs wrote
        sources = [source for source in sources if not source.startswith(results)]
    return [(source, _below(source, base)) for source in sources]


def _listed(path: Path) -> list[tuple[str, str]]:
    """What a list names; a path in it begins at the folder of the list."""
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is no list of clips: {error}") from error
    named = [line for line in lines if line and not line.startswith("#")]
    sources = [line if is_address(line) else _absolute(str(path.parent / line)) for line in named]
    if not sources:
        raise InputError(f"{path} lists no clip")
    folders = {source.rpartition("/")[0] for source in sources}
    base = _common(folders)
    return [(source, _below(source, base)) for source in sources]


def _common(folders: Iterable[str]) -> str:
    """The longest path that all begin with."""
    levels = zip(*(folder.split("/") for folder in folders), strict=False)
    return "/".join(level[0] for level in takewhile(lambda level: len(set(level)) == 1, levels))


def _below(source: str, base: str) -> str:
    name = source.removeprefix(base).lstrip("/") if base else source
    return name.replace("://", "/").lstrip("/")


def _absolute(name: str) -> str:
    if is_address(name):
        return name.rstrip("/")
    return Path(os.path.abspath(name)).as_posix()  # noqa: PTH100 (links stay)


def _is_media(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in _VIDEOS | PHOTOS


def _named(name: str, suffix: str | None, transparent: bool) -> str:
    """The name of a result: its suffix is the source's where it can be written."""
    path = PurePosixPath(name)
    old = path.suffix.lower()
    if old in PHOTOS:
        able = {".png", ".webp"} if transparent else WRITTEN_PHOTOS
        return name if old in able else str(path.with_suffix(".png"))
    if suffix is not None:
        return str(path.with_suffix(suffix))
    writable = [end for end, one in CONTAINERS.items() if one.alpha or not transparent]
    return name if old in writable else str(path.with_suffix(".mov" if transparent else ".mp4"))


def _refuse_collisions(items: Sequence[Item], out: str) -> None:
    """Two inputs of one result, or a result that would replace an input."""
    sources = {item.source for item in items}
    taken: dict[str, str] = {}
    for item in items:
        before = taken.setdefault(item.name, item.source)
        if ".." in PurePosixPath(item.name).parts:
            raise InputError(f"{item.source}: its result would lie outside {out}; name it without ..")
        if before != item.source:
            raise InputError(
                f"{before} and {item.source} would both become {place(out, item.name)}; rename one of them, "
                "or run them as batches of their own"
            )
        if _absolute(place(out, item.name)) in sources:
            raise InputError(f"{place(out, item.name)} is an input itself; choose another folder with --out")
