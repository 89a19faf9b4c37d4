"""What can be told to be wrong from one picture and its mask."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from livematte.dataset.classes import NAMES, Table
from livematte.dataset.duplicates import Look, look
from livematte.dataset.index import NINE, Row
from livematte.dataset.pictures import Pictures, Size, upright_size
from livematte.errors import InputError
from livematte.labels import PALETTE


@dataclass(frozen=True, slots=True, eq=False)
class Examined:
    """What was found: faults as (file, what, doubtful); look is None where the picture cannot be read."""

    faults: list[tuple[str, str, bool]]
    look: Look | None


def examine(pictures: Pictures, row: Row, table: Table | None, hole: float) -> Examined:
    """Read the two files of a row.

    table: of the mask's class numbers, None where it is unknown. hole: as for `check_data`.
    """
    examination = _Examination(pictures, row, hole)
    seen = examination.picture()
    if row.mask is not None:
        examination.mask(row.mask, table)
    return Examined(examination.faults, seen)


class _Examination:
    def __init__(self, pictures: Pictures, row: Row, hole: float) -> None:
        self._pictures, self._row, self._hole = pictures, row, hole
        self._size: Size | None = None
        self.faults: list[tuple[str, str, bool]] = []
        if not row.licence.strip():
            self._fault(row.image, "no licence in its row")

    def _fault(self, file: str, what: str, doubtful: bool = False) -> None:
        shard = self._row.shard
        self.faults.append((f"{shard}: {file}" if shard else file, what, doubtful))

    def _unreadable(self, file: str, error: InputError) -> None:
        self._fault(file, str(error).removeprefix(f"{self._pictures.where(self._row, file)}: "))

    def picture(self) -> Look | None:
        row = self._row
        try:
            with self._pictures.opened(row, row.image) as image:
                self._size = upright_size(image)
                image.draft("RGB", (64, 64))
                seen = look(np.asarray(image.convert("RGB")))
        except InputError as error:
            self._unreadable(row.image, error)
            return None
        said = (row.width or self._size[0], row.height or self._size[1])
        if said != self._size:
            self._fault(row.image, f"is {by(self._size)}, its row says {by(said)}")
        return seen

    def mask(self, name: str, table: Table | None) -> None:
        row = self._row
        try:
            with self._pictures.opened(row, name) as image:
                wrong_kind = _wrong_kind(image, row)
                mask = np.asarray(image)
        except InputError as error:
            self._unreadable(name, error)
            return
        if self._size is not None and mask.shape[1::-1] != self._size:
            self._fault(name, f"is {by(mask.shape[1::-1])}, its picture {by(self._size)}")
        if wrong_kind:
            self._fault(name, wrong_kind)
        elif not mask.any():
            self._fault(name, f"is empty; a picture without people has truth 'none', not {row.truth!r}")
        elif row.truth == "parts" and table is not None:
            self._parts(name, mask, table)

    def _parts(self, name: str, mask: NDArray[np.uint8], table: Table) -> None:
        numbers = np.flatnonzero(cv2.calcHist([mask], [0], None, [256], [0, 256])).tolist()
        if unknown := [number for number in numbers if number not in table]:
            self._fault(name, f"unknown labels: {', '.join(map(str, unknown))}")
        known = set(table.values())
        for group in self._row.merged:
            if strangers := [one for one in group if one not in known]:
                self._fault(name, f"merged classes unknown: {', '.join(strangers)}")
            elif apart := [table[one] for one in numbers if table.get(one) in group[1:]]:
                self._fault(name, f"holds {', '.join(apart)}, which its row merges into {group[0]}")
        for area in holes(mask):
            share = area / mask.size
            at = f"{area} pixels ({share:.2%}) without a label inside a person"
            self._fault(name, f"hole: {at}", share > self._hole)


def holes(mask: NDArray[np.uint8]) -> list[int]:
    """The areas in pixels of regions of 0 that other classes enclose, the largest first."""
    empty = np.pad((mask == 0).astype(np.uint8), 1, constant_values=1)
    cv2.floodFill(empty, None, (0, 0), 0)  # what the outside reaches; far quicker than to tell regions apart
    if not empty.any():
        return []
    count, _, stats, _ = cv2.connectedComponentsWithStats(empty, connectivity=4)
    return sorted(stats[1:count, cv2.CC_STAT_AREA].tolist(), reverse=True)


def by(size: Size) -> str:
    """A size in words."""
    return f"{size[0]}×{size[1]}"


def _wrong_kind(image: Image.Image, row: Row) -> str:
    """Why the pixels of a mask cannot mean what they should; empty where they can."""
    if row.truth != "parts":
        return "" if image.mode in ("L", "1") else f"is {image.mode}, not grey of 8 bits"
    if row.labels != NINE:
        return "" if image.mode in ("P", "L") else f"is {image.mode}, not an indexed PNG of 8 bits"
    if image.mode != "P" or image.format != "PNG":
        return f"is {image.format} {image.mode}, not an indexed PNG of 8 bits"
    palette = image.getpalette() or []
    wanted = [level for label in NAMES.values() for level in PALETTE[label]]
    return "" if palette[: len(wanted)] == wanted else "its palette is not that of the nine classes"
