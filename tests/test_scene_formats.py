"""Composites and backdrops in every working format: bit depths, chroma layouts, grey, HDR."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from frames import filled, nobody

from livematte.frame import HLG, PQ, Frame, Orientation
from livematte.scene import Blur, Colour, Photo, Video, composite, cut_out
from livematte.scene.convert import planes_like
from livematte.segment.refine import Refiner

LAYOUTS = ["yuv420p", "yuv422p", "yuv444p"]
WORKING = [
    *(layout + depth for layout in LAYOUTS for depth in ("", "10le", "12le")),
    *("yuvj" + layout[3:] for layout in LAYOUTS),
    *("gray", "gray10le", "gray12le", "rgb24", "rgb48le"),
]
SIZES = [(64, 48), (17, 31), (1, 1)]
LIMITED, FULL = 1, 2
BT709, BT2020 = 1, 9


def blank(
    size: tuple[int, int], format: str, range_: int = LIMITED, matrix: int = BT709, transfer: int = 2
) -> Frame:
    image = av.VideoFrame(*size, format)
    if not format.startswith("rgb"):
        image.color_range = FULL if format.startswith("yuvj") else range_
        image.colorspace, image.color_trc = matrix, transfer
    return Frame(image)


def noise(size: tuple[int, int], format: str, seed: int) -> Frame:
    frame = blank(size, format)
    rng = np.random.default_rng(seed)
    for plane in frame.planes():
        plane[:] = rng.integers(0, 1 << frame.bits, plane.shape)
    return frame


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("format", WORKING)
def test_samples_pass_bit_for_bit_where_alpha_is_all_or_nothing(format: str, size: tuple[int, int]) -> None:
    frame, behind = noise(size, format, 1), noise(size, format, 2).planes()
    for level in (0, 255):
        result = composite(frame, np.full(size[::-1], level, np.uint8), behind)
        assert result.format == format
        for plane, same in zip(result.planes(), frame.planes() if level else behind, strict=True):
            assert np.array_equal(plane, same)


@pytest.mark.parametrize("format", WORKING)
def test_half_transparent_pixels_of_a_flat_pair_are_half_way(format: str) -> None:
    frame, under = blank((80, 60), format), blank((80, 60), format)
    peak = (1 << frame.bits) - 1
    for plane, behind in zip(frame.planes(), under.planes(), strict=True):
        plane[:], behind[:] = round(0.75 * peak), round(0.25 * peak)
    levels = np.full((60, 80), 128, np.uint8)
    for plane in composite(frame, levels, under.planes()).planes():
        # the frame's colour is all person and all room at once: neither may win
        assert np.abs(plane / peak - (0.25 + 0.5 * 128 / 255)).max() < 0.01


@pytest.mark.parametrize("size", [(160, 120), (641, 363)])
@pytest.mark.parametrize("format", WORKING)
def test_a_blur_keeps_depth_and_layout_and_a_flat_background_flat(format: str, size: tuple[int, int]) -> None:
    frame = blank(size, format)
    values = [round(share * ((1 << frame.bits) - 1)) for share in (0.6, 0.3, 0.8)]
    for plane, value in zip(frame.planes(), values, strict=False):
        plane[:] = value
    for plane, own in zip(Blur().planes(frame, nobody(frame)), frame.planes(), strict=True):
        assert (plane.dtype, plane.shape) == (own.dtype, own.shape)
        assert np.array_equal(plane, own)


@pytest.mark.parametrize("format", WORKING)
@pytest.mark.parametrize("orientation", [Orientation.UPRIGHT, Orientation.TURNED_LEFT])
@pytest.mark.parametrize("range_", [LIMITED, FULL])
def test_a_colour_decodes_back_to_itself(format: str, orientation: Orientation, range_: int) -> None:
    frame = blank((17, 31), format, range_)
    frame = Frame(frame.image, orientation=orientation)
    planes = Colour("#c83214").planes(frame, nobody(frame))
    assert [plane.shape for plane in planes] == [plane.shape for plane in frame.planes()]
    if format.startswith("gray"):
        luma = 0.2126 * 200 + 0.7152 * 50 + 0.0722 * 20
        level = luma if range_ == FULL else 16 + luma * 219 / 255
        assert np.abs(planes[0] / (1 << (frame.bits - 8)) - level).max() <= 2
    else:
        assert np.abs(filled(frame, planes).rgb().astype(int) - (200, 50, 20)).max() <= 3


def test_a_deep_cut_out_keeps_all_sixteen_bits() -> None:
    frame = noise((32, 24), "rgb48le", 1)
    levels = np.zeros((24, 32), np.uint8)
    levels[:, 16:] = 255
    rgba = np.dstack(cut_out(frame, levels))
    assert rgba.dtype == np.uint16
    assert np.array_equal(rgba[:, 16:, :3], frame.planes()[0][:, 16:])
    assert np.array_equal(rgba[..., 3], levels.astype(int) * 257)


@pytest.mark.parametrize("format", [name for name in WORKING if not name.startswith("rgb")])
def test_the_same_picture_has_the_same_alpha_at_every_depth(format: str) -> None:
    rows, columns = np.mgrid[:180, :320]
    disc = np.hypot(columns - 160, rows - 90) < 60
    mask = np.pad(np.ones((30, 30), np.float32), ((20, 22), (48, 50)))
    found = []
    for name in ("gray", format):
        frame = blank((320, 180), name)
        luma, *chroma = frame.planes()
        luma[:] = np.where(disc, 180, 60) << (frame.bits - 8)
        for plane in chroma:
            plane[:] = 1 << (frame.bits - 1)
        found.append(Refiner()(mask, frame).astype(int))
    assert np.abs(found[0] - found[1]).max() <= 3
    assert np.ptp(found[1]) > 200


# HDR


def nits(signal: np.ndarray, transfer: int) -> np.ndarray:
    """cd/m² on a 1000 cd/m² display of a grey's signal in 0..1, straight from BT.2100."""
    if transfer == PQ:
        power = signal ** (32 / 2523)
        return 1e4 * (np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)) ** (16384 / 2610)
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    return 1000 * scene**1.2


