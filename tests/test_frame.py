"""Frames, mattes and the eight ways in which pixels are stored."""

from __future__ import annotations

from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from clips import picture
from PIL import Image, ImageOps

from livematte.frame import Frame, Matte, Orientation, halve

EXIF_ORIENTATION = 0x0112
TAGS = ("color_range", "colorspace", "color_primaries", "color_trc")
ALL = list(Orientation)


def stored_frame(upright: np.ndarray, orientation: Orientation, **more: object) -> Frame:
    stored = np.ascontiguousarray(orientation.stored(upright))
    return Frame(av.VideoFrame.from_ndarray(stored, format="rgb24"), orientation=orientation, **more)


@pytest.mark.parametrize("shape", [(3, 5), (3, 5, 3), (1, 4), (1, 1)])
@pytest.mark.parametrize("orientation", ALL)
def test_stored_undoes_upright(orientation: Orientation, shape: tuple[int, ...]) -> None:
    pixels = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    assert np.array_equal(orientation.stored(orientation.upright(pixels)), pixels)
    assert np.array_equal(orientation.upright(orientation.stored(pixels)), pixels)


@pytest.mark.parametrize("orientation", ALL)
def test_orientation_means_what_exif_means(orientation: Orientation) -> None:
    stored = np.arange(12, dtype=np.uint8).reshape(3, 4)
    image = Image.fromarray(stored)
    image.getexif()[EXIF_ORIENTATION] = int(orientation)
    assert np.array_equal(orientation.upright(stored), np.asarray(ImageOps.exif_transpose(image)))


@pytest.mark.parametrize("orientation", ALL)
def test_sides_swap_where_the_array_says_so(orientation: Orientation) -> None:
    swapped = orientation.upright(np.zeros((2, 3), np.uint8)).shape == (3, 2)
    assert orientation.swaps_sides == swapped
    frame = Frame(av.VideoFrame(5, 4, "yuv420p"), orientation=orientation)
    assert frame.upright_size == ((4, 5) if swapped else (5, 4))


@pytest.mark.parametrize("orientation", ALL)
def test_orienting_makes_no_copy(orientation: Orientation) -> None:
    pixels = np.zeros((3, 4), np.uint8)
    assert np.shares_memory(pixels, orientation.upright(pixels))


@pytest.mark.parametrize("size", [(64, 48), (17, 31), (1, 1), (3, 1)])
@pytest.mark.parametrize("orientation", ALL)
def test_rgb_is_upright(orientation: Orientation, size: tuple[int, int]) -> None:
    upright = picture(4, size)
    frame = stored_frame(upright, orientation)
    assert frame.upright_size == size
    assert np.array_equal(frame.rgb(), upright)
    assert frame.rgb().flags.c_contiguous


@pytest.mark.parametrize("size", [(16, 12), (32, 16), (20, 40), (64, 48), (128, 96)])
@pytest.mark.parametrize("orientation", ALL)
def test_rgb_is_scaled_after_it_is_turned(orientation: Orientation, size: tuple[int, int]) -> None:
    upright = cv2.GaussianBlur(picture(4), (0, 0), 2)
    scaled = stored_frame(upright, orientation).rgb(*size)
    assert scaled.shape == (size[1], size[0], 3)
    expected = cv2.resize(upright, size, interpolation=cv2.INTER_AREA)
    assert np.abs(scaled.astype(int) - expected).mean() < 3


def test_from_rgb_takes_any_layout_and_keeps_the_time() -> None:
    frame = Frame.from_rgb(picture(0, (17, 31))[:, ::-1], Fraction(1, 3))
    assert np.array_equal(frame.rgb(), picture(0, (17, 31))[:, ::-1])
    assert (frame.width, frame.height, frame.format, frame.time) == (17, 31, "rgb24", Fraction(1, 3))


@pytest.mark.parametrize(
    ("size", "chroma"),
    [((64, 48), (24, 32)), ((17, 31), (16, 9)), ((16, 31), (16, 8)), ((1, 1), (1, 1)), ((3, 1), (1, 2))],
)
@pytest.mark.parametrize("format", ["yuv420p", "yuvj420p"])
def test_planes_have_the_shapes_of_4_2_0(size: tuple[int, int], chroma: tuple[int, int], format: str) -> None:
    planes = Frame(av.VideoFrame(*size, format)).planes()
    assert [plane.shape for plane in planes] == [size[::-1], chroma, chroma]
    assert {plane.dtype for plane in planes} == {np.dtype(np.uint8)}


@pytest.mark.parametrize("format", ["rgb24", "gray"])
@pytest.mark.parametrize("size", [(64, 48), (17, 31), (1, 1)])
def test_the_one_plane_of_a_still_is_its_pixels(size: tuple[int, int], format: str) -> None:
    pixels = picture(0, size) if format == "rgb24" else np.ascontiguousarray(picture(0, size)[..., 0])
    (plane,) = Frame(av.VideoFrame.from_ndarray(pixels, format=format)).planes()
    assert np.array_equal(plane, pixels)


@pytest.mark.parametrize("size", [(64, 48), (17, 31), (1, 1)])
def test_what_is_written_to_the_planes_is_in_the_picture(size: tuple[int, int]) -> None:
    frame = Frame(av.VideoFrame(*size, "yuvj420p")).blank_like()
    luma, *chroma = frame.planes()
    luma[:] = picture(0, size)[..., 0]
    for plane in chroma:
        plane[:] = 128
    grey = np.repeat(picture(0, size)[..., :1], 3, axis=2)
    assert np.abs(frame.rgb().astype(int) - grey).max() <= 1


