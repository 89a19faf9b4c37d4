"""The training pictures, decoded once and held in memory as one tensor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from livematte.dataset import Pictures, Row
from livematte.dataset.candidates import candidates
from livematte.errors import InputError


@dataclass(frozen=True)
class Photos:
    """N pictures with their truth, stretched to a common square; `aspect` remembers their shape.

    rgba: uint8 N×4×S×S, RGB and the person's alpha.
    aspect: float32 N, width by height of the original.
    earlier: int64 N, the row that shows the same clip a little earlier, or the row itself.
    cut_out: bool N, the background is a key colour or nothing: another must be put behind.
    weight: float32 N, how often a row is drawn.
    sets: int16 N×1×S×S, bit n where a pixel may be of class n; None where classes are not wanted.
    """

    rgba: Tensor
    aspect: Tensor
    earlier: Tensor
    cut_out: Tensor
    weight: Tensor
    sets: Tensor | None = None

    @classmethod
    def load(
        cls,
        folder: Path,
        rows: Sequence[Row],
        side: int,
        progress: Iterable[Row] | None = None,
        *,
        parts: bool = False,
    ) -> Photos:
        """Decode the rows of a data folder to side×side; about side² × 4 bytes each, with parts × 6.

        progress: the same rows through a progress bar.
        """
        if not rows:
            raise InputError(f"{folder}: no picture of the wanted kind in its index")
        rgba = torch.empty(len(rows), 4, side, side, dtype=torch.uint8)
        sets = torch.empty(len(rows), 1, side, side, dtype=torch.int16) if parts else None
        aspect = torch.empty(len(rows))
        with Pictures(folder) as pictures:
            for number, row in enumerate(progress or rows):
                picture, mask = pictures.pair(row)
                if row.by == "key":
                    picture, mask = _despill(picture, mask)
                aspect[number] = picture.shape[1] / picture.shape[0]
                both = cv2.resize(np.dstack([picture, mask]), (side, side), interpolation=cv2.INTER_AREA)
                rgba[number] = torch.from_numpy(both).permute(2, 0, 1)
                if sets is not None:
                    fitted = cv2.resize(
                        candidates(pictures, row), (side, side), interpolation=cv2.INTER_NEAREST
                    )
                    sets[number, 0] = torch.from_numpy(fitted.astype(np.int16))
        return cls(
            rgba,
            aspect,
            _earlier(rows),
            torch.tensor([row.by == "key" or row.kind == "cutout" for row in rows]),
            torch.tensor([_weight(row, parts) for row in rows]),
            sets,
        )

    def to(self, device: str) -> Photos:
        """The same photos on a device."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return Photos(**{name: value.to(device) for name, value in values.items() if value is not None})

    def __len__(self) -> int:
        return len(self.rgba)


def _despill(
    picture: NDArray[np.uint8], mask: NDArray[np.uint8]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A key's edge shows the key colour: pull the mask in by about a pixel, and carry colour outwards.

    A seam that still shows the key would tell the network where the person ends.
    """
    soft = cv2.GaussianBlur(mask, (0, 0), 1.0).astype(np.float32)
    tight = np.clip((soft - 110) * (255 / 130), 0, 255).astype(np.uint8)
    inside = cv2.erode(tight, np.ones((5, 5), np.uint8)) > 250
    weight = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), 3.0)[..., None]
    colour = cv2.GaussianBlur(picture * inside[..., None].astype(np.float32), (0, 0), 3.0)
    outwards = np.where(weight > 1e-3, colour / np.maximum(weight, 1e-3), picture)
    return np.where(inside[..., None], picture, outwards).astype(np.uint8), tight


def _earlier(rows: Sequence[Row], reach: int = 3) -> Tensor:
    place = {
        (row.set, row.clip, row.frame): number for number, row in enumerate(rows) if row.clip is not None
    }
    result = torch.arange(len(rows))
    for (of_set, clip, frame), number in place.items():
        assert frame is not None
        back = [place[key] for step in range(1, reach + 1) if (key := (of_set, clip, frame - step)) in place]
        if back:
            result[number] = back[number % len(back)]
    return result


def _weight(row: Row, parts: bool) -> float:
    """How often a row is drawn: stills masked by people are truest, frames of a clip look alike.

    Where parts are wanted, the pictures that tell them are drawn most.
    """
    if row.kind == "clip":
        return 0.35
    if parts and row.truth == "parts":
        return 3.0
    return 2.0 if row.by == "human" else 1.0
