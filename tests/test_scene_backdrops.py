"""Backdrops beyond the plain ones: placement, gradients, moving pictures, discs, squares, grades."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from clips import make_clip, picture
from frames import as_format, decoded, flat, nobody, red_square
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from livematte.errors import InputError, OptionError
from livematte.frame import Frame, Orientation
from livematte.media import write_photo
from livematte.scene import (
    Backdrop,
    Blur,
    Bokeh,
    Colour,
    Grade,
    Graded,
    Gradient,
    Own,
    Photo,
    Pixelate,
    Placement,
    Video,
    make_backdrop,
)
from livematte.scene.placement import FITS

FORMATS = ["yuv420p", "yuvj420p", "yuv422p10le", "gray", "rgb24", "rgb48le"]
OWN = [Blur, Bokeh, Pixelate]


def shown(backdrop: Backdrop, frame: Frame) -> np.ndarray:
    return decoded(backdrop.planes(frame, nobody(frame)), frame)


# where a picture goes


def halves(size: tuple[int, int]) -> np.ndarray:
    """Red on the left, blue on the right, the lower half darker."""
    rgb = flat(size, (220, 20, 20))
    rgb[:, size[0] // 2 :] = (20, 20, 220)
    rgb[size[1] // 2 :] //= 2
    return rgb


@pytest.mark.parametrize("orientation", [Orientation.UPRIGHT, Orientation.TURNED_RIGHT])
@pytest.mark.parametrize("kind", ["photo", "video"])
@pytest.mark.parametrize("position", ["left", "right"])
def test_covering_keeps_the_side_that_is_asked_for(
    tmp_path: Path, kind: str, position: str, orientation: Orientation
) -> None:
    size = (60, 90) if orientation.swaps_sides else (90, 60)
    frame = Frame(av.VideoFrame(*size, "yuv420p"), Fraction(0), orientation)
    placement = Placement.of("cover", position)
    wide = halves((360, 60))
    backdrop = Photo(wide, placement) if kind == "photo" else Video(still(tmp_path, wide), placement)
    red, _, blue = shown(backdrop, frame).reshape(-1, 3).mean(axis=0)
    assert (red > 4 * blue) if position == "left" else (blue > 4 * red)


@pytest.mark.parametrize("kind", ["photo", "video"])
@pytest.mark.parametrize("format", ["yuv420p", "rgb24", "gray10le"])
def test_what_is_contained_is_whole_between_black_bars(tmp_path: Path, kind: str, format: str) -> None:
    frame = Frame(av.VideoFrame(100, 100, format), Fraction(0))
    placement = Placement.of("contain", "bottom")
    wide = flat((200, 80), (200, 200, 200))
    backdrop = Photo(wide, placement) if kind == "photo" else Video(still(tmp_path, wide), placement)
    levels = shown(backdrop, frame).max(axis=2)
    assert levels[:58].max() <= 24  # a grey frame's black is 16
    assert np.abs(levels[62:].astype(int) - 195).max() <= 15


@pytest.mark.parametrize("kind", ["photo", "video"])
def test_what_is_stretched_keeps_all_four_corners(tmp_path: Path, kind: str) -> None:
    frame = Frame(av.VideoFrame(60, 90, "yuv420p"), Fraction(0))
    placement, wide = Placement("stretch"), halves((200, 40))
    backdrop = Photo(wide, placement) if kind == "photo" else Video(still(tmp_path, wide), placement)
    found = shown(backdrop, frame).astype(int)
    for there, then in (((4, 4), (0, 0)), ((4, -4), (0, -1)), ((-4, 4), (-1, 0)), ((-4, -4), (-1, -1))):
        assert np.abs(found[there] - wide[then]).max() <= 16


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    st.tuples(st.integers(1, 5000), st.integers(1, 5000)),
    st.tuples(st.integers(1, 5000), st.integers(1, 5000)),
    st.sampled_from(FITS),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_boxes_lie_inside_and_keep_the_picture_s_shape(
    size: tuple[int, int], frame: tuple[int, int], fit: str, across: float, down: float
) -> None:
    inside, there = Placement(fit, across, down).boxes(size, frame)
    for box, whole in ((inside, size), (there, frame)):
        assert box.width >= 1 <= box.height
        assert box.left >= 0 <= box.top
        assert box.left + box.width <= whole[0]
        assert box.top + box.height <= whole[1]
    if fit != "contain":
        assert (there.width, there.height) == frame
    if fit != "cover":
        assert (inside.width, inside.height) == size
    sides = inside.width, inside.height, there.width, there.height
    if fit != "stretch" and min(sides) > 1:  # to a pixel
        slack = max(1 / inside.width + 1 / there.width, 1 / inside.height + 1 / there.height)
        ratio = (inside.width * there.height) / (inside.height * there.width)
        assert ratio == pytest.approx(1, rel=2 * slack)


def test_the_words_of_a_position() -> None:
    assert Placement.of("cover", "centre") == Placement.of("cover", "0.5,0.5")
    assert Placement.of("cover", "top-left") == Placement("cover", 0, 0)
    assert Placement.of("contain", "Bottom") == Placement("contain", 0.5, 1)


@pytest.mark.parametrize("position", ["", "middle-ish", "0.5", "0.5,x", "2,0", "0.1,0.2,0.3", "nan,0"])
def test_a_position_that_is_none_is_refused(position: str) -> None:
    with pytest.raises(OptionError, match="position"):
        Placement.of("cover", position)


def test_a_fit_that_is_none_is_refused() -> None:
    with pytest.raises(OptionError, match="cover, contain, stretch"):
        Placement("fill")


def still(folder: Path, rgb: np.ndarray) -> Path:
    """A clip of one picture."""
    path = folder / "still.mp4"
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", 10, {"crf": "1"})
        video.height, video.width, video.pix_fmt = *rgb.shape[:2], "yuv420p"
        frame = Frame.from_rgb(rgb).image
        out.mux(video.encode(frame))
        out.mux(video.encode(None))
    return path


# gradients and deep pictures


@pytest.mark.parametrize("format", FORMATS)
def test_a_gradient_runs_from_the_first_colour_to_the_last(format: str) -> None:
    frame = Frame(av.VideoFrame(40, 400, format))
    rows = shown(Gradient("black", "#404040", "white"), frame).astype(float).mean(axis=(1, 2))
    assert rows[0] <= 18
    assert rows[-1] >= 233
    assert rows[200] == pytest.approx(64, abs=12)
    assert (np.diff(rows) > -1.5).all()


def test_a_gradient_in_few_levels_shows_no_bands() -> None:
    frame = Frame(av.VideoFrame(64, 512, "rgb24"))
    (plane,) = Gradient("#404040", "#444444").planes(frame, nobody(frame))
    # four steps over 512 rows: without noise each row is of one level
    assert np.mean([len(np.unique(row)) > 1 for row in plane[..., 0]]) > 0.8


def test_a_deep_picture_keeps_its_depth() -> None:
    deep = np.tile(np.arange(20_000, 20_256, dtype=np.uint16)[:, None, None], (1, 8, 3))
    frame = Frame(av.VideoFrame(8, 256, "rgb48le"))
    (plane,) = Photo(deep).planes(frame, nobody(frame))
    assert np.array_equal(plane, deep)
    frame = Frame(av.VideoFrame(8, 256, "yuv444p12le"))
    assert len(np.unique(Photo(deep).planes(frame, nobody(frame))[0])) > 12


# moving pictures


def grey_clip(path: Path, count: int, rate: int = 10) -> Path:
    """Pictures of rising grey with something to compress, so that half the file is half the pictures."""
    rng = np.random.default_rng(0)
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate, {"crf": "5", "bf": "0", "g": "1"})
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        for number in range(count):
            rgb = np.clip(20 * number + 20 + rng.integers(-20, 20, (48, 64, 1)), 0, 255)
            frame = Frame.from_rgb(np.repeat(rgb, 3, axis=2).astype(np.uint8)).image
            frame.pts = number
            frame.time_base = Fraction(1, rate)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
    return path


def means(backdrop: Video, times: list[Fraction]) -> list[float]:
    found = []
    for time in times:
        frame = Frame(av.VideoFrame(64, 48, "yuv420p"), time)
        found.append(float(shown(backdrop, frame).mean()))
    return found


def test_a_video_that_does_not_loop_holds_its_last_picture(tmp_path: Path) -> None:
    backdrop = Video(grey_clip(tmp_path / "in.mkv", 5), loop=False)
    levels = means(backdrop, [Fraction(n, 10) for n in range(12)])
    backdrop.close()
    assert levels[:5] == sorted(levels[:5])
    assert levels[4:] == [levels[4]] * 8
    assert levels[4] > levels[0] + 60
    assert backdrop.warnings == []


def test_a_video_broken_half_way_holds_its_last_good_picture_and_says_so(tmp_path: Path) -> None:
    path = grey_clip(tmp_path / "in.mkv", 10)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    backdrop = Video(path)
    levels = means(backdrop, [Fraction(n, 10) for n in range(30)])
    backdrop.close()
    assert 60 < levels[-1] < 180
    assert levels[9:] == [levels[9]] * 21
    text = " ".join(backdrop.warnings)
    assert "cut off" in text
    assert "last good picture is held" in text
    assert len(backdrop.warnings) == 2


def animation(path: Path, durations: list[int]) -> Path:
    pictures = [Image.new("RGB", (40, 30), (60 * n, 60 * n, 60 * n)) for n in range(len(durations))]
    options = {"lossless": True} if path.suffix == ".webp" else {}
    first, *others = pictures
    first.save(path, save_all=True, append_images=others, duration=durations, loop=0, **options)
    return path


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_an_animated_picture_keeps_its_own_pace(tmp_path: Path, suffix: str) -> None:
    backdrop = make_backdrop(animation(tmp_path / f"in{suffix}", [100, 200, 100]))
    assert isinstance(backdrop, Video)
    levels = means(backdrop, [Fraction(n, 10) for n in range(8)])
    backdrop.close()
    assert [round(level / 60) for level in levels] == [0, 1, 1, 2, 0, 1, 1, 2]


def test_an_animated_picture_cut_off_holds_its_last_good_one(tmp_path: Path) -> None:
    path = tmp_path / "in.gif"
    rng = np.random.default_rng(1)
    noise = [Image.fromarray(rng.integers(0, 256, (30, 40, 3), dtype=np.uint8)) for _ in range(6)]
    noise[0].save(path, save_all=True, append_images=noise[1:], duration=100, loop=0)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    backdrop = Video(path)
    levels = means(backdrop, [Fraction(n, 10) for n in range(20)])
    backdrop.close()
    assert len(set(levels[10:])) == 1
    assert levels[0] > 100


def test_what_is_clear_in_an_animation_is_white(tmp_path: Path) -> None:
    clear, solid = Image.new("RGBA", (20, 20), (0, 0, 0, 0)), Image.new("RGBA", (20, 20), (10, 20, 30, 255))
    clear.save(tmp_path / "in.webp", save_all=True, append_images=[solid], duration=100, lossless=True)
    assert means(Video(tmp_path / "in.webp"), [Fraction(0)])[0] > 250


def test_an_hdr_video_behind_an_ordinary_clip_is_warned_of(tmp_path: Path) -> None:
    path = make_clip(
        tmp_path / "hdr.mp4",
        times=[Fraction(0)],
        tags=(1, 9, 9, 16),
        sound_tracks=0,
    )
    backdrop = Video(path)
    means(backdrop, [Fraction(0), Fraction(1)])
    assert sum("HDR" in warning for warning in backdrop.warnings) == 1


# the frame's own background


@pytest.mark.parametrize("size", [(160, 120), (641, 363)])
@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("own", OWN)
@pytest.mark.parametrize("strength", [0.005, 0.03, 0.15])
def test_the_person_does_not_bleed(own: type, format: str, size: tuple[int, int], strength: float) -> None:
    rgb, levels = red_square(size)
    frame = as_format(rgb, format)
    behind = decoded(own(strength).planes(frame, levels), frame)
    room = frame.rgb()[0, 0].astype(int)
    assert np.abs(behind[levels == 0] - room).max() <= 10


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("size", [(160, 120), (17, 31), (1, 1), (900, 8)])
@pytest.mark.parametrize("own", OWN)
def test_a_flat_background_stays_flat(own: type, size: tuple[int, int], format: str) -> None:
    frame = Frame(av.VideoFrame(*size, format)).blank_like()
    for plane, share in zip(frame.planes(), (0.5, 0.3, 0.7), strict=False):
        plane[:] = round(share * (1 << frame.bits))
    tolerance = 1 << (frame.bits - 8)
    for plane, was in zip(own().planes(frame, nobody(frame)), frame.planes(), strict=True):
        assert (plane.shape, plane.dtype) == (was.shape, was.dtype)
        assert np.abs(plane.astype(int) - was).max() <= tolerance


def test_a_light_becomes_a_disc() -> None:
    rgb = flat((960, 540), (12, 12, 12))
    rgb[260:280, 470:490] = 255
    frame = as_format(rgb, "yuv420p")
    found = shown(Bokeh(0.03), frame)[..., 1].astype(float)
    lit = found > 60
    rows, columns = np.nonzero(lit)
    radius = 0.03 * 960
    # a disc, not a Gaussian: flat inside, gone outside, and bright in spite of the dark around
    assert columns.max() - columns.min() == pytest.approx(2 * radius + 20, abs=14)
    assert rows.max() - rows.min() == pytest.approx(2 * radius + 20, abs=14)
    inside = found[270 - 14 : 270 + 14, 480 - 14 : 480 + 14]
    assert inside.min() > 0.85 * inside.max()
    assert shown(Blur(0.03), frame).max() < 0.5 * found.max()


def test_squares_are_of_one_colour_and_of_the_size_that_is_asked_for() -> None:
    frame = as_format(cv2.GaussianBlur(picture(0, (640, 360)), (0, 0), 3), "yuv444p")
    for plane in Pixelate(0.05).planes(frame, nobody(frame)):
        steps = np.flatnonzero(np.abs(np.diff(plane.astype(int), axis=1)).max(axis=0))
        assert len(steps) <= 19
        assert set(np.diff(steps)) <= {31, 32, 33, 64}


@pytest.mark.parametrize("own", OWN)
@pytest.mark.parametrize("strength", [0, 0.21, -1, float("nan")])
def test_a_strength_out_of_range_names_the_range(own: type, strength: float) -> None:
    with pytest.raises(OptionError, match=r"between 0\.001 and 0\.2"):
        own(strength)


# grades


@pytest.mark.parametrize("format", ["yuv420p", "yuvj420p", "yuv444p12le", "rgb24", "rgb48le"])
@pytest.mark.parametrize("tone", [(200, 60, 40), (40, 90, 160), (128, 128, 128)])
def test_without_saturation_all_is_grey_of_the_same_light(format: str, tone: tuple[int, int, int]) -> None:
    frame = as_format(flat((32, 24), tone), format)
    graded = decoded(Graded(Own(), Grade(saturation=0)).planes(frame, nobody(frame)), frame).astype(int)
    assert np.ptp(graded, axis=2).max() <= 3
    luma = 0.2126 * tone[0] + 0.7152 * tone[1] + 0.0722 * tone[2]
    # what an untagged small frame calls luma is BT.601's
    assert np.abs(graded - luma).max() <= 14


@pytest.mark.parametrize("format", FORMATS)
def test_a_stop_less_is_half_the_light(format: str) -> None:
    frame = as_format(flat((32, 24), (180, 180, 180)), format)
    graded = decoded(Grade(exposure=-1)(frame, frame.planes()), frame)
    before = 16 + 180 * 219 / 255 if format == "gray" else 180  # stored, for a limited grey frame is shown so
    zero = 16 if format == "gray" else 0
    light = ((graded.mean() - zero) / (before - zero if format == "gray" else before)) ** 2.2
    assert light == pytest.approx(0.5, abs=0.09)


@pytest.mark.parametrize("format", ["yuv420p", "yuv422p10le", "rgb24"])
def test_warmth_moves_white_to_amber_and_leaves_black(format: str) -> None:
    frame = as_format(np.vstack([flat((32, 12), (180, 180, 180)), flat((32, 12), (0, 0, 0))]), format)
    graded = decoded(Grade(warmth=1)(frame, frame.planes()), frame).astype(int)
    red, green, blue = graded[3, 5]
    assert red > green + 25 > blue + 50
    assert graded[20, 5].max() <= 6


def test_a_plain_grade_changes_nothing_and_the_frame_is_left_as_it_was() -> None:
    frame = as_format(picture(0), "yuv420p")
    before = [plane.copy() for plane in frame.planes()]
    assert Grade()(frame, frame.planes())[0] is not None
    Grade(saturation=0, exposure=2, warmth=-1)(frame, frame.planes())
    for plane, was in zip(frame.planes(), before, strict=True):
        assert np.array_equal(plane, was)


@pytest.mark.parametrize("wrong", [{"saturation": -0.1}, {"exposure": 5}, {"warmth": float("nan")}])
def test_a_grade_out_of_range_names_the_range(wrong: dict[str, float]) -> None:
    (name,) = wrong
    with pytest.raises(OptionError, match=f"{name} is between"):
        Grade(**wrong)


# words


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("blur:0.05", Blur),
        ("BOKEH", Bokeh),
        ("bokeh:0.01", Bokeh),
        ("pixelate", Pixelate),
        ("grey", Graded),
        ("gray", Graded),
        ("own", Own),
        ("gradient:#123456,teal", Gradient),
        ("green", Colour),
    ],
)
def test_the_backdrop_that_a_word_names(word: str, kind: type) -> None:
    assert type(make_backdrop(word)) is kind


def test_green_is_the_green_of_key_cloth() -> None:
    frame = Frame(av.VideoFrame(8, 8, "rgb24"))
    assert (shown(make_backdrop("green"), frame) == (0, 177, 64)).all()


@pytest.mark.parametrize(
    "word", ["blur:x", "bokeh:1", "pixelate:-1", "gradient:", "gradient:teal", "gradient:a,b"]
)
def test_a_word_with_a_wrong_value_says_what_would_be_right(word: str) -> None:
    with pytest.raises(OptionError, match=r"0\.2|colour"):
        make_backdrop(word)


def test_a_file_with_a_colon_in_its_name_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_photo(tmp_path / "at 10:30.png", picture(0))
    assert type(make_backdrop("at 10:30.png")) is Photo
    with pytest.raises(InputError, match="bokeh"):
        make_backdrop("at 10:31.png")
