"""Edges measured: ways to enlarge the mask, the person's own colour at the edge, and how steady it all is.

python benchmarks/edges.py DATA [--pictures 60]

DATA: an annotated data folder (see livematte/dataset/index.py) with people on nothing (truth `alpha`), frames
filmed before a key colour (by `key`) and backgrounds (kind `background`). Every person is put before one
background and then moved to another, so that the true picture is known:

- people on nothing have a colour and an alpha of their own, enlarged so that an edge is some pixels wide;
- of a keyed frame I = αF + (1 − α)K the key colour K is known and α follows from it, and so does
  I + (1 − α)(B − K) before any background B.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from livematte.dataset import Pictures, Row, read_index
from livematte.frame import Alpha, Frame, Picture
from livematte.scene import composite
from livematte.segment import Segmenter
from livematte.segment.refine import Refiner
from livematte.segment.runtime import closest_shape

UNKNOWN = (0.05, 0.95)
"""Alpha strictly between these is the unknown band."""

SOFT = 1.5
"""How soft the small true mask is, in its pixels (a Gaussian's sigma): about as a network's."""

BAND = 0.02
"""How far around the true edge alpha is compared, as a share of the diagonal."""

TIGHT = 0.002
"""How far a boundary may be off and still count, as a share of the diagonal."""


@dataclass(frozen=True)
class Case:
    """A person before an old and a new background; the pictures are uint8 RGB H×W×3."""

    set: str
    clip: str | None
    alpha: Alpha
    old: Picture
    new: Picture
    before_old: Picture
    before_new: Picture


def main() -> None:
    """Parse the arguments and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--pictures", type=int, default=60, help="of each set")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    cases = list(_cases(arguments.data, arguments.pictures))
    enlargement(cases)
    colour(cases)
    steadiness(arguments.data)


# what is measured


def enlargement(cases: list[Case]) -> None:
    """Alpha from the true mask, small and soft, and from the network's: error at the edge and boundary F."""
    print("enlarging the mask           set      mask      alpha error ×1000   boundary F   ms")
    for name in sorted({case.set for case in cases}):
        for kind in ("true", "network"):
            masks = [(case, _small_mask(case, kind)) for case in cases if case.set == name]
            for way, enlarge in WAYS.items():
                rows = [_edge_error(case, enlarge, mask) for case, mask in masks]
                error, f, spent = np.mean(rows, axis=0)
                print(f"  {way:25}  {name:8} {kind:8} {1000 * error:12.1f} {f:16.3f} {1000 * spent:9.1f}")


def colour(cases: list[Case]) -> None:
    """The composite's error against the true one in the unknown band, in levels of 0..255.

    Naive blending takes the true alpha, ours (the same as ours does), or the network's mask as it is (whole).
    """
    print("\nmoving to another background  set      alpha      naive    ours    less by")
    for name in sorted({case.set for case in cases}):
        for kind in ("true", "ours", "whole"):
            errors = np.mean([_colour_error(case, kind) for case in cases if case.set == name], axis=0)
            print(
                f"  {'':27}  {name:8} {kind:8} {errors[0]:7.2f} {errors[1]:7.2f} "
                f"{100 * (1 - errors[1] / errors[0]):8.0f} %"
            )


def steadiness(data: Path) -> None:
    """How much alpha changes from frame to frame where the picture hardly does."""
    print("\nchange of alpha from frame to frame where the picture stands still, ×1000: small mask, alpha")
    rows = sorted(
        (row for row in read_index(data) if row.by == "key" and row.split == "val"),
        key=lambda row: (row.clip or "", row.frame or 0),
    )
    segmenter, changes = Segmenter(threads=1), defaultdict(list)
    before: tuple[Row, Picture, Alpha, Alpha] | None = None
    with Pictures(data) as pictures:
        for row in rows:
            picture = cv2.resize(pictures.rgb(row), None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
            if before is None or before[0].clip != row.clip:
                segmenter.reset()
            matte = segmenter(picture)
            mask = cv2.resize(matte.mask, matte.alpha.shape[::-1], interpolation=cv2.INTER_LINEAR)
            if before is not None and before[0].clip == row.clip:
                still = cv2.absdiff(picture, before[1]).max(axis=2) < 6
                edge = (mask > 0.02) & (mask < 0.98) & still
                if edge.sum() > 100:
                    changes[row.clip].append(
                        (np.abs(mask - before[2])[edge].mean(), np.abs(matte.alpha - before[3])[edge].mean())
                    )
            before = row, picture, mask, matte.alpha
    for clip, values in changes.items():
        small, full = np.mean(values, axis=0) * 1000
        print(f"  {clip:25} {small:8.1f} {full:8.1f}")


# ways to enlarge a mask


def _bilinear(mask: Alpha, frame: Frame) -> Alpha:
    return cv2.resize(mask, (frame.width, frame.height), interpolation=cv2.INTER_LINEAR)


def _joint_bilateral(mask: Alpha, frame: Frame) -> Alpha:
    """Kopf et al. 2007 in its plain form: a 9×9 window over the mask, weighed by place and luma."""
    guide = cv2.cvtColor(frame.planes()[0], cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    enlarged = _bilinear(mask, frame)
    step = max(1, round(max(guide.shape) / max(mask.shape) / 1.5))
    total, weights = np.zeros_like(guide), np.zeros_like(guide)
    for down in range(-4, 5):
        for right in range(-4, 5):
            move = np.array([[1, 0, right * step], [0, 1, down * step]], np.float32)
            size = guide.shape[::-1]
            there = cv2.warpAffine(guide, move, size, borderMode=cv2.BORDER_REPLICATE)
            value = cv2.warpAffine(enlarged, move, size, borderMode=cv2.BORDER_REPLICATE)
            near = np.float32(np.exp(-(down**2 + right**2) / (2 * 2.0**2)))
            weight = near * np.exp(np.square(there - guide) * np.float32(-1 / (2 * 0.06**2)))
            total += weight * value
            weights += weight
    return total / weights


def _guided(mask: Alpha, frame: Frame) -> Alpha:
    return Refiner()(mask, frame).astype(np.float32) / 255


WAYS: dict[str, Callable[[Alpha, Frame], Alpha]] = {
    "bilinear": _bilinear,
    "joint bilateral": _joint_bilateral,
    "guided (livematte)": _guided,
}


def _small_mask(case: Case, kind: str) -> Alpha:
    high, wide = closest_shape("best", *case.alpha.shape[::-1])
    if kind == "true":
        small = cv2.resize(case.alpha, (wide, high), interpolation=cv2.INTER_AREA)
        return cv2.GaussianBlur(small, (0, 0), SOFT)
    return Segmenter(threads=1)(case.before_old).mask


def _edge_error(
    case: Case, enlarge: Callable[[Alpha, Frame], Alpha], mask: Alpha
) -> tuple[float, float, float]:
    frame = Frame.from_rgb(case.before_old)
    begin = time.perf_counter()
    alpha = enlarge(mask, frame)
    spent = time.perf_counter() - begin
    reach = round(BAND * np.hypot(*alpha.shape))
    edge = _boundary(case.alpha > 0.5)
    near = cv2.dilate(edge, np.ones((2 * reach + 1,) * 2, np.uint8)) > 0
    return float(np.abs(alpha - case.alpha)[near].mean()), _boundary_f(alpha, case.alpha), spent


def _boundary(person: NDArray[np.bool_]) -> NDArray[np.uint8]:
    mask = person.astype(np.uint8)
    return cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, np.ones((2, 2), np.uint8))


def _boundary_f(alpha: Alpha, truth: Alpha) -> float:
    ours, theirs = _boundary(alpha > 0.5), _boundary(truth > 0.5)
    radius = max(1, round(TIGHT * np.hypot(*truth.shape)))
    tool = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2)
    precision = (ours & cv2.dilate(theirs, tool)).sum() / max(1, ours.sum())
    recall = (theirs & cv2.dilate(ours, tool)).sum() / max(1, theirs.sum())
    return float(2 * precision * recall / max(1e-9, precision + recall))


def _colour_error(case: Case, kind: str) -> tuple[float, float]:
    frame = Frame.from_rgb(case.before_old)
    levels = np.rint(case.alpha * 255).astype(np.uint8)
    alpha = case.alpha
    if kind != "true":
        matte = Segmenter(threads=1)(frame)
        levels = matte.levels
        alpha = matte.alpha if kind == "ours" else _bilinear(matte.mask, frame)
    share = alpha[..., None]
    naive = share * case.before_old + (1 - share) * case.new
    (ours,) = composite(frame, levels, [case.new]).planes()
    unknown = (case.alpha > UNKNOWN[0]) & (case.alpha < UNKNOWN[1])
    return tuple(
        float(np.abs(picture.astype(np.float32) - case.before_new)[unknown].mean())
        for picture in (naive, ours)
    )


# cases whose truth is known


def _cases(data: Path, number: int) -> Iterator[Case]:
    rows = read_index(data)
    rooms = [row for row in rows if row.kind == "background" and row.split == "val"]
    sets = {
        "cutouts": [row for row in rows if row.truth == "alpha"],
        "keyed": [row for row in rows if row.by == "key"],
    }
    with Pictures(data) as pictures:
        for name, people in sets.items():
            for index, row in enumerate(people[:: max(1, len(people) // number)][:number]):
                old, new = (pictures.rgb(rooms[(index * 2 + n) % len(rooms)]) for n in (0, 1))
                picture, mask = pictures.pair(row)
                make = _from_cutout if row.truth == "alpha" else _from_key
                yield make(name, row, picture, mask, old, new)


def _from_cutout(
    name: str, row: Row, picture: Picture, mask: NDArray[np.uint8], old: Picture, new: Picture
) -> Case:
    # a photo's frame around the person, and an edge as wide as a video's
    border = max(picture.shape) // 6
    around = (border, 0, 2 * border, 2 * border)
    picture = cv2.copyMakeBorder(_spread(picture, mask), *around, cv2.BORDER_REPLICATE)
    mask = cv2.copyMakeBorder(mask, *around, cv2.BORDER_CONSTANT)
    size = mask.shape[1] * 3, mask.shape[0] * 3
    person = cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC).astype(np.float32)
    alpha = cv2.resize(mask, size, interpolation=cv2.INTER_LINEAR).astype(np.float32) / 255
    old, new = (cv2.resize(room, size, interpolation=cv2.INTER_CUBIC) for room in (old, new))
    share = alpha[..., None]
    over = (_picture(share * person + (1 - share) * room) for room in (old, new))
    return Case(name, row.clip, alpha, old, new, *over)


def _from_key(
    name: str, row: Row, picture: Picture, mask: NDArray[np.uint8], old: Picture, new: Picture
) -> Case:
    size = mask.shape[1] * 2, mask.shape[0] * 2
    filmed = cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC).astype(np.float32)
    person = cv2.resize(mask, size, interpolation=cv2.INTER_LINEAR).astype(np.float32) / 255
    tool = np.ones((9, 9), np.uint8)
    sure, never = cv2.erode(person, tool) > 0.99, cv2.dilate(person, tool) < 0.01
    weight = never.astype(np.float32)
    window = (61, 61)
    key = cv2.blur(filmed * weight[..., None], window) / (cv2.blur(weight, window)[..., None] + 1e-4)
    far = cv2.blur(weight, window) < 1e-3
    first = int(np.median(filmed[never], axis=0).argmax())  # the key's own channel
    signal = filmed[..., first] - filmed[..., 0 if first else 1]
    full = key[..., first] - key[..., 0 if first else 1]
    alpha = np.clip(1.06 - 1.12 * signal / np.maximum(full, 1), 0, 1)
    alpha = np.where(sure | far, person, np.where(never, 0, alpha)).astype(np.float32)
    old, new = (cv2.resize(room, size, interpolation=cv2.INTER_CUBIC) for room in (old, new))
    share = 1 - alpha[..., None]
    over = (_picture(np.maximum(filmed - share * key, 0) + share * room) for room in (old, new))
    return Case(name, row.clip, alpha, old, new, *over)


def _spread(picture: Picture, mask: NDArray[np.uint8]) -> Picture:
    """A cut-out's colours with the empty room around filled from its edge."""
    weight = (mask > 250).astype(np.float32)
    total = cv2.blur(picture * weight[..., None], (9, 9)) / (cv2.blur(weight, (9, 9))[..., None] + 1e-4)
    return np.where((mask > 200)[..., None], picture, _picture(total))


def _picture(values: NDArray[np.float32]) -> Picture:
    return np.rint(np.clip(values, 0, 255)).astype(np.uint8)


if __name__ == "__main__":
    main()
