"""A data folder as one HTML page: every picture with its labels over it, what is wrong first."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from html import escape
from os import PathLike
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from livematte.dataset.check import HOLE, Checked, Fault, check_data
from livematte.dataset.index import NINE, Row
from livematte.dataset.pictures import Pictures
from livematte.errors import InputError
from livematte.labels import PALETTE, PERSON_COLOUR, Label
from livematte.media.output import check_target, whole_file, writing
from livematte.sheet import SIDE, div, figure, html, patches, section
from livematte.threads import in_threads

_LEVELS = np.array([PALETTE[label] for label in Label], np.float32)
_OTHERS = np.random.default_rng(1).integers(40, 240, (256, 3)).astype(np.float32)  # for tables not our own


def show_data(
    folder: str | PathLike[str],
    html_file: str | PathLike[str],
    *,
    limit: int = 200,
    hole: float = HOLE,
    threads: int | None = None,
    progress: Callable[[int, int | None], None] | None = None,
) -> Checked:
    """Write one page of a data folder's pictures, faults first, then the most ragged masks first.

    limit: pictures on the page; some 30 kB each. hole, threads, progress and what is returned: as of
    `check_data`. Raises InputError or OutputError.
    """
    target = Path(html_file)
    check_target(target, {".html", ".htm"})
    checked = check_data(folder, hole=hole, threads=threads, progress=progress)
    faults: dict[int, list[Fault]] = defaultdict(list)
    for fault in checked.faults:
        if fault.row is not None:
            faults[fault.row].append(fault)
    with Pictures(checked.folder) as pictures:
        order = _worst_first(pictures, checked.rows, faults, threads or os.cpu_count() or 1)
        cards = [_card(pictures, checked.rows[number], faults[number]) for number in order[:limit]]
    with whole_file(target) as temporary, writing(target):
        temporary.write_text(_page(checked, cards), encoding="utf-8")
    return checked


def overlay(picture: NDArray[np.uint8], parts: NDArray[np.uint8], labels: str = NINE) -> NDArray[np.uint8]:
    """Class colours over a picture, uint8 RGB H×W×3, each region with a bright outline; background stays.

    labels: the table of the numbers; only the nine classes have colours of their own choosing.
    """
    levels = _LEVELS if labels == NINE and parts.max(initial=0) < len(_LEVELS) else _OTHERS
    tinted = np.where((parts > 0)[..., None], 0.45 * picture + 0.55 * levels[parts], picture)
    edges = (cv2.morphologyEx(parts, cv2.MORPH_GRADIENT, np.ones((2, 2), np.uint8)) > 0) & (parts > 0)
    tinted[edges] = 0.5 * tinted[edges] + 127.5
    return tinted.astype(np.uint8)


def shrunk(picture: NDArray[np.uint8], *labels: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """A picture, and labels of any size, at the size that pages show, at most SIDE."""
    shrink = min(1.0, SIDE / max(picture.shape[:2]))
    size = [max(1, round(side * shrink)) for side in picture.shape[1::-1]]
    small = [cv2.resize(picture, size, interpolation=cv2.INTER_AREA)]
    small += [cv2.resize(one, size, interpolation=cv2.INTER_NEAREST) for one in labels]
    return [one.astype(np.uint8, copy=False) for one in small]


def _worst_first(
    pictures: Pictures, rows: Mapping[int, Row], faults: Mapping[int, Sequence[Fault]], threads: int
) -> list[int]:
    def badness(number: int) -> tuple[int, int, int]:
        own = faults.get(number, ())
        return sum(not fault.doubtful for fault in own), len(own), _regions(pictures, rows[number])

    found = dict(zip(rows, in_threads(badness, rows, threads), strict=True))
    return sorted(rows, key=found.__getitem__, reverse=True)


def _regions(pictures: Pictures, row: Row) -> int:
    """Into how many pieces a mask falls; 0 where it cannot be read."""
    try:
        mask = _labels(pictures, row)
    except InputError:
        return 0
    numbers = np.flatnonzero(np.bincount(mask.ravel()))
    return sum(cv2.connectedComponents((mask == number).astype(np.uint8))[0] - 1 for number in numbers)


def _labels(pictures: Pictures, row: Row) -> NDArray[np.uint8]:
    if row.mask is None:
        return np.zeros((1, 1), np.uint8)
    if row.truth == "parts":
        return pictures.parts(row)
    return (pictures.person(row) > 127).astype(np.uint8)


def _card(pictures: Pictures, row: Row, faults: Sequence[Fault]) -> str:
    facts = [row.split, row.set, row.kind, row.annotator, row.licence or "no licence"]
    what = "".join(
        f"<br>{'<b>?</b>' if fault.doubtful else '<b>fault</b>'} {escape(fault.what)}" for fault in faults
    )
    caption = f"<b>{escape(row.image)}</b><br>{escape(', '.join(filter(None, facts)))}{what}"
    try:
        picture = pictures.rgb(row)
    except InputError:
        return figure(caption, row.image, [])
    views = [("picture", shrunk(picture)[0])]
    if row.mask is not None:
        with suppress(InputError):  # it is among the faults
            small, labels = shrunk(picture, _labels(pictures, row))
            views.append(("labels", _over(small, labels, row)))
    return figure(caption, row.image, views)


def _over(small: NDArray[np.uint8], labels: NDArray[np.uint8], row: Row) -> NDArray[np.uint8]:
    if row.truth == "parts":
        return overlay(small, labels, row.labels)
    person = np.where((labels > 0)[..., None], 0.45 * small + 0.55 * np.array(PERSON_COLOUR), small)
    return person.astype(np.uint8)


def _page(checked: Checked, cards: Sequence[str]) -> str:
    of_folder = [fault for fault in checked.faults if fault.row is None or fault.row not in checked.rows]
    listed = "".join(f"<li>{escape(str(fault))}</li>" for fault in of_folder)
    colours = [(label.name.lower(), PALETTE[label]) for label in Label if label]
    wrong = sum(not fault.doubtful for fault in checked.faults)
    about = (
        f"<code>{escape(str(checked.folder))}</code>: {len(checked.rows)} pictures; faults: {wrong}, "
        f"doubtful: {len(checked.faults) - wrong}"
    )
    key = patches([*colours, ("person, of masks without parts", PERSON_COLOUR)])
    order = f"{len(cards)} of {len(checked.rows)}: most faults first, then masks of most pieces."
    if any(row.truth == "parts" and row.labels != NINE for row in checked.rows.values()):
        order += " Numbers of other tables have colours of their own."
    sections = [
        section("The index", "Faults that are not one picture's.", f"<ul>{listed}</ul>") if listed else "",
        section("Pictures", order, key + div("worst", cards)),
    ]
    return html(f"{checked.folder.name}: labels", "Annotated pictures", about, sections)
