"""Clips of whole bodies in motion, made from stills: a stand-in for action video, with exact truth.

A person that a still shows whole is cut out along its mask and moved, turned and scaled before a moving
picture without people; both are blurred by their own motion. Nothing is kept on disk, and the same seed gives
the same clips.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import cv2
import numpy as np
from numpy.typing import NDArray

from livematte.dataset import Pictures, Row
from livematte.frame import Picture
from livematte.scoring.samples import Sample, levels

SET = "stand-in"
"""What these clips are called among the sets."""

CLIPS = 24
FRAMES = 24
WIDTH, HEIGHT = 320, 180

SHUTTER = 0.5
"""The share of a frame's time that the shutter is open."""

EXPOSURES = 8
"""How many moments are averaged while it is open."""

NOISE = 2.5
"""Standard deviation of the camera's noise, of a range of 255."""

LEAST = 96
"""The fewest pixels from head to foot of a person that is good enough to be shown."""

Floats = NDArray[np.float32]
Swing = Callable[[float], float]


class Action:
    """The clips that one split's pictures make: FRAMES frames of each person, CLIPS people at most.

    rows: the split's; people come from its stills and cut-outs, backgrounds from those with truth `none`.
    None of either: no clips. Its length is the number of frames. Raises InputError.
    """

    def __init__(self, pictures: Pictures, rows: Sequence[Row], seed: int) -> None:
        self._seed = seed
        people = [row for row in rows if row.mask is not None and row.kind in ("still", "cutout")]
        order = np.random.default_rng(seed).permutation(len(people))
        cut = (cut_out(pictures, people[int(number)]) for number in order)
        self._people = list(islice((person for person in cut if person is not None), CLIPS))
        self._places = [row for row in rows if row.truth == "none"]
        self._pictures = pictures

    def __len__(self) -> int:
        return FRAMES * len(self._people) * bool(self._places)

    def __iter__(self) -> Iterator[Sample]:
        for clip, person in enumerate(self._people if self._places else ()):
            random = np.random.default_rng((self._seed, clip))
            place = self._pictures.rgb(self._places[int(random.integers(len(self._places)))])
            shot, name = _Shot(person, place, random), f"{clip:02d}"
            for frame in range(FRAMES):
                picture, truth = shot.frame(frame)
                yield Sample(SET, f"{name}/{frame:02d}", picture, truth, True, name, frame, follows=frame > 0)


def cut_out(pictures: Pictures, row: Row) -> Floats | None:
    """The row's largest person if it is shown whole and upright: float32 RGBA h×w×4, 0..255, premultiplied.

    Whole: nowhere at the picture's edge (cut-outs are trimmed there), and at least 1.8 times as high as wide.
    """
    picture, mask = pictures.pair(row)
    _, regions, stats, _ = cv2.connectedComponentsWithStats((mask > 127).astype(np.uint8))
    if len(stats) < 2:
        return None
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    left, top, wide, high = (int(value) for value in stats[largest, :4])
    inside = left > 1 and top > 1 and left + wide < mask.shape[1] - 1 and top + high < mask.shape[0] - 1
    if high < max(LEAST, 1.8 * wide) or not (inside or row.kind == "cutout"):
        return None
    box = np.s_[top : top + high, left : left + wide]
    alpha = np.where(regions[box] == largest, mask[box], 0).astype(np.uint8)
    if row.truth != "alpha":  # a mask's outermost pixels hold some of the old background
        smaller = cv2.erode(np.pad(alpha, 1), np.ones((3, 3)))[1:-1, 1:-1]
        alpha = cv2.GaussianBlur(smaller, (3, 3), 0).astype(np.uint8, copy=False)
    share = alpha[..., None].astype(np.float32) / 255
    return np.dstack([picture[box] * share, alpha]).astype(np.float32)


