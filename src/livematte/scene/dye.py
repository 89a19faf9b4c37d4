"""Hair and lips in another colour, with their strands, gloss and light."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike, fspath

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from livematte.errors import OptionError
from livematte.frame import Frame, Matte, Plane, matrix_of, tag_like
from livematte.labels import Label
from livematte.scene.backdrop import kind, rgb
from livematte.scene.composite import Levels, fit
from livematte.scene.convert import planes_like, white_level, zero_level
from livematte.scene.region import Finder
from livematte.segment.refine import luma_of

OWN_LIGHT = {Label.HAIR: 0.35, Label.LIPS: 0.65}
"""How much of a part's own mean intensity stays: it tells how much light there is, the colour does not."""

STEEPEST = 2.5
"""How far contrast below the mean may be stretched: beyond it dark hair shows noise."""

DARKEST, LIGHTEST = 0.03, 0.95
"""Bounds of a mean intensity, so that there is room on both sides of it."""

LIT = 1.2
"""How many times as bright as its own a colour may get before it turns to the white of what shines."""

STEADY = 0.9
"""How much of the mean intensity stays from frame to frame, so that the colour does not flicker."""

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Dye:
    """A colour for one part of the people. Raises OptionError where it is none or out of range.

    part: HAIR or LIPS; colour: a CSS name or #rrggbb; strength: 0..1, of the new colour over the old.
    """

    part: Label
    colour: str
    strength: float = 1.0

    def __post_init__(self) -> None:
        name = self.part.name.lower()
        try:
            rgb(self.colour)
        except OptionError as error:
            raise OptionError(f"{name}: {error}, with or without a strength: teal:0.6") from None
        if not 0 <= self.strength <= 1:
            raise OptionError(f"{name}: the strength is between 0 and 1, not {self.strength:g}")

    @classmethod
    def of(cls, part: Label, text: str) -> Dye:
        """Of words: a colour, and a strength after a colon, as in `#6b2d1a:0.8`."""
        colour, colon, value = text.partition(":")
        try:
            strength = float(value) if colon else 1.0
        except ValueError:
            raise OptionError(
                f"{part.name.lower()} {text}: the strength is a number between 0 and 1, as in {colour}:0.6"
            ) from None
        return cls(part, colour, strength)


class Dyer:
    """Gives one part of the people of a clip's frames, in order, another colour: an Effect.

    After "Real-time Hair Segmentation and Recoloring on Mobile GPUs" (Tkachenka et al. 2019): a table of
    colours by intensity, made for the wanted colour and for the part's own mean intensity, which is steadied
    over time. Intensities stay in order, so that a strand stays lighter or darker than the next.
    """

    def __init__(self, dye: Dye) -> None:
        self._dye = dye
        self._find = Finder(dye.part)
        self._mean: float | None = None
        self._key: tuple[object, ...] = ()
        self._ramp: _Ramp | None = None

    def apply(self, frame: Frame, matte: Matte) -> Frame:
        """A frame in the new colour; the given one, as it is, where nothing of the part is to be seen.

        Raises OptionError where the matte has no parts.
        """
        if matte.parts is None:
            raise OptionError(_needs_parts("the network of this matte"))
        region = self._find(frame, matte.levels, matte.parts)
        if region is None:
            self._mean = None
            return frame
        result = frame.blank_like()
        for plane, out in zip(frame.planes(), result.planes(), strict=True):
            np.copyto(out, plane)
        luma = luma_of(region.of(frame.planes()))
        table = self._table(frame, cv2.mean(luma, region.sure)[0], matte.begins)
        for number, plane in enumerate(region.of(result.planes())):
            size = plane.shape[1], plane.shape[0]
            seen = cv2.resize(luma, size, interpolation=cv2.INTER_AREA).astype(luma.dtype, copy=False)
            new = table[:, number].take(seen) if plane.ndim == 2 else table.take(seen, 0)
            _mix(plane, new, fit(region.levels, plane.shape[:2]), self._dye.strength)
        return result

    def _table(self, frame: Frame, mean: float, begins: bool) -> Plane:
        """The new sample of every plane or channel, 2^bits × C, for every level of luma, given its mean."""
        if self._ramp is None or kind(frame) != self._key:
            self._key, self._ramp, self._mean = kind(frame), _Ramp.of(frame, self._dye.colour), None
        ramp, peak = self._ramp, (1 << frame.bits) - 1
        steady = 0.0 if begins or self._mean is None else STEADY
        before = self._mean or 0.0
        self._mean = steady * before + (1 - steady) * _bounded(float(ramp.intensity(np.array(mean))))
        own = OWN_LIGHT[self._dye.part]
        wanted = self._mean**own * ramp.middle ** (1 - own)
        moved = _moved(ramp.intensity(np.arange(peak + 1.0)), self._mean, wanted)
        table = np.rint(np.clip(ramp.at(moved), 0, peak))
        return table.astype(np.uint8 if frame.bits == 8 else np.uint16)


