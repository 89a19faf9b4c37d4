"""Commands on folders of annotated pictures."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

import livematte
from livematte.commands.common import bar, tables_to

Data = Annotated[Path, Parameter(help="A folder with index.jsonl and the pictures that it names.")]
Hole = Annotated[
    float, Parameter(help="The largest hole in a person that is surely a fault, as a share of the picture.")
]
Workers = Annotated[int | None, Parameter(help="How many; as many as there are cores when left out.")]

Format = Annotated[
    Literal[
        "coco",
        "cvat",
        "cvat-mask",
        "label-studio",
        "labelme",
        "supervisely",
        "alpha",
        "celebamask",
        "masks",
    ],
    Parameter(help="cvat is its XML, cvat-mask its segmentation mask 1.1; either reads both."),
]

data = App(name="data", help="Look after folders of annotated pictures.")


@data.command
def check(folder: Data, /, *, hole: Hole = 1e-3, threads: Workers = None) -> None:
    """Name every fault of a data folder by file; exit code 1 where there is one.

    Looked for: lines of the index that are wrong, files that are missing or cannot be read, wrong sizes,
    unknown labels, empty masks, holes without a label inside a person, missing licences, clips in two splits,
    and pictures that look alike in two splits. What may be right is said to be doubtful and is no fault.
    """
    with bar() as progress:
        checked = livematte.check_data(folder, hole=hole, threads=threads, progress=progress)
    for fault in checked.faults:
        print(fault)
    wrong = sum(not fault.doubtful for fault in checked.faults)
    print(f"{len(checked.rows)} pictures; faults: {wrong}, doubtful: {len(checked.faults) - wrong}")
    if not checked.sound:
        sys.exit(1)


@data.command
def show(folder: Data, html: Path, /, *, limit: int = 200, threads: Workers = None) -> None:
    """Write one HTML page with the labels over each picture, what is wrong first.

    Parameters
    ----------
    html
        The page, which needs nothing else.
    limit
        The most pictures on it.
    """
    with bar() as progress:
        livematte.show_data(folder, html, limit=limit, threads=threads, progress=progress)
    print(html)


@data.command
def stats(folder: Data, /, *, threads: Workers = None) -> None:
    """Count pictures by split, set, licence and annotator, and how much there is of each class."""
    from rich.table import Table

    from livematte.dataset.stats import in_order

    with bar() as progress:
        counted = livematte.data_stats(folder, threads=threads, progress=progress)
    console = tables_to(sys.stdout)
    console.print(f"{counted.pictures} pictures, {counted.clips} clips")
    table = Table("", "", "pictures")
    for key, values in counted.counts.items():
        for number, (value, pictures) in enumerate(values.most_common()):
            table.add_row("" if number else key, value, str(pictures), end_section=number + 1 == len(values))
    console.print(table)
    table = Table("labels", "class", "pictures", "of all", "mean area")
    for labels, name, pictures, share, area in in_order(counted):
        table.add_row(labels, name, str(pictures), f"{share:.0%}", f"{area:.2%}")
    console.print(table)


@data.command(name="import")
def import_(
    format: Format,
    source: Path,
    folder: Path,
    /,
    *,
    images: Path | None = None,
    map: Path | None = None,
    split: str | None = None,
    set: str | None = None,
    licence: str | None = None,
    annotator: str | None = None,
    commercial: bool | None = None,
) -> None:
    """Make a data folder of annotations in another format.

    Parameters
    ----------
    source
        A folder, a zip file or a single file of that format.
    folder
        The data folder to make.
    images
        Where the pictures are, a folder or zip file, if not with the annotations.
    map
        A JSON file that says which class each label means: {"labels": {"Hair": "hair", "17": "skin",
        "#ff0000": null}, "merged": [["skin", "neck"]]}. Without it, labels are called as the classes are.
    split
        Of all pictures: train, val, …
    set
        Where the pictures come from; the name of the source when left out.
    licence
        Of all pictures.
    annotator
        Of all masks.
    commercial
        Whether the licence allows commercial use.
    """
    with bar() as progress:
        imported = livematte.import_data(
            format,
            source,
            folder,
            images=images,
            labels=map,
            split=split,
            set=set,
            licence=licence,
            annotator=annotator,
            commercial=commercial,
            progress=progress,
        )
    for note in imported.notes:
        print(f"livematte: warning: {note}", file=sys.stderr)
    print(f"{imported.folder}: {imported.pictures} pictures")


@data.command
def export(format: Format, folder: Data, out: Path, /, *, split: str | None = None) -> None:
    """Write a data folder in another format.

    Parameters
    ----------
    out
        A new folder, or a zip file where the name ends in .zip.
    split
        Only this one.
    """
    with bar() as progress:
        count = livematte.export_data(format, folder, out, split=split, progress=progress)
    print(f"{out}: {count} pictures")
