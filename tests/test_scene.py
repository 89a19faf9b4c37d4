"""What is put behind the people, and how both become one picture."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from clips import TICK, make_clip, picture
from frames import as_format, decoded, flat, nobody, red_square
from hypothesis import given, settings
from hypothesis import strategies as st

from livematte.errors import InputError, OptionError
from livematte.frame import Frame, Orientation
from livematte.media import write_photo
from livematte.scene import Blur, Colour, Photo, Video, composite, cut_out, make_backdrop
from livematte.scene.convert import fitted, planes_like

FORMATS = ["yuv420p", "yuvj420p", "rgb24"]
SIZES = [(64, 48), (17, 31), (16, 31), (1, 1), (501, 300)]
LIMITED, FULL = 1, 2
BT709, BT601 = 1, 6


def noise(size: tuple[int, int], format: str, seed: int) -> Frame:
    """A frame of random pixels."""
    frame = Frame(av.VideoFrame(*size, format)).blank_like()
    rng = np.random.default_rng(seed)
    for plane in frame.planes():
        plane[:] = rng.integers(0, 256, plane.shape, dtype=np.uint8)
    return frame


# person before background


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("level", [0, 255])
def test_all_or_nothing_is_exact(format: str, size: tuple[int, int], level: int) -> None:
    frame, behind = noise(size, format, 1), noise(size, format, 2).planes()
    result = composite(frame, np.full(size[::-1], level, np.uint8), behind)
    expected = frame.planes() if level else behind
    for plane, same in zip(result.planes(), expected, strict=True):
        assert np.array_equal(plane, same)


@pytest.mark.parametrize("format", FORMATS)
def test_a_sharp_edge_is_exact_on_both_sides(format: str) -> None:
    frame, behind = noise((64, 48), format, 1), noise((64, 48), format, 2).planes()
    levels = np.zeros((48, 64), np.uint8)
    levels[:, 32:] = 255
    for plane, ours, theirs in zip(
        composite(frame, levels, behind).planes(), frame.planes(), behind, strict=True
    ):
        middle = plane.shape[1] // 2
        assert np.array_equal(plane[:, middle:], ours[:, middle:])
        assert np.array_equal(plane[:, :middle], theirs[:, :middle])


@pytest.mark.parametrize("format", FORMATS)
def test_neither_the_frame_nor_the_background_is_changed(format: str) -> None:
    frame, under = noise((17, 31), format, 1), noise((17, 31), format, 2)
    levels = np.random.default_rng(3).integers(0, 256, (31, 17), dtype=np.uint8)
    composite(frame, levels, under.planes())
    for seed, used in ((1, frame), (2, under)):
        for plane, fresh in zip(used.planes(), noise((17, 31), format, seed).planes(), strict=True):
            assert np.array_equal(plane, fresh)


def test_the_result_keeps_time_orientation_and_tags() -> None:
    image = av.VideoFrame(16, 12, "yuv420p")
    image.color_range, image.colorspace = LIMITED, BT709
    frame = Frame(image, Fraction(1, 3), Orientation.TURNED_LEFT)
    result = composite(frame, nobody(frame), frame.planes())
    assert (result.time, result.orientation, result.format) == (frame.time, frame.orientation, "yuv420p")
    assert (result.image.color_range, result.image.colorspace) == (LIMITED, BT709)


def soft_disc(size: tuple[int, int], radius: float, width: float) -> np.ndarray:
    """uint8 alpha of a disc in the middle whose edge is `width` pixels wide."""
    rows, columns = np.mgrid[: size[1], : size[0]]
    distance = np.hypot(columns - size[0] / 2, rows - size[1] / 2)
    return np.rint(255 * np.clip((radius - distance) / width + 0.5, 0, 1)).astype(np.uint8)


def over(alpha: np.ndarray, ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    share = alpha[..., None] / 255
    return np.rint(share * ours + (1 - share) * theirs).astype(np.uint8)


def edge_error(result: np.ndarray, truth: np.ndarray, alpha: np.ndarray) -> float:
    return float(np.abs(result.astype(int) - truth)[(alpha > 8) & (alpha < 247)].mean())


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("size", [(160, 120), (201, 151), (1000, 750)])
@pytest.mark.parametrize("new", [(250, 250, 250), (20, 30, 160)])
def test_no_rim_of_the_old_background_stays(
    size: tuple[int, int], format: str, new: tuple[int, int, int]
) -> None:
    alpha = soft_disc(size, size[1] / 3, max(size) / 25)
    # both a little uneven, as they are in life
    shade = (picture(0, size).astype(int) - 128) // 12
    person = (flat(size, (190, 90, 60)) + shade).astype(np.uint8)
    old, other = (flat(size, (30, 140, 40)) - shade).astype(np.uint8), flat(size, new)
    frame = as_format(over(alpha, person, old), format)
    ours = composite(frame, alpha, as_format(other, format).planes()).rgb()
    naive = over(alpha, frame.rgb(), other)
    truth = as_format(over(alpha, person, other), format).rgb()
    assert edge_error(ours, truth, alpha) < 0.5 * edge_error(naive, truth, alpha)


def test_grey_levels_of_a_flat_pair_are_between_them() -> None:
    levels = np.tile(np.arange(256, dtype=np.uint8), (20, 1))
    frame = Frame.from_rgb(flat((256, 20), (200, 200, 200)))
    (row, *_) = composite(frame, levels, [flat((256, 20), (50, 50, 50))]).rgb()
    assert np.abs(row[:, 0] - (50 + 150 / 255 * levels[0])).max() <= 2.5
    assert (np.diff(row[:, 0].astype(int)) >= 0).all()


def test_a_cut_out_is_straight_rgba_in_the_persons_own_colour() -> None:
    size = (160, 120)
    alpha = soft_disc(size, 40, 8)
    frame = Frame.from_rgb(over(alpha, flat(size, (190, 90, 60)), flat(size, (30, 140, 40))))
    rgba = np.dstack(cut_out(frame, alpha))
    assert rgba.dtype == np.uint8
    assert np.array_equal(rgba[..., 3], alpha)
    solid = alpha == 255
    assert np.array_equal(rgba[solid][:, :3], frame.rgb()[solid])
    truth = flat(size, (190, 90, 60))
    assert edge_error(rgba[..., :3], truth, alpha) < 0.4 * edge_error(frame.rgb(), truth, alpha)


def test_a_cut_out_shows_nothing_of_the_room_beneath_its_alpha() -> None:
    size = (320, 240)
    alpha = soft_disc(size, 40, 8)
    frame = Frame.from_rgb(over(alpha, flat(size, (190, 90, 60)), flat(size, (30, 240, 40))))
    *_, colours, levels = (*cut_out(frame, alpha),)
    clear = colours[levels == 0].astype(int)
    # black, or the person's own colour carried on: in both the red is above the green
    assert np.all(clear[:, 0] >= clear[:, 1] * 1.2 - 4)
    assert np.all(colours[0, 0] == 0)


# one colour

COLOURS = {
    "teal": (0, 128, 128),
    "#c83214": (200, 50, 20),
    "white": (255, 255, 255),
    "BLACK": (0, 0, 0),
    "#0f0": (0, 255, 0),
}


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("size", [(64, 48), (17, 31)])
@pytest.mark.parametrize("format", ["yuv420p", "yuvj420p"])
@pytest.mark.parametrize("range_", [LIMITED, FULL])
@pytest.mark.parametrize("matrix", [BT601, BT709])
def test_a_colour_decodes_back_to_itself(
    colour: str, size: tuple[int, int], format: str, range_: int, matrix: int
) -> None:
    image = av.VideoFrame(*size, format)
    image.color_range, image.colorspace = FULL if format == "yuvj420p" else range_, matrix
    frame = Frame(image)
    shown = decoded(Colour(colour).planes(frame, nobody(frame)), frame)
    assert np.abs(shown.astype(int) - COLOURS[colour]).max() <= 3


@pytest.mark.parametrize(("range_", "luma"), [(LIMITED, {16, 235}), (FULL, {0, 255})])
def test_black_and_white_reach_the_ends_of_the_range(range_: int, luma: set[int]) -> None:
    image = av.VideoFrame(8, 8, "yuv420p")
    image.color_range, image.colorspace = range_, BT709
    frame = Frame(image)
    found = {
        int(level)
        for name in ("black", "white")
        for level in np.unique(Colour(name).planes(frame, nobody(frame))[0])
    }
    assert found == luma


def test_a_photo_frame_gets_the_exact_colour() -> None:
    frame = Frame.from_rgb(picture(0, (17, 31)))
    (plane,) = Colour("#c83214").planes(frame, nobody(frame))
    assert (plane == (200, 50, 20)).all()


@pytest.mark.parametrize("change", ["range", "matrix", "size", "format", "orientation"])
def test_one_backdrop_serves_clips_of_different_kinds(change: str) -> None:
    image = av.VideoFrame(24, 16, "yuv420p")
    image.color_range, image.colorspace = LIMITED, BT601
    before = Frame(image)
    size = (16, 24) if change == "size" else (24, 16)
    other = av.VideoFrame(*size, "yuvj420p" if change == "format" else "yuv420p")
    other.color_range = FULL if change in ("range", "format") else LIMITED
    other.colorspace = BT709 if change == "matrix" else BT601
    after = Frame(other, orientation=Orientation(3 if change == "orientation" else 1))
    shared = Photo(picture(0, (24, 16)))
    shared.planes(before, nobody(before))
    fresh = Photo(picture(0, (24, 16))).planes(after, nobody(after))
    for plane, expected in zip(shared.planes(after, nobody(after)), fresh, strict=True):
        assert np.array_equal(plane, expected)


# a photo


def circle(size: tuple[int, int]) -> np.ndarray:
    """A white disc in the middle of grey, its diameter 0.4 of the shorter side."""
    rgb = flat(size, (90, 90, 90))
    cv2.circle(rgb, (size[0] // 2, size[1] // 2), round(0.2 * min(size)), (255, 255, 255), -1)
    return rgb


@pytest.mark.parametrize("size", [(300, 200), (200, 300), (640, 640), (60, 40)])
@pytest.mark.parametrize("frame_size", [(160, 120), (120, 160), (151, 151), (320, 90)])
@pytest.mark.parametrize("format", ["rgb24", "yuv420p"])
def test_a_photo_fills_the_frame_and_a_circle_stays_round(
    size: tuple[int, int], frame_size: tuple[int, int], format: str
) -> None:
    frame = Frame(av.VideoFrame(*frame_size, format))
    shown = decoded(Photo(circle(size)).planes(frame, nobody(frame)), frame)
    disc = shown.min(axis=2) > 172
    rows, columns = np.flatnonzero(disc.any(axis=1)), np.flatnonzero(disc.any(axis=0))
    scale = max(frame_size[0] / size[0], frame_size[1] / size[1])
    diameter = 0.4 * min(size) * scale
    assert len(columns) == pytest.approx(min(diameter, frame_size[0]), abs=2 + 1.5 * scale)
    assert len(rows) == pytest.approx(min(diameter, frame_size[1]), abs=2 + 1.5 * scale)
    assert columns.mean() == pytest.approx(frame_size[0] / 2, abs=1 + scale)
    assert rows.mean() == pytest.approx(frame_size[1] / 2, abs=1 + scale)
    border = np.concatenate([shown[:2].reshape(-1, 3), shown[:, :2].reshape(-1, 3)])
    assert border.min() > 40  # grey or white: nothing is left empty


@pytest.mark.parametrize("size", [(30, 20), (20, 30), (1, 1), (7, 500)])
@pytest.mark.parametrize("wanted", [(30, 20), (1, 1), (17, 31), (500, 3)])
def test_fitted_has_the_wanted_size(size: tuple[int, int], wanted: tuple[int, int]) -> None:
    assert fitted(picture(0, size), *wanted).shape == (wanted[1], wanted[0], 3)


def test_fitted_cuts_off_evenly() -> None:
    wide = np.zeros((10, 30, 3), np.uint8)
    wide[:, 10:20] = 255
    assert fitted(wide, 10, 10).min() == 255
    assert fitted(wide.swapaxes(0, 1), 10, 10).min() == 255


@pytest.mark.parametrize("orientation", list(Orientation))
@pytest.mark.parametrize("format", FORMATS)
def test_the_background_of_a_rotated_frame_is_upright(orientation: Orientation, format: str) -> None:
    size = (48, 64) if orientation.swaps_sides else (64, 48)
    frame = Frame(av.VideoFrame(*size, format), orientation=orientation)
    smooth = cv2.GaussianBlur(picture(5), (0, 0), 3)
    shown = decoded(Photo(smooth).planes(frame, nobody(frame)), frame)
    assert shown.shape == smooth.shape
    assert np.abs(shown.astype(int) - smooth).mean() < (0.5 if format == "rgb24" else 3)


# a video


def flat_clip(path: Path, levels: list[int], rate: int = 10, start: Fraction = Fraction(0)) -> Path:
    """A clip of grey pictures, one level each."""
    with av.open(str(path), "w", container_options={"video_track_timescale": str(TICK.denominator)}) as out:
        video = out.add_stream("libx264", rate, {"crf": "1", "bf": "0"}, time_base=TICK)
        coder = video.codec_context
        coder.width, coder.height, coder.pix_fmt = 32, 24, "yuv420p"
        coder.flags |= av.codec.context.Flags.frame_duration
        for number, level in enumerate(levels):
            frame = as_format(flat((32, 24), (level,) * 3), "yuv420p").image
            frame.time_base, frame.duration = TICK, round(1 / (rate * TICK))
            frame.pts = round((start + Fraction(number, rate)) / TICK)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
    return path


def shown_levels(backdrop: Video, times: Iterator[Fraction]) -> list[int]:
    """The grey level, to the nearest ten, that stands behind each frame."""
    levels = []
    for time in times:
        frame = Frame(av.VideoFrame(32, 24, "yuv420p"), time)
        levels.append(round(decoded(backdrop.planes(frame, nobody(frame)), frame).mean() / 10) * 10)
    return levels


GREYS = [40, 80, 120, 160, 200]


@pytest.mark.parametrize("begin", [Fraction(0), Fraction(123_457, 90_000), Fraction(-1, 2)])
@pytest.mark.parametrize("own_start", [Fraction(0), Fraction(7, 10)])
def test_a_video_keeps_its_own_pace_and_loops(tmp_path: Path, begin: Fraction, own_start: Fraction) -> None:
    backdrop = Video(flat_clip(tmp_path / "behind.mp4", GREYS, 10, own_start))
    times = (begin + Fraction(n, 30) for n in range(45))
    assert shown_levels(backdrop, times) == [level for level in GREYS * 3 for _ in range(3)]


def test_a_faster_video_is_thinned_out(tmp_path: Path) -> None:
    backdrop = Video(flat_clip(tmp_path / "behind.mp4", GREYS * 4, 50))
    assert shown_levels(backdrop, (Fraction(n, 25) for n in range(10))) == (GREYS * 2)[::2] * 2


def test_a_long_pause_skips_whole_rounds(tmp_path: Path) -> None:
    backdrop = Video(flat_clip(tmp_path / "behind.mp4", GREYS, 10))
    times = iter([Fraction(0), Fraction(1, 2), Fraction(36, 10), Fraction(501, 50)])
    assert shown_levels(backdrop, times) == [40, 40, 80, 40]


def test_a_video_of_one_picture_stands_still(tmp_path: Path) -> None:
    backdrop = Video(flat_clip(tmp_path / "behind.mp4", [120], 10))
    assert shown_levels(backdrop, (Fraction(n, 30) for n in range(10))) == [120] * 10


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("orientation", [Orientation.UPRIGHT, Orientation.TURNED_RIGHT])
def test_a_rotated_video_is_upright_behind_a_rotated_frame(
    tmp_path: Path, rotation: int, orientation: Orientation
) -> None:
    path = make_clip(
        tmp_path / "in.mp4", times=[Fraction(0)], rotation=rotation, sound_tracks=0, options={"crf": "5"}
    )
    turned = np.rot90(picture(0), rotation // 90)
    high, wide = turned.shape[:2]
    size = (high, wide) if orientation.swaps_sides else (wide, high)
    frame = Frame(av.VideoFrame(*size, "yuv420p"), Fraction(0), orientation)
    shown = decoded(Video(path).planes(frame, nobody(frame)), frame)
    assert np.abs(shown.astype(int) - turned).mean() < 6


# blur


@pytest.mark.parametrize("size", [(160, 120), (641, 363), (1280, 720)])
@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("strength", [0.005, 0.03, 0.2])
def test_the_person_does_not_bleed_into_the_blur(size: tuple[int, int], format: str, strength: float) -> None:
    rgb, levels = red_square(size)
    frame = as_format(rgb, format)
    behind = decoded(Blur(strength).planes(frame, levels), frame)
    outside = levels == 0
    assert np.abs(behind[outside].astype(int) - 90).max() <= 10


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("size", [(160, 120), (17, 31), (1, 1), (1280, 720)])
def test_blur_keeps_a_flat_background_flat(size: tuple[int, int], format: str) -> None:
    frame = as_format(flat(size, (30, 160, 90)), format)
    for plane, own in zip(Blur().planes(frame, nobody(frame)), frame.planes(), strict=True):
        assert plane.shape == own.shape
        assert plane.dtype == np.uint8
        assert np.abs(plane.astype(int) - own).max() <= 1


def test_a_frame_full_of_person_still_has_a_blur() -> None:
    frame = as_format(flat((64, 48), (30, 160, 90)), "yuv420p")
    behind = decoded(Blur().planes(frame, np.full((48, 64), 255, np.uint8)), frame)
    assert np.abs(behind.astype(int) - (30, 160, 90)).max() <= 4


def test_blur_grows_with_its_strength() -> None:
    frame = noise((320, 240), "rgb24", 1)
    spreads = [Blur(strength).planes(frame, nobody(frame))[0].std() for strength in (0.001, 0.01, 0.05, 0.2)]
    assert spreads == sorted(spreads, reverse=True)
    assert spreads[0] < 0.6 * frame.planes()[0].std()
    assert spreads[-1] < 3


@pytest.mark.parametrize("strength", [0, 0.0009, 0.21, -1, float("nan"), float("inf")])
def test_a_blur_out_of_range_is_refused(strength: float) -> None:
    with pytest.raises(OptionError, match="strength"):
        Blur(strength)


# which backdrop a word names


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("blur", Blur),
        ("Blur", Blur),
        ("teal", Colour),
        ("#a0b1c2", Colour),
        ("photo", Photo),
        ("clip", Video),
    ],
)
def test_the_backdrop_that_a_word_names(tmp_path: Path, word: str, kind: type) -> None:
    if word == "photo":
        write_photo(tmp_path / "photo.png", picture(0))
    if word == "clip":
        make_clip(tmp_path / "clip.mp4", times=[Fraction(0)])
    paths = {"photo": tmp_path / "photo.png", "clip": tmp_path / "clip.mp4"}
    assert type(make_backdrop(paths.get(word, word))) is kind
    assert type(make_backdrop(str(paths.get(word, word)))) is kind


def test_pictures_and_backdrops_are_taken_as_they_are() -> None:
    frame = Frame.from_rgb(picture(0))
    (plane,) = make_backdrop(picture(3)).planes(frame, nobody(frame))
    assert np.array_equal(plane, picture(3))
    backdrop = Blur(0.1)
    assert make_backdrop(backdrop) is backdrop


def test_what_is_neither_a_file_nor_a_colour_is_named() -> None:
    with pytest.raises(InputError, match="beech") as caught:
        make_backdrop("beech")
    assert "colour" in str(caught.value)


@pytest.mark.parametrize("kind", ["folder", "empty", "text"])
def test_a_background_that_cannot_be_read_is_named(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"{kind}.jpg"
    if kind == "folder":
        path.mkdir()
    else:
        path.write_text("" if kind == "empty" else "no picture\n" * 50)
    with pytest.raises(InputError, match=path.name):
        make_backdrop(path)


def test_a_colour_that_is_none_is_refused() -> None:
    with pytest.raises(OptionError, match="'nocolour'"):
        Colour("nocolour")


@pytest.mark.parametrize(
    "wrong",
    [np.zeros((8, 8, 3), np.float32), np.zeros((8, 8), np.uint8), np.zeros((0, 8, 3), np.uint8)],
    ids=["float", "grey", "empty"],
)
def test_a_wrong_kind_of_picture_is_refused(wrong: np.ndarray) -> None:
    with pytest.raises(OptionError):
        make_backdrop(wrong)


# conversion

sides = st.integers(1, 70)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.tuples(sides, sides),
    st.tuples(sides, sides),
    st.sampled_from(FORMATS),
    st.sampled_from(FORMATS),
    st.sampled_from(list(Orientation)),
)
def test_planes_are_like_the_frames_own(
    size: tuple[int, int], other: tuple[int, int], format: str, from_format: str, orientation: Orientation
) -> None:
    frame = Frame(av.VideoFrame(*size, format), orientation=orientation)
    planes = planes_like(frame, as_format(flat(other, (100, 100, 100)), from_format).image)
    assert [plane.shape for plane in planes] == [plane.shape for plane in frame.planes()]
    assert {plane.dtype for plane in planes} == {np.dtype(np.uint8)}
    assert np.abs(decoded(planes, frame).astype(int) - 100).max() <= 3


@pytest.mark.parametrize(("from_range", "to_range"), [(LIMITED, FULL), (FULL, LIMITED), (FULL, FULL)])
@pytest.mark.parametrize(("from_matrix", "to_matrix"), [(BT601, BT709), (BT709, BT601)])
def test_matrix_and_range_are_converted(
    from_range: int, to_range: int, from_matrix: int, to_matrix: int
) -> None:
    tagged = []
    for range_, matrix in ((from_range, from_matrix), (to_range, to_matrix)):
        image = av.VideoFrame(32, 24, "yuv420p")
        image.color_range, image.colorspace = range_, matrix
        tagged.append(Frame(image))
    source, frame = tagged
    behind = source.blank_like()
    for plane, content in zip(behind.planes(), Colour("#c83214").planes(source, nobody(source)), strict=True):
        plane[:] = content
    shown = decoded(planes_like(frame, behind.image), frame)
    assert np.abs(shown.astype(int) - (200, 50, 20)).max() <= 6