@dataclass(frozen=True)
class _Path:
    """Where something is over time (in clips' lengths): centre in pixels, scale, and degrees of turn."""

    x: Swing
    y: Swing
    scale: Swing
    turn: Swing

    def matrix(self, source: Floats, time: float, mirror: bool) -> NDArray[np.float64]:
        """The affine 2×3 from the source's pixels to the frame's."""
        high, wide = source.shape[:2]
        matrix = cv2.getRotationMatrix2D((wide / 2, high / 2), self.turn(time), self.scale(time))
        matrix[:, 2] += self.x(time) - wide / 2, self.y(time) - high / 2
        if mirror:
            matrix = matrix @ np.array([[-1, 0, wide - 1], [0, 1, 0], [0, 0, 1.0]])
        return matrix.astype(np.float64)


class _Shot:
    """One clip: somebody moving before a moving background."""

    def __init__(self, person: Floats, place: Picture, random: np.random.Generator) -> None:
        height = random.uniform(0.55, 1.1) * HEIGHT
        shrink = min(1.0, 1.2 * height / person.shape[0])  # what is far too large would be shown jagged
        smaller = cv2.resize(person, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
        self._person: Floats = smaller.astype(np.float32, copy=False)
        self._place = place.astype(np.float32)
        self._match_light(random)
        scale = height / self._person.shape[0]
        fill = 1.25 * max(WIDTH / place.shape[1], HEIGHT / place.shape[0])
        self._walk = _Path(
            _swing(random, random.uniform(0.3, 0.7) * WIDTH, random.uniform(0.05, 0.3) * WIDTH),
            _swing(random, random.uniform(0.45, 0.6) * HEIGHT, random.uniform(0, 0.12) * HEIGHT),
            _swing(random, scale, random.uniform(0, 0.2) * scale),
            _swing(random, random.uniform(-6, 6), random.uniform(0, 20)),
        )
        self._pan = _Path(
            _swing(random, WIDTH / 2, random.uniform(0.01, 0.1) * WIDTH),
            _swing(random, HEIGHT / 2, random.uniform(0.01, 0.1) * HEIGHT),
            _swing(random, fill, random.uniform(0, 0.08) * fill),
            _swing(random, 0, random.uniform(0, 4)),
        )
        self._mirrored = random.random() < 0.5
        self._random = random

    def frame(self, number: int) -> tuple[Picture, Picture]:
        """Picture and truth of one frame, each the mean over the moments at which the shutter is open."""
        person, place = np.zeros((HEIGHT, WIDTH, 4), np.float32), np.zeros((HEIGHT, WIDTH, 3), np.float32)
        for moment in range(EXPOSURES):
            time = (number + SHUTTER * moment / EXPOSURES) / FRAMES
            person += _seen(self._person, self._walk.matrix(self._person, time, self._mirrored))
            place += _seen(self._place, self._pan.matrix(self._place, time, False), cv2.BORDER_REFLECT_101)
        # composed after the mean, so that picture = alpha · person + (1 - alpha) · place holds exactly
        alpha = person[..., 3:] / (255 * EXPOSURES)
        shown = person[..., :3] / EXPOSURES + (1 - alpha) * (place / EXPOSURES)
        shown += NOISE * self._random.standard_normal(shown.shape, np.float32)
        return levels(shown), levels(255 * alpha[..., 0])

    def _match_light(self, random: np.random.Generator) -> None:
        """Give the person some of the place's brightness, or the seam alone would tell them apart."""
        own = self._person[..., :3].sum() / (3 * max(1.0, float(self._person[..., 3].sum()) / 255))
        gain = ((float(self._place.mean()) + 50) / (own + 50)) ** random.uniform(0, 0.7)
        self._person[..., :3] = np.minimum(self._person[..., :3] * gain, self._person[..., 3:])


def _swing(random: np.random.Generator, middle: float, reach: float) -> Swing:
    """A value that swings around its middle, half to one and a half times in a clip."""
    rate, phase = random.uniform(0.5, 1.5), random.uniform(0, 1)
    return lambda time: middle + reach * math.sin(math.tau * (rate * time + phase))


def _seen(source: Floats, matrix: NDArray[np.float64], beyond: int = cv2.BORDER_CONSTANT) -> Floats:
    seen = cv2.warpAffine(source, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR, borderMode=beyond)
    return seen.astype(np.float32, copy=False)
