"""The agreement of annotators as one HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from livematte.annotate.agreement import GOAL, Agreement, worst
from livematte.dataset.show import overlay, shrunk
from livematte.labels import PALETTE, Label
from livematte.media.output import check_target, whole_file, writing
from livematte.sheet import div, figure, html, patches, section, table

ONE, OTHER = (201, 82, 0), (0, 103, 176)
"""Where only the first, and only the second annotator sees the person."""


def show_agreement(agreement: Agreement, target: str | PathLike[str], *, limit: int = 40) -> None:
    """Write one page: figures by class and by pair of annotators, and the pictures of least agreement.

    limit: pictures on the page. Raises InputError or OutputError.
    """
    path = Path(target)
    check_target(path, {".html", ".htm"})
    cards = [
        figure(
            f"<b>IoU {pair.iou:.4f}</b>{_distance(pair.distance)}: {escape(pair.picture)}, "
            f"{escape(' and '.join(pair.annotators))}",
            pair.picture,
            _views(picture, labels, pair.annotators),
        )
        for pair, picture, labels in worst(agreement, limit)
    ]
    with whole_file(path) as temporary, writing(path):
        temporary.write_text(_page(agreement, cards), encoding="utf-8")


def _distance(distance: float | None) -> str:
    return "" if distance is None else f", outlines {distance:.2f} px apart"


def _views(
    picture: NDArray[np.uint8], labels: Sequence[NDArray[np.uint8]], names: tuple[str, str]
) -> list[tuple[str, NDArray[np.uint8]]]:
    small, *maps = shrunk(picture, *labels)
    differ = (0.35 * small + 0.65 * 255).astype(np.uint8)
    differ[(maps[0] > 0) & (maps[1] == 0)] = ONE
    differ[(maps[0] == 0) & (maps[1] > 0)] = OTHER
    views = [("picture", small)]
    views += [(escape(name), overlay(small, one)) for name, one in zip(names, maps, strict=True)]
    return [*views, ("difference", differ)]


def _page(agreement: Agreement, cards: list[str]) -> str:
    classes = [
        (name, f"{over_all:.4f}", f"{mean:.4f}", str(count))
        for name, (over_all, mean, count) in agreement.classes().items()
    ]
    people = [
        (f"{one} and {other}", f"{iou:.4f}", "–" if distance is None else f"{distance:.2f}", str(count))
        for (one, other), (iou, distance, count) in agreement.of_annotators().items()
    ]
    verdict = "reached" if agreement.reached else "not reached"
    about = (
        f"{len(agreement.pairs)} comparisons; IoU of the person {agreement.iou:.4f}: "
        f"the goal of {GOAL:.2f} is {verdict}"
    )
    key = patches(
        [
            *((label.name.lower(), PALETTE[label]) for label in Label if label),
            ("only the first sees a person", ONE),
            ("only the second", OTHER),
        ]
    )
    return html(
        "Agreement of annotators",
        "How well annotators agree",
        about,
        [
            section(
                "Classes",
                "Intersection over union of two annotators: over all pixels, and its mean over pictures.",
                table(("class", "IoU", "mean IoU", "comparisons"), classes),
            ),
            section(
                "Annotators",
                "IoU of the person over all pixels; mean distance of its outlines, in pixels.",
                table(("annotators", "IoU", "distance", "pictures"), people),
            ),
            section("Where they disagree", "The lowest IoU of the person first.", key + div("worst", cards)),
        ],
    )
