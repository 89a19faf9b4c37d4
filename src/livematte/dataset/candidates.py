"""What each pixel of an annotated picture may be: sources tell apart more or fewer than the nine classes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from livematte.dataset.classes import NAMES
from livematte.dataset.index import NINE, Row
from livematte.dataset.pictures import Pictures
from livematte.errors import InputError
from livematte.labels import Label

Sets = NDArray[np.uint16]
"""H×W; bit n is set where a pixel may be of class n."""

BACKGROUND = 1 << Label.BACKGROUND
ANYBODY = sum(1 << label for label in Label) - BACKGROUND
"""Any class of a person."""

UNSURE = (64, 192)
"""Levels of a soft mask between which a pixel may be background as well as a person."""

FACE = (Label.SKIN, Label.NECK, Label.LIPS, Label.EYES)
BARE = (Label.BACKGROUND, Label.SKIN, Label.NECK, Label.CLOTHES, Label.ACCESSORY)

CELEBAMASK: Mapping[int, tuple[Label, ...]] = {
    0: (Label.BACKGROUND,),
    **dict.fromkeys((1, 2, 8, 9), (Label.SKIN,)),  # face, nose, ears
    3: (Label.GLASSES,),
    **dict.fromkeys((4, 5, 6, 7), (Label.EYES,)),
    # the inner mouth is teeth or tongue
    10: (Label.LIPS, Label.SKIN),
    11: (Label.LIPS,),
    12: (Label.LIPS,),
    13: (Label.HAIR,),
    **dict.fromkeys((14, 15, 16), (Label.ACCESSORY,)),
    17: (Label.NECK,),
    18: (Label.CLOTHES,),
}
"""CelebAMask-HQ (Lee et al. 2020)."""

CCP: Mapping[int, tuple[Label, ...]] = {
    **dict.fromkeys(range(1, 59), (Label.CLOTHES,)),
    0: (Label.BACKGROUND,),
    **dict.fromkeys((1, 2, 9, 15, 20, 29, 33, 34, 56, 57), (Label.ACCESSORY,)),
    17: (Label.GLASSES,),
    47: (Label.GLASSES,),
    19: (Label.HAIR,),
    41: FACE,
}
"""Clothing Co-Parsing (Yang et al. 2014): skin is all of it, and of the face everything."""

TABLES: dict[str, Mapping[int, tuple[Label, ...]]] = {"celebamask": CELEBAMASK, "ccp": CCP}


def candidates(pictures: Pictures, row: Row) -> Sets:
    """The classes that each pixel of a row's picture may be of. Raises InputError.

    Masks of persons leave the class open; a hair mask beside says which of them are hair. What hangs over
    from CelebAMask-HQ, whose shoulders and hands are often unlabelled, is open below the face.
    """
    if row.mask is None:
        return np.full(pictures.rgb(row).shape[:2], BACKGROUND, np.uint16)
    if row.truth == "parts":
        return _parts(pictures.parts(row), row)
    person = pictures.person(row)
    sets = np.where(person > UNSURE[1], ANYBODY, BACKGROUND).astype(np.uint16)
    sets[(person >= UNSURE[0]) & (person <= UNSURE[1])] = ANYBODY | BACKGROUND
    if row.hair_mask is not None:
        hair = pictures.hair(row) > 127
        sets[hair] = 1 << Label.HAIR
        sets[~hair] &= ~np.uint16(1 << Label.HAIR)
    return sets


def _parts(numbers: NDArray[np.uint8], row: Row) -> Sets:
    table = _of_nine(row) if row.labels == NINE else TABLES.get(row.labels)
    if table is None:
        raise InputError(
            f"{row.image}: nothing is known of the classes of {row.labels!r} among the nine; known: "
            f"{', '.join([NINE, *TABLES])}"
        )
    lookup = np.zeros(256, np.uint16)
    for number, labels in table.items():
        lookup[number] = _set_of(labels)
    sets: Sets = lookup[numbers]
    if not sets.all():
        unknown = sorted(set(np.unique(numbers)) - set(table))
        raise InputError(f"{row.image}: class {unknown[0]} is not in the table {row.labels!r}")
    if row.labels == "celebamask":
        face = np.flatnonzero((numbers == 1).any(1))
        below = face[-1] + 1 if len(face) else 0
        sets[below:][numbers[below:] == 0] = _set_of(BARE)
    return sets


def _of_nine(row: Row) -> Mapping[int, tuple[Label, ...]]:
    table: dict[int, tuple[Label, ...]] = {int(label): (label,) for label in Label}
    for group in row.merged:
        members = tuple(NAMES[name] for name in group)
        table |= {int(label): members for label in members}
    return table


def _set_of(labels: Iterable[Label]) -> int:
    return sum(1 << label for label in labels)
