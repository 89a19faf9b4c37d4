"""Data folders made of other formats, and the reverse."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from os import PathLike
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livematte.dataset.formats.files import Files, Sink, check_sink, sink
from livematte.dataset.formats.item import Images, Item, LabelMap, Notes, Source, size_of, understanding
from livematte.dataset.index import NINE, Row, lines_of, parse_row, read_index
from livematte.dataset.pictures import Pictures
from livematte.dataset.write import Names, Numbers, Writer, check_new_folder, new_folder
from livematte.errors import InputError, OptionError

FORMATS = {
    "coco": "coco",
    "cvat": "cvat",
    "cvat-mask": "cvat",
    "label-studio": "label_studio",
    "labelme": "labelme",
    "supervisely": "supervisely",
    "alpha": "mattes",
    "celebamask": "celebamask",
    "masks": "masks",
}
"""The module of each format; `cvat` and `cvat-mask` differ in what is written only."""

ROWS = "livematte.jsonl"
"""Beside what is exported: the rows of the index, for what the format has no place for."""

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import brought. notes: what was passed over, a sentence for each reason."""

    folder: Path
    pictures: int
    notes: Sequence[str]


def import_data(
    format: str,
    source: str | PathLike[str],
    folder: str | PathLike[str],
    *,
    images: str | PathLike[str] | None = None,
    labels: str | PathLike[str] | None = None,
    split: str | None = None,
    set: str | None = None,
    licence: str | None = None,
    annotator: str | None = None,
    commercial: bool | None = None,
    progress: Progress | None = None,
) -> Imported:
    """Make a data folder of annotations in another format.

    format: one of FORMATS. source: a folder, zip file or single file. images: a folder or zip file with the
    pictures, where they are not in the source. labels: a file that maps the source's labels to the nine
    classes (see `LabelMap.read`). split, set, licence, annotator, commercial: for all rows; else what was
    exported beside, or `train` and the name of the source. Of several annotations of one picture the last is
    taken. Where shapes lie over each other the later one wins; polygons hold the pixels whose centres they
    hold. A picture that has no shape has nobody in it. Raises InputError, OptionError or OutputError.
    """
    read = module_of(format).read
    folder = Path(folder)
    check_new_folder(folder)
    given = {"split": split, "set": set, "licence": licence, "annotator": annotator, "commercial": commercial}
    stated = {key: value for key, value in given.items() if value is not None}
    label_map = LabelMap() if labels is None else LabelMap.read(Path(labels))
    notes = Notes()
    with opened(Path(source), images, label_map, notes) as of:
        known = rows_beside(of.files)
        with new_folder(folder) as fresh:
            writer = Writer(fresh)
            count = 0
            for item in _last_of_each(read(of), notes):
                row, mask = row_of(item, known, of, stated)
                writer.add(row, item.picture, mask)
                count += 1
                if progress:
                    progress(count, None)
            if not count:
                raise InputError(f"{source}: no annotated picture of the format {format} found there")
            writer.finish()
    return Imported(folder, count, notes.lines())


def export_data(
    format: str,
    folder: str | PathLike[str],
    out: str | PathLike[str],
    *,
    split: str | None = None,
    progress: Progress | None = None,
) -> int:
    """Write a data folder in another format: a new folder, or a zip file where `out` ends in .zip.

    split: only this one. Masks are written as pixels or run lengths, never as polygons: nothing is lost. What
    the format has no place for is in livematte.jsonl, which `import_data` reads. Soft masks stay soft in the
    format `alpha` only. Returns the number of pictures. Raises InputError, OptionError or OutputError.
    """
    module = module_of(format)
    write: Callable[[Sink, Iterable[Item]], None]
    write = module.write_masks if format == "cvat-mask" else module.write
    folder, out = Path(folder), Path(out)
    check_sink(out)
    rows = [row for row in read_index(folder) if split is None or row.split == split]
    if not rows:
        raise InputError(
            f"{folder}: no picture{'' if split is None else f' of split {split!r}'} in its index"
        )
    lines: list[str] = []
    with Pictures(folder) as pictures, sink(out) as target:

        def items() -> Iterator[Item]:
            names = Numbers() if format == "celebamask" else Names()
            for done, row in enumerate(rows, 1):
                item = item_of(pictures, row, names)
                assert item.row is not None
                lines.append(item.row.to_json() + "\n")
                yield item
                if progress:
                    progress(done, len(rows))

        write(target, items())
        target.write(ROWS, "".join(lines))
    return len(rows)