@pytest.mark.parametrize("orientation", [Orientation.UPRIGHT, Orientation.TURNED_LEFT])
@pytest.mark.parametrize("tags", [(1, 1, 1, 1), (2, 5, 5, 6), (1, 9, 9, 16)])
def test_a_blank_frame_keeps_everything_but_the_pixels(
    tags: tuple[int, ...], orientation: Orientation
) -> None:
    image = av.VideoFrame(17, 31, "yuv420p")
    for name, tag in zip(TAGS, tags, strict=True):
        setattr(image, name, tag)
    image.pts, image.time_base, image.duration = 7, Fraction(1, 30), 2
    frame = Frame(image, Fraction(7, 30), orientation)
    blank = frame.blank_like()
    assert tuple(getattr(blank.image, name) for name in TAGS) == tags
    assert (blank.image.pts, blank.image.time_base, blank.image.duration) == (7, Fraction(1, 30), 2)
    assert (blank.time, blank.orientation) == (Fraction(7, 30), orientation)
    assert (blank.width, blank.height, blank.format) == (17, 31, "yuv420p")


def test_a_blank_frame_has_its_own_memory() -> None:
    frame = Frame.from_rgb(picture(0))
    blank = frame.blank_like()
    blank.planes()[0][:] = 0
    assert np.array_equal(frame.rgb(), picture(0))
    assert blank.rgb().max() == 0
    assert blank.time is None


@pytest.mark.parametrize("orientation", ALL)
def test_alpha_is_upright_and_from_0_to_1(orientation: Orientation) -> None:
    upright = np.array([[0, 51, 102], [153, 204, 255]], np.uint8)
    matte = Matte(orientation.stored(upright), np.zeros((2, 2), np.float32), orientation)
    assert matte.alpha.dtype == np.float32
    assert np.allclose(matte.alpha, [[0, 0.2, 0.4], [0.6, 0.8, 1]], atol=1e-6)
    assert matte.alpha.max() == 1


@pytest.mark.parametrize(
    ("shape", "least", "halved"),
    [
        ((720, 1280), 320, (180, 320)),
        ((1280, 720), 320, (320, 180)),
        ((360, 639), 320, (360, 639)),
        ((360, 640), 320, (180, 320)),
        ((721, 1281), 320, (180, 320)),
        ((1, 4000), 320, (1, 4000)),
        ((3, 4000), 320, (1, 2000)),
        ((1, 1), 320, (1, 1)),
    ],
)
@pytest.mark.parametrize("channels", [(), (3,)])
def test_halving_stops_in_time(
    shape: tuple[int, int], least: int, halved: tuple[int, int], channels: tuple[int, ...]
) -> None:
    assert halve(np.zeros((*shape, *channels), np.uint8), least).shape == (*halved, *channels)


def test_halving_is_the_mean_of_four() -> None:
    plane = np.random.default_rng(1).integers(0, 256, (64, 96), dtype=np.uint8)
    means = plane.reshape(32, 2, 48, 2).mean(axis=(1, 3))
    assert np.abs(halve(plane, 48) - means).max() <= 0.5


def test_what_is_small_enough_is_not_copied() -> None:
    plane = np.zeros((48, 64), np.uint8)
    assert halve(plane, 64) is plane


@pytest.mark.parametrize("format", ["yuv420p", "yuv444p10le", "rgb24"])
def test_a_frames_halves_are_those_of_its_planes(format: str) -> None:
    rgb = np.random.default_rng(2).integers(0, 256, (300, 500, 3), dtype=np.uint8)
    frame = Frame(Frame.from_rgb(rgb).image.reformat(format=format))
    for number, plane in enumerate(frame.planes()):
        for least in (20, 500, 100, 64, 1000):
            assert np.array_equal(frame.halved(number, least), halve(plane, least))


@pytest.mark.parametrize("orientation", [Orientation.UPRIGHT, Orientation.TURNED_RIGHT])
@pytest.mark.parametrize("size", [(1280, 720), (642, 362), (256, 144)])
def test_a_small_picture_is_the_mean_of_each_area(size: tuple[int, int], orientation: Orientation) -> None:
    rgb = cv2.blur(np.random.default_rng(3).integers(0, 256, (*size[::-1], 3), dtype=np.uint8), (9, 9))
    image = Frame.from_rgb(rgb).image.reformat(format="yuv420p", dst_colorspace="ITU709", threads=1)
    image.colorspace = 1
    frame = Frame(image, orientation=orientation)
    whole = frame.rgb()
    wide, high = whole.shape[1] // 5, whole.shape[0] // 5
    means = cv2.resize(whole, (wide, high), interpolation=cv2.INTER_AREA)
    assert np.abs(frame.rgb(wide, high).astype(int) - means).mean() < 3


@pytest.mark.parametrize(("lines", "matrix"), [(480, "ITU601"), (720, "ITU709")])
def test_an_untagged_picture_has_the_matrix_that_players_take(lines: int, matrix: str) -> None:
    rgb = np.full((lines, lines, 3), (30, 200, 60), np.uint8)
    image = Frame.from_rgb(rgb).image.reformat(format="yuv420p", dst_colorspace=matrix, threads=1)
    image.colorspace = 2  # not said
    assert np.abs(Frame(image).rgb().astype(int) - rgb).max() <= 3
