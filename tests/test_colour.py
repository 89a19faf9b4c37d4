"""Alpha that pixels tell by their own colour."""

from __future__ import annotations

import av
import cv2
import numpy as np
import pytest
from frames import as_format

from livematte.frame import Alpha, Frame
from livematte.segment.colour import by_colour
from livematte.segment.refine import Refiner

SIZE = (640, 360)


def strands() -> Alpha:
    """A head with hair that stands out of it, as alpha."""
    alpha = np.zeros(SIZE[::-1], np.float32)
    cv2.ellipse(alpha, (320, 260), (110, 140), 0, 0, 360, 1, -1, cv2.LINE_AA)
    for angle in np.linspace(-2.6, -0.5, 40):
        start = 320 + 105 * np.cos(angle), 260 + 135 * np.sin(angle)
        end = 320 + 150 * np.cos(angle + 0.1), 260 + 185 * np.sin(angle + 0.1)
        cv2.line(alpha, tuple(map(round, start)), tuple(map(round, end)), 1, 2, cv2.LINE_AA)
    return cv2.GaussianBlur(alpha, (0, 0), 0.8)


def frame_of(alpha: Alpha, person: tuple[int, int, int], room: tuple[int, int, int], format: str) -> Frame:
    share = alpha[..., None]
    rgb = np.rint(share * np.array(person) + (1 - share) * np.array(room)).astype(np.uint8)
    return as_format(rgb, format)


def head() -> Alpha:
    """A smooth outline, as alpha."""
    alpha = np.zeros(SIZE[::-1], np.float32)
    cv2.ellipse(alpha, (320, 260), (110, 160), 0, 0, 360, 1, -1, cv2.LINE_AA)
    return cv2.GaussianBlur(alpha, (0, 0), 0.8)


def coarse(alpha: Alpha, moved: int = 0) -> Alpha:
    """What a network makes of it: the gaps in hair closed, all of it a little moved and soft."""
    blob = cv2.morphologyEx((alpha > 0.3).astype(np.float32), cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    small = cv2.resize(np.roll(blob, moved, axis=1), (256, 144), interpolation=cv2.INTER_AREA)
    return cv2.GaussianBlur(small, (0, 0), 1.5)


def enlarged(mask: Alpha) -> np.ndarray:
    return np.clip(255 * (1.7 * (cv2.resize(mask, SIZE) - 0.5) + 0.5), 0, 255)


def edge_error(levels: np.ndarray, truth: Alpha) -> float:
    near = cv2.dilate(((truth > 0.05) & (truth < 0.95)).astype(np.uint8), np.ones((15, 15), np.uint8)) > 0
    return float(np.abs(levels / 255 - truth)[near].mean())


@pytest.mark.parametrize("format", ["yuv420p", "yuv422p10le", "gray", "rgb24"])
@pytest.mark.parametrize("moved", [-6, 6])
def test_a_mask_that_is_off_moves_to_the_person(format: str, moved: int) -> None:
    truth = head()
    frame = frame_of(truth, (35, 28, 25), (215, 205, 190), format)
    mask = coarse(truth, moved)
    assert edge_error(Refiner()(mask, frame), truth) < 0.4 * edge_error(enlarged(mask), truth)


def test_colour_tells_where_luma_does_not() -> None:
    """Red before a green of the same luma: a grey picture of them shows nothing."""
    truth, colours = head(), ((160, 60, 60), (20, 109, 60))
    mask = coarse(truth, 6)
    coloured = Refiner()(mask, frame_of(truth, *colours, "yuv444p"))
    grey = Refiner()(mask, frame_of(truth, *colours, "gray"))
    assert edge_error(coloured, truth) < 0.6 * edge_error(grey, truth)


@pytest.mark.parametrize("format", ["yuv420p", "yuv422p10le", "gray", "rgb24"])
def test_dark_hair_on_a_bright_wall_is_closer_to_the_truth(format: str) -> None:
    truth = strands()
    frame = frame_of(truth, (35, 28, 25), (215, 205, 190), format)
    mask = coarse(truth)
    assert edge_error(Refiner()(mask, frame), truth) < 0.9 * edge_error(enlarged(mask), truth)


def test_sides_of_one_colour_tell_nothing() -> None:
    truth = strands()
    frame = frame_of(truth, (120, 110, 100), (120, 110, 100), "yuv420p")
    assert by_colour(coarse(truth), frame.planes(), 255)[2].max() < 0.02


def test_far_from_the_edge_nothing_changes() -> None:
    """A dark picture on the wall is no hair, a white shirt no wall."""
    truth = strands()
    frame = frame_of(truth, (35, 28, 25), (215, 205, 190), "rgb24")
    plane = frame.image.to_ndarray()
    plane[20:120, 20:120], plane[270:330, 300:340] = (35, 28, 25), (215, 205, 190)
    levels = Refiner()(coarse(truth), Frame.from_rgb(plane))
    assert levels[30:110, 30:110].max() <= 3
    assert levels[285:315, 310:330].min() >= 252


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_a_mask_without_an_edge_stays_so(level: float) -> None:
    frame = Frame(
        av.VideoFrame.from_ndarray(np.random.default_rng(0).integers(0, 256, (90, 160, 3), np.uint8))
    )
    assert (Refiner()(np.full((144, 256), level, np.float32), frame) == 255 * level).all()


@pytest.mark.parametrize("size", [(1, 1), (2, 500), (500, 3), (33, 17)])
def test_any_size_has_an_alpha(size: tuple[int, int]) -> None:
    frame = Frame(av.VideoFrame(*size, "yuv420p")).blank_like()
    for plane in frame.planes():
        plane[:] = 128
    assert Refiner()(np.full((144, 256), 0.5, np.float32), frame).shape == size[::-1]