def item_of(pictures: Pictures, row: Row, names: Names) -> Item:
    """One picture of a data folder with its labels, under a plain name. Raises InputError."""
    if row.truth == "parts" and row.labels != NINE:
        raise InputError(f"{row.image}: has numbers of the table {row.labels!r}, not the nine classes")
    data = pictures.data(row, row.image)
    wide, high = size_of(data, pictures.where(row, row.image))
    mask = None
    if row.mask is not None:
        mask = pictures.parts(row) if row.truth == "parts" else pictures.person(row)
        if mask.shape != (high, wide):
            raise InputError(f"{pictures.where(row, row.mask)}: is not of its picture's size, {wide}×{high}")
    name = names.take(row.image)
    row = replace(row, image=name, mask=None, shard=None, width=wide, height=high)
    return Item(name, data, row.truth, mask, row.annotator, row)


@contextmanager
def opened(
    source: Path, images: str | PathLike[str] | None, labels: LabelMap, notes: Notes
) -> Iterator[Source]:
    """All that an importer reads from."""
    with ExitStack() as stack:
        files = stack.enter_context(Files(source))
        if images is not None:
            place = stack.enter_context(Files(Path(images)))
        elif source.is_file() and not files.is_zip:  # the pictures lie around the file
            place = stack.enter_context(Files(source.parent))
        else:
            place = files
        yield Source(files, Images(place), labels, notes)


def module_of(format: str) -> Any:
    """The module that reads and writes a format. Raises OptionError."""
    if format not in FORMATS:
        raise OptionError(f"format {format!r} is unknown; there is: {', '.join(FORMATS)}")
    return import_module(f"livematte.dataset.formats.{FORMATS[format]}")


def rows_beside(files: Files) -> dict[str, Row]:
    """The rows that `export_data` wrote, by the name of the picture."""
    if (name := files.find(ROWS)) is None:
        return {}
    with understanding(files.where(name)):
        rows = [parse_row(line) for line in lines_of(files.read(name).decode())]
    return {row.image: row for row in rows}


def row_of(
    item: Item, known: Mapping[str, Row], source: Source, stated: Mapping[str, str | bool]
) -> tuple[Row, NDArray[np.uint8] | None]:
    """The row and the mask: what was exported beside, then what the file says, then what was stated."""
    name = PurePosixPath(item.name).name
    size = size_of(item.picture, item.name)
    row = known.get(name) or Row(name, item.truth, "train", source.files.path.stem)
    truth, mask = item.truth, item.mask
    if truth == "none" and row.truth != "none" and row.image in known:
        truth, mask = row.truth, np.zeros(size[::-1], np.uint8)  # an empty mask, kept
    if (truth, row.truth) == ("alpha", "person"):
        truth = "person"  # pixels alone do not tell one from the other
    merged = source.labels.merged or row.merged
    row = replace(row, truth=truth, width=size[0], height=size[1], merged=merged, labels=NINE)
    row = replace(row, image=name, annotator=item.annotator or row.annotator)
    return replace(row, **stated), mask  # type: ignore[arg-type]


def _last_of_each(items: Iterable[Item], notes: Notes) -> Iterator[Item]:
    """Of items that follow each other and are of one picture, the last."""
    before: Item | None = None
    for item in items:
        if before is not None and before.name == item.name:
            notes.add("earlier annotation of the same picture passed over")
        elif before is not None:
            yield before
        before = item
    if before is not None:
        yield before
