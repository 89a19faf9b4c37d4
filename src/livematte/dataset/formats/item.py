"""What importers make and exporters take: a picture with its labels, whatever the format."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from livematte.dataset.classes import NAMES
from livematte.dataset.formats.files import Files
from livematte.dataset.index import Row
from livematte.dataset.pictures import Size, check_pixels, decoding, upright_size
from livematte.errors import InputError

PERSON = 255
"""What the pixels of a person without parts are while shapes are painted."""

Mask = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """A picture with its labels.

    name: of the picture in its format. picture: the bytes of its file. truth, mask: as in an index: class
    numbers for `parts`, 0..255 for `person` and `alpha`, None for `none`. row: what else is known.
    """

    name: str
    picture: bytes
    truth: str
    mask: Mask | None
    annotator: str = ""
    row: Row | None = None

    def layers(self) -> list[tuple[str, NDArray[np.bool_]]]:
        """The masks that are not empty, bool H×W, by the name of their class; soft ones from one half on."""
        if self.mask is None:
            return []
        if self.truth != "parts":
            found = [("person", self.mask > 127)]
        else:
            found = [(name, self.mask == label) for name, label in NAMES.items() if label]
        return [(name, mask) for name, mask in found if mask.any()]


@dataclass(frozen=True, slots=True)
class LabelMap:
    """Which class the labels of a format mean; the nine classes and `person` by their own names when empty.

    classes: by label, in lower case: a class's name, `person`, or None for what is not wanted. merged: groups
    of classes that the source cannot tell apart.
    """

    classes: Mapping[str, str | None] = field(default_factory=dict)
    merged: tuple[tuple[str, ...], ...] = ()

    @classmethod
    def read(cls, path: Path) -> LabelMap:
        """From a file {"labels": {"Hair": "hair", "17": "skin", "#ff0000": null}, "merged": [[…]]}."""
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            classes = {str(key).lower(): value for key, value in content["labels"].items()}
            merged = tuple(tuple(group) for group in content.get("merged", ()))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f'{path}: not {{"labels": {{"theirs": "ours", …}}}} ({error!r})') from None
        for theirs, ours in classes.items():
            if ours is not None and ours not in NAMES and ours != "person":
                raise InputError(f"{path}: {theirs!r} is mapped to {ours!r}, which is none of {_CHOICES}")
        for name in (name for group in merged for name in group):
            if name not in NAMES:
                raise InputError(f"{path}: merges {name!r}, which is none of {', '.join(NAMES)}")
        return cls(classes, merged)

    def number(self, label: str) -> int | None:
        """The class number of a label, PERSON for a person, None where unwanted. Raises InputError."""
        key = label.strip().lower()
        ours = self.classes.get(key, key)
        if ours is None:
            return None
        if ours == "person":
            return PERSON
        if ours not in NAMES:
            raise InputError(f"label {label!r} is none of {_CHOICES}; say what it means in a file for --map")
        first = next((group[0] for group in self.merged if ours in group), ours)
        return int(NAMES[first])


_CHOICES = f"{', '.join(NAMES)}, person"


class Canvas:
    """Labels painted one over the other, later ones on top."""

    def __init__(self, size: Size, labels: LabelMap) -> None:
        self.wide, self.high = size
        self._labels = labels
        self._painted = np.zeros((self.high, self.wide), np.uint8)

    def paint(self, label: str, mask: NDArray[np.bool_]) -> None:
        """Give the pixels of a mask, bool H×W, a label. Raises InputError."""
        number = self._labels.number(label)
        if number is None:
            return
        if mask.shape != self._painted.shape:
            high, wide = mask.shape
            raise InputError(f"a mask is {wide}×{high}, its picture {self.wide}×{self.high}")
        self._painted[mask] = number

    def paste(self, label: str, part: NDArray[np.bool_], left: int, top: int) -> None:
        """Give the pixels of a mask that lies somewhere within the picture a label. Raises InputError."""
        high, wide = part.shape
        if left < 0 or top < 0 or left + wide > self.wide or top + high > self.high:
            raise InputError(f"a mask of {wide}×{high} at {left}, {top} reaches out of the picture")
        mask = np.zeros((self.high, self.wide), bool)
        mask[top : top + high, left : left + wide] = part
        self.paint(label, mask)

    def truth(self) -> tuple[str, Mask | None]:
        """`none`, `person` or `parts` with the mask. Raises InputError where people have parts and none."""
        if not self._painted.any():
            return "none", None
        person = self._painted == PERSON
        if not person.any():
            return "parts", self._painted
        if (self._painted[~person] > 0).any():
            raise InputError("holds parts and a person without; say with --map which part 'person' is")
        return "person", np.where(person, 255, 0).astype(np.uint8)


class Images:
    """The pictures that annotations belong to: beside them, or in a place of their own."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def get(self, *names: str, loose: bool = True) -> tuple[str, bytes, Size]:
        """The first of these names that is there, its bytes and its upright size. Raises InputError.

        loose: take one from another folder where none is in the named one.
        """
        for anywhere in (False, True)[: 1 + loose]:
            for name in names:
                if (found := self._files.find(name, loose=anywhere)) is not None:
                    data = self._files.read(found)
                    return found, data, size_of(data, self._files.where(found))
        raise InputError(f"{self._files.path}: no picture {names[0]!r}; --images names its folder")


class Notes:
    """What an import passed over, counted by reason."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def add(self, what: str) -> None:
        """Count one."""
        self._counts[what] += 1

    def lines(self) -> Sequence[str]:
        """One sentence for each reason."""
        return [f"{count} × {what}" for what, count in self._counts.items()]


@dataclass(frozen=True, slots=True)
class Source:
    """All that an importer reads from."""

    files: Files
    images: Images
    labels: LabelMap
    notes: Notes


def size_of(data: bytes, where: str) -> Size:
    """The upright width and height of a picture's file. Raises InputError."""
    with decoding(where), Image.open(io.BytesIO(data)) as image:
        check_pixels(image)
        return upright_size(image)


def array_of(data: bytes, where: str, mode: str | None = None) -> NDArray[np.uint8]:
    """A picture's pixels as they are stored, or in a mode of Pillow's. Raises InputError."""
    with decoding(where), Image.open(io.BytesIO(data)) as image:
        check_pixels(image)
        return np.array(image if mode is None else image.convert(mode))


def check_size(said: tuple[object, object], size: Size) -> None:
    """Refuse annotations that were made at another size; None is not said. Raises InputError."""
    if said not in (size, (None, None)):
        raise InputError(f"says {said[0]}×{said[1]}, but the picture is {size[0]}×{size[1]}")


@contextmanager
def understanding(where: str) -> Iterator[None]:
    """Turn what goes wrong with a format's content into an InputError that begins with `where`."""
    try:
        yield
    except InputError as error:
        message = str(error)
        raise InputError(message if message.startswith(where) else f"{where}: {message}") from None
    except KeyError as error:
        raise InputError(f"{where}: {error} is missing") from None
    except (ValueError, TypeError, IndexError, AttributeError, OverflowError) as error:
        raise InputError(f"{where}: not understood ({error})") from None
