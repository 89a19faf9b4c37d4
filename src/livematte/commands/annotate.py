"""Commands around annotation tools."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

import livematte
from livematte.commands.common import Network, Threads, bar, tables_to

Pictures = Annotated[Path, Parameter(help="A data folder, or any folder of pictures.")]
Folder = Annotated[Path, Parameter(help="What `annotate collect` made: a data folder for each annotator.")]

annotate = App(
    name="annotate", help="Have pictures annotated with CVAT or Label Studio, and measure how well."
)


@annotate.command
def pack(
    pictures: Pictures,
    out: Path,
    /,
    *,
    tool: Annotated[Literal["cvat", "label-studio"], Parameter(name="--for")] = "label-studio",
    annotators: Annotated[list[str] | None, Parameter(name="--annotator", negative="")] = None,
    overlap: float = 0.1,
    draft: Literal["network", "truth", "none"] = "network",
    network: Network = "best",
    seed: int = 1,
    threads: Threads = None,
) -> None:
    """Pack pictures for annotators, with a first draft of the labels to correct.

    Parameters
    ----------
    out
        A new folder, in which each annotator gets one: pictures, drafts and the labels' definition.
    tool
        Where they will be annotated.
    annotators
        A name; given once for each, two at least where pictures overlap. anna and berta when left out.
    overlap
        The share of the pictures that two annotators get, to measure how well they agree.
    draft
        network: the person as the network sees it; truth: the masks that are there; or none.
    seed
        Who gets which pictures.
    """
    with bar() as progress:
        packed = livematte.pack_annotation(
            pictures,
            out,
            annotators or ["anna", "berta"],
            tool=tool,
            overlap=overlap,
            draft=draft,
            network=network,
            seed=seed,
            threads=threads,
            progress=progress,
        )
    for name, count in packed.items():
        print(f"{out / name}: {count} pictures")


@annotate.command
def collect(
    packed: Path,
    out: Path,
    results: Annotated[list[str], Parameter(negative="")],
    /,
    *,
    map: Path | None = None,
) -> None:
    """Take back what the tool exported: a data folder for each annotator.

    Parameters
    ----------
    packed
        What `annotate pack` made.
    out
        A new folder.
    results
        NAME=FILE for each annotator, a file or folder as the tool exported it (CVAT: "CVAT for images 1.1" or
        "Segmentation mask 1.1"; Label Studio: "JSON"); or one file in which the tool says whose each is.
    map
        What labels mean that are not called as the classes are, as for `data import`.
    """
    named = dict(result.split("=", 1) for result in results if "=" in result)
    if len(named) != len(results) and (named or len(results) > 1):
        raise livematte.OptionError(
            f"one file of all, or NAME=FILE for each annotator, not {' '.join(results)}"
        )
    collected = livematte.collect_annotation(packed, out, named or results[0], labels=map)
    for imported in collected.values():
        for note in imported.notes:
            print(f"livematte: warning: {imported.folder.name}: {note}", file=sys.stderr)
        print(f"{imported.folder}: {imported.pictures} pictures")


@annotate.command
def agreement(
    folder: Folder, /, *, html: Path | None = None, limit: int = 40, threads: Threads = None
) -> None:
    """Measure how well annotators agree: IoU of the person and of each class, distance of outlines.

    Parameters
    ----------
    html
        A page with the pictures that they disagree on most.
    limit
        The most pictures on it.
    """
    from rich.table import Table

    from livematte.annotate.agreement import GOAL
    from livematte.annotate.page import show_agreement

    with bar() as progress:
        found = livematte.annotation_agreement(folder, threads=threads, progress=progress)
    console = tables_to(sys.stdout)
    table = Table("class", "IoU", "mean IoU", "comparisons")
    for name, (pooled, mean, count) in found.classes().items():
        table.add_row(name, f"{pooled:.4f}", f"{mean:.4f}", str(count))
    console.print(table)
    table = Table("annotators", "IoU", "distance in pixels", "pictures")
    for (one, other), (iou, distance, count) in found.of_annotators().items():
        table.add_row(
            f"{one}, {other}", f"{iou:.4f}", "" if distance is None else f"{distance:.2f}", str(count)
        )
    console.print(table)
    verdict = "reached" if found.reached else "not reached"
    print(f"IoU of the person {found.iou:.4f}: the goal of {GOAL:.2f} is {verdict}")
    if html is not None:
        show_agreement(found, html, limit=limit)
        print(html)


@annotate.command
def consensus(folder: Folder, out: Path, /, *, by: Literal["staple", "majority"] = "staple") -> None:
    """Make one data folder of all annotators' ones, of several labellings of a picture the most probable.

    Parameters
    ----------
    out
        A new data folder.
    by
        staple weighs annotators by how reliable they prove; majority counts them.
    """
    with bar() as progress:
        count = livematte.annotation_consensus(folder, out, by=by, progress=progress)
    print(f"{out}: {count} pictures")


@annotate.command(name="next")
def next_(
    pictures: Pictures,
    /,
    *,
    count: int = 100,
    unlabelled: bool = False,
    network: Network = "best",
    threads: Threads = None,
) -> None:
    """Name the pictures to annotate next: those where the network is least sure, with their mean entropy.

    Parameters
    ----------
    count
        How many; of each clip one frame at most.
    unlabelled
        Only those without a mask.
    """
    with bar() as progress:
        found = livematte.next_to_annotate(
            pictures, count=count, unlabelled=unlabelled, network=network, threads=threads, progress=progress
        )
    for one in found:
        print(f"{one.entropy:.4f}  {one.image}")