@pytest.mark.parametrize("transfer", [PQ, HLG])
@pytest.mark.parametrize("format", ["yuv420p10le", "yuv422p10le", "yuv444p12le", "gray10le"])
def test_greys_of_a_photo_are_as_bright_in_hdr_as_bt2408_says(format: str, transfer: int) -> None:
    frame = blank((32, 24), format, LIMITED, BT2020, transfer)
    for grey in (0, 64, 128, 192, 255):
        luma, *chroma = Photo(np.full((24, 32, 3), grey, np.uint8)).planes(frame, nobody(frame))
        signal = (luma / (1 << (frame.bits - 8)) - 16) / 219
        wanted = 203 * (grey / 255) ** 2.4
        assert np.abs(nits(np.clip(signal, 0, 1), transfer) - wanted).max() <= 0.01 * wanted + 0.05
        for plane in chroma:
            assert np.abs(plane.astype(int) - (1 << (frame.bits - 1))).max() <= 2


def test_white_of_a_deep_picture_is_white_not_more() -> None:
    frame = blank((32, 24), "yuv420p10le")
    deep = av.VideoFrame.from_ndarray(np.full((24, 32, 3), 65535, np.uint16), format="rgb48le")
    assert np.abs(planes_like(frame, deep)[0].astype(int) - 940).max() <= 1


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_a_pure_colour_takes_the_wide_primaries(transfer: int) -> None:
    """BT.709's red is far from BT.2020's: by BT.2087 it is 0.627, 0.069, 0.016 of linear light."""
    frame = blank((32, 24), "rgb48le")
    frame.image.color_trc = transfer
    (rgb,) = Colour("red").planes(frame, nobody(frame))
    light = nits(rgb[0, 0] / 65535, transfer)
    if transfer == PQ:
        assert light == pytest.approx(203 * np.array([0.6274, 0.0691, 0.0164]), rel=0.02)
    else:  # the display's gamma works on luminance, not on each colour: only the ratios of scene light stay
        scene = (light / 1000) ** (1 / 1.2)
        assert scene[1:] / scene[0] == pytest.approx(np.array([0.0691, 0.0164]) / 0.6274, rel=0.02)


def test_a_picture_that_is_hdr_itself_is_not_lifted_again() -> None:
    frame = blank((32, 24), "yuv420p10le", LIMITED, BT2020, PQ)
    for plane, value in zip(frame.planes(), (573, 512, 512), strict=True):
        plane[:] = value
    for plane, own in zip(planes_like(frame, frame.image), frame.planes(), strict=True):
        assert np.array_equal(plane, own)


def test_an_ordinary_video_is_lifted_behind_an_hdr_frame(tmp_path: Path) -> None:
    path = tmp_path / "white.mp4"
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", 10, {"crf": "1"})
        video.width, video.height, video.pix_fmt = 32, 24, "yuv420p"
        picture = av.VideoFrame.from_ndarray(np.full((24, 32, 3), 255, np.uint8), format="rgb24")
        for packet in [*video.encode(picture), *video.encode(None)]:
            out.mux(packet)
    frame = blank((64, 48), "yuv420p10le", LIMITED, BT2020, PQ)
    luma = Video(path).planes(Frame(frame.image, Fraction(0)), nobody(frame))[0]
    assert np.abs(luma.astype(int) - 573).max() <= 3  # PQ's signal of 203 cd/m² is 0.581