@dataclass(frozen=True, slots=True, eq=False)
class _Ramp:
    """The colours that something dyed has by its intensity: from black through its own colour to white.

    stops: intensities, 0..1, rising; colours: a sample of every plane or channel at each of them, 3×C;
    middle: the intensity of the colour itself; dark, light: the luma of black and of white.
    """

    stops: Values
    colours: Values
    middle: float
    dark: float
    light: float

    @classmethod
    def of(cls, frame: Frame, colour: str) -> _Ramp:
        """In samples like the frame's."""
        own = np.array(rgb(colour), np.float64)
        # lit better, a dyed strand first shows more of its colour, then more and more of the light's
        lit = own * min(LIT, 255 / max(own.max(), 1))
        (middle, _), (knee, sample) = _like(frame, own), _like(frame, lit)
        channels = range(len(sample))
        black = np.array([zero_level(frame, number) for number in channels], np.float64)
        white = np.array([white_level(frame, number) for number in channels], np.float64)
        dark, light = black[0], white[0]
        middle, knee = (_bounded((level - dark) / (light - dark)) for level in (middle, knee))
        return cls(np.array([0, knee, 1]), np.stack([black, sample, white]), middle, dark, light)

    def intensity(self, luma: Values) -> Values:
        """Of levels of luma, 0..1."""
        share: Values = np.clip((luma - self.dark) / (self.light - self.dark), 0, 1)
        return share

    def at(self, intensity: Values) -> Values:
        """N×C samples of N intensities."""
        channels = [np.interp(intensity, self.stops, samples) for samples in self.colours.T]
        return np.stack(channels, axis=1)


def _like(frame: Frame, colour: Values) -> tuple[float, Values]:
    """The luma of RGB in 0..255, and its C samples, in a frame like this one."""
    small = Frame(av.VideoFrame(16, 16, frame.format))
    tag_like(small.image, frame.image)
    if not frame.image.format.is_rgb:  # what is not tagged goes by the frame's size
        small.image.colorspace = matrix_of(frame.image)
    picture = np.full((16, 16, 3), np.rint(colour), np.uint8)
    planes = planes_like(small, Frame.from_rgb(picture).image)
    samples = np.concatenate([plane[0, 0].reshape(-1) for plane in planes])
    return float(luma_of(planes)[0, 0]), samples.astype(np.float64)


def _moved(intensity: Values, mean: float, wanted: float) -> Values:
    """Intensities, 0..1, on a rising curve that takes `mean` to `wanted`: two parabolas that meet there.

    Above it, contrast is never stretched as a whole, so that what shines keeps its distance from the rest.
    """
    below = min(wanted / mean, STEEPEST)
    above = min((1 - wanted) / (1 - mean), 1.0)
    slope = min((wanted / mean) ** 0.5, 1.0, 2 * below, 2 * above)
    far = intensity - mean
    bend = np.where(far < 0, (slope - below) / mean, (above - slope) / (1 - mean))
    moved: Values = np.clip(wanted + slope * far + bend * np.square(far), 0, 1)
    return moved


def _bounded(intensity: float) -> float:
    return min(max(intensity, DARKEST), LIGHTEST)


def _mix(plane: Plane, new: Plane, levels: Levels, strength: float) -> None:
    """Write the new samples over those of an H×W or H×W×3 plane, as far as the levels, 0..255, say."""
    change = cv2.subtract(new, plane, dtype=cv2.CV_32F)
    share = cv2.merge([levels, levels, levels]) if plane.ndim == 3 else levels
    cv2.multiply(change, share, dst=change, scale=strength / 255, dtype=cv2.CV_32F)
    plane[:] = cv2.add(plane, change, dtype=cv2.CV_8U if plane.dtype == np.uint8 else cv2.CV_16U)


def check_parts(dyes: Sequence[Dye], network: str | PathLike[str], tells_parts: bool) -> None:
    """Refuse colours for parts of people that the network does not tell apart. Raises OptionError."""
    if dyes and not tells_parts:
        raise OptionError(_needs_parts(fspath(network)))
    if network == "parts" and any(dye.part == Label.LIPS for dye in dyes):
        raise OptionError(
            "lips need a network that tells them from skin, which parts does not: train one on pictures that "
            "do (livematte train --network parts, livematte export) and give its file as network"
        )


def _needs_parts(network: str) -> str:
    """What to do about a network that tells no parts."""
    return (
        f"hair and lips need a network that tells the parts of a person apart, which {network} does not: "
        "give the network parts, or the file of another that does"
    )
