"""The annotators' results taken back from the tool."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from os import PathLike
from pathlib import Path

from livematte.annotate.pack import MANIFEST
from livematte.dataset.formats.files import Files
from livematte.dataset.formats.item import Item, LabelMap, Notes, understanding
from livematte.dataset.index import Row, is_inside
from livematte.dataset.transfer import Imported, module_of, opened, row_of, rows_beside
from livematte.dataset.write import Writer, check_new_folder, new_folder
from livematte.errors import InputError, OptionError


def collect_annotation(
    pack: str | PathLike[str],
    out: str | PathLike[str],
    results: Mapping[str, str | PathLike[str]] | str | PathLike[str],
    *,
    labels: str | PathLike[str] | None = None,
) -> dict[str, Imported]:
    """Make a data folder for each annotator of what a tool exported; licence, split and clip stay as packed.

    pack: what `pack_annotation` made. results: the exported file or folder of each annotator; or one for all,
    in which the tool says whose each annotation is. labels: as for `import_data`.
    Returns what was imported by annotator. Raises InputError, OptionError or OutputError.
    """
    pack, out = Path(pack), Path(out)
    tool, annotators = _manifest(pack)
    given = {name: Path(path) for name, path in results.items()} if isinstance(results, Mapping) else {}
    if strangers := sorted(given.keys() - annotators.keys()):
        raise OptionError(
            f"{pack}: nothing was packed for {strangers[0]!r}, only for {', '.join(annotators)}"
        )
    if not isinstance(results, Mapping):
        given = {"": Path(results)}
    label_map = LabelMap() if labels is None else LabelMap.read(Path(labels))
    known = _known(pack, annotators)
    check_new_folder(out)
    with new_folder(out) as fresh:
        writers: dict[str, Writer] = {}
        counts: dict[str, int] = {}
        notes: dict[str, Notes] = {}
        for name, path in given.items():
            taken = Notes()
            with opened(path, pack, label_map, taken) as source:
                for item in _last_of_each(module_of(tool).read(source), name, taken):
                    by = name or item.annotator
                    if not is_inside(by):
                        raise InputError(f"{path}: does not say whose an annotation is; give NAME={path}")
                    row, mask = row_of(item, known, source, {"annotator": by})
                    if row.image not in known:
                        raise InputError(f"{path}: picture {row.image} was never packed")
                    if by not in writers:
                        (fresh / by).mkdir(parents=True)
                        writers[by], counts[by], notes[by] = Writer(fresh / by), 0, taken
                    writers[by].add(row, item.picture, mask)
                    counts[by] += 1
        if not writers:
            raise InputError(f"{', '.join(map(str, given.values()))}: no annotation there")
        for writer in writers.values():
            writer.finish()
    return {by: Imported(out / by, counts[by], notes[by].lines()) for by in sorted(writers)}


def _manifest(pack: Path) -> tuple[str, dict[str, list[str]]]:
    path = pack / MANIFEST
    if not path.is_file():
        raise InputError(f"{pack}: no {MANIFEST} there; it is not what `livematte annotate pack` made")
    with understanding(str(path)):
        content = json.loads(path.read_text(encoding="utf-8"))
        return str(content["tool"]), dict(content["annotators"])


def _known(pack: Path, annotators: Iterable[str]) -> dict[str, Row]:
    """The packed rows by the name of their picture, as yet without labels."""
    known: dict[str, Row] = {}
    for name in annotators:
        with Files(pack / name) as files:
            known |= rows_beside(files)
    return {name: replace(row, truth="none", by="human") for name, row in known.items()}


def _last_of_each(items: Iterable[Item], name: str, notes: Notes) -> Iterator[Item]:
    """Of items that follow each other and are of one picture, each annotator's last."""
    waiting: dict[str, Item] = {}
    for item in items:
        if waiting and next(iter(waiting.values())).name != item.name:
            yield from waiting.values()
            waiting = {}
        if (by := name or item.annotator) in waiting:
            notes.add("earlier annotation of the same picture passed over")
        waiting[by] = item
    yield from waiting.values()
