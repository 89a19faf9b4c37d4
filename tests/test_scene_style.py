"""The whole scene: shaped edges, shadow, light, looks, effects, and the commands that ask for them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from clips import make_clip, picture
from frames import as_format, flat

import livematte
from livematte.errors import OptionError
from livematte.frame import Frame, Matte
from livematte.media import write_photo
from livematte.scene import LOOKS, Scene, Selection, Style

FORMATS = ["yuv420p", "yuvj420p", "yuv422p10le", "yuv444p12le", "gray", "rgb24", "rgb48le"]
SIZE = (200, 120)


def square(size: tuple[int, int] = SIZE) -> Matte:
    """A person that fills the middle, with an edge of four pixels."""
    rows, columns = np.mgrid[: size[1], : size[0]]
    outside = np.maximum(abs(columns - size[0] / 2) - size[0] / 5, abs(rows - size[1] / 2) - size[1] / 5)
    levels = np.rint(255 * np.clip(0.5 - outside / 4, 0, 1)).astype(np.uint8)
    return Matte(levels, (levels[::2, ::2] / 255).astype(np.float32))


def composed(
    style: Style, background: object = "white", format: str = "yuv444p12le", **more: object
) -> np.ndarray:
    frame = as_format(flat(SIZE, (120, 90, 60)), format)
    return Scene(background, style, **more)(frame, square()).rgb().astype(int)


# shaped edges


def width(levels: np.ndarray) -> int:
    return int((levels[SIZE[1] // 2] > 127).sum())


def soft(levels: np.ndarray) -> int:
    row = levels[SIZE[1] // 2]
    return int(((row > 12) & (row < 243)).sum())


def test_edges_are_as_they_were_by_default() -> None:
    matte = square()
    assert Selection(Style())(matte) is matte


def test_a_threshold_makes_edges_hard_and_moves_them() -> None:
    matte = square()
    assert soft(Selection(Style(threshold=0.5))(matte).levels) < soft(matte.levels)
    widths = [width(Selection(Style(threshold=t))(matte).levels) for t in (0.05, 0.5, 0.95)]
    assert widths == sorted(widths, reverse=True)
    assert widths[0] > widths[2]


def test_shrinking_and_growing_are_by_the_pixel() -> None:
    before = width(square().levels)
    assert width(Selection(Style(shrink=0.02))(square()).levels) == before - 2 * 4
    assert width(Selection(Style(shrink=-0.02))(square()).levels) == before + 2 * 4


def test_feathering_softens_and_stays_in_place() -> None:
    feathered = Selection(Style(feather=0.02))(square()).levels
    assert soft(feathered) > 2 * soft(square().levels)
    assert abs(width(feathered) - width(square().levels)) <= 2
    assert feathered.max() >= 254
    assert feathered.min() == 0


# integration


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("option", ["shadow", "light_wrap", "match", "saturation", "feather"])
def test_every_option_keeps_size_format_and_depth(format: str, option: str) -> None:
    frame = as_format(picture(0, SIZE), format)
    plain = Scene("#4060a0")(frame, square())
    little = 0.95 if option == "saturation" else 0.05
    result = Scene("#4060a0", Style(**{option: little}))(frame, square())
    assert (result.format, result.width, result.height, result.time) == (format, *SIZE, frame.time)
    for plane, other in zip(result.planes(), plain.planes(), strict=True):
        assert plane.dtype == other.dtype
        assert plane.max() < 1 << frame.bits
        # a little of anything changes the picture a little
        assert np.abs(plane.astype(int) - other).mean() < 0.05 * (1 << frame.bits)


@pytest.mark.parametrize("format", ["yuv420p", "yuv422p10le", "rgb24", "gray"])
def test_a_shadow_darkens_the_background_beside_people_and_nothing_else(format: str) -> None:
    plain, shadowed = (composed(Style(shadow=s), format=format)[..., 1] for s in (0, 0.8))
    inside = square().levels == 255
    assert np.abs(plain - shadowed)[inside].max() <= 1
    assert (plain - shadowed)[86:89, 75:125].min() > 40  # just below
    assert np.abs(plain - shadowed)[:10].max() <= 1


def test_a_shadow_takes_no_colour() -> None:
    shade = composed(Style(shadow=0.8), "#c86432")[88, 100]
    assert shade[0] / shade[2] == pytest.approx(200 / 50, rel=0.15)


def test_a_strength_s_range_is_its_whole_effect() -> None:
    darkest = [composed(Style(shadow=s))[88, 100].mean() for s in (0, 0.25, 0.5, 1)]
    assert darkest == sorted(darkest, reverse=True)


@pytest.mark.parametrize("format", ["yuv420p", "yuv422p10le", "rgb24"])
def test_light_wraps_around_the_edge_and_not_over_the_middle(format: str) -> None:
    plain, lit = (composed(Style(light_wrap=s), format=format).mean(axis=2) for s in (0, 1))
    row = (lit - plain)[60]
    assert row[60:63].min() > 4  # just inside
    assert np.abs(row[85:115]).max() <= 1
    assert np.abs(row[:55]).max() <= 1


def test_darkness_does_not_wrap() -> None:
    plain, lit = (composed(Style(light_wrap=s), "black") for s in (0, 1))
    assert np.abs(lit - plain).max() <= 2


@pytest.mark.parametrize("format", ["yuv420p", "yuv444p12le", "rgb24"])
def test_matched_people_go_with_the_new_place(format: str) -> None:
    middle = np.s_[55:65, 90:110]
    plain = composed(Style(), "black", format)[middle].mean()
    assert composed(Style(match=1), "white", format)[middle].mean() > 1.15 * plain
    assert composed(Style(match=1), "black", format)[middle].mean() < 0.85 * plain
    red, _, blue = composed(Style(match=1), "#ff8040", format)[middle].mean(axis=(0, 1))
    assert red / blue > 1.1 * 120 / 60


def test_people_whose_place_does_not_change_are_not_changed() -> None:
    assert np.abs(composed(Style(match=1), "own") - composed(Style(), "own")).max() <= 2


def test_matching_is_steady_when_the_background_flickers() -> None:
    class Flicker:
        count = 0

        def planes(self, frame: Frame, levels: np.ndarray) -> list[np.ndarray]:
            self.count += 1
            return [np.full_like(plane, 250 if self.count % 2 else 5) for plane in frame.planes()]

    scene = Scene(Flicker(), Style(match=1))
    frame = as_format(flat(SIZE, (120, 90, 60)), "rgb24")
    shades = [float(scene(frame, square()).rgb()[60, 100].mean()) for _ in range(40)]
    assert np.ptp(shades[20:]) < 0.12 * np.mean(shades[20:])


def test_neither_frame_nor_background_is_written_to() -> None:
    frame, behind = as_format(picture(0, SIZE), "yuv420p"), as_format(picture(3, SIZE), "yuv420p").planes()
    before = [plane.copy() for plane in (*frame.planes(), *behind)]

    class Given:
        def planes(self, frame: Frame, levels: np.ndarray) -> list[np.ndarray]:
            return behind

    Scene(Given(), Style(shadow=1, light_wrap=1, match=1, exposure=1, feather=0.05))(frame, square())
    for plane, was in zip((*frame.planes(), *behind), before, strict=True):
        assert np.array_equal(plane, was)


# options, looks and effects


@pytest.mark.parametrize(
    "wrong",
    [
        {"shadow": 1.1},
        {"light_wrap": -0.1},
        {"match": float("nan")},
        {"feather": 0.06},
        {"shrink": -0.06},
        {"threshold": 2},
        {"saturation": 3},
        {"exposure": -5},
        {"warmth": 1.5},
    ],
)
def test_an_option_out_of_range_names_itself_and_its_range(wrong: dict[str, float]) -> None:
    (name,) = wrong
    with pytest.raises(OptionError, match=rf"^{name.replace('_', '-')} is between -?[\d.]+ and [\d.]+, not"):
        Style(**wrong)


@pytest.mark.parametrize("wrong", [{"fit": "fill"}, {"position": "up"}])
def test_a_style_that_places_nothing_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(OptionError, match=r"cover|centre"):
        Style(**wrong)


def test_a_backdrop_that_reuses_its_planes_is_graded_anew() -> None:
    class Rising:
        def __init__(self) -> None:
            self.kept = [np.zeros((SIZE[1], SIZE[0], 3), np.uint8)]

        def planes(self, frame: Frame, levels: np.ndarray) -> list[np.ndarray]:
            self.kept[0] += 40
            return self.kept

    scene, frame = Scene(Rising(), Style(exposure=-1)), as_format(flat(SIZE, (120, 90, 60)), "rgb24")
    shades = [int(scene(frame, square()).rgb()[2, 2, 0]) for _ in range(3)]
    assert shades[0] < shades[1] < shades[2]


@pytest.mark.parametrize("look", LOOKS)
def test_every_look_changes_the_background_and_keeps_the_person(look: str) -> None:
    frame = as_format(picture(0, SIZE), "yuv420p")
    result = Scene(look=look)(frame, square())
    outside = square().levels == 0
    assert np.abs(result.rgb().astype(int) - frame.rgb())[outside].mean() > 2
    inside = np.s_[55:65, 90:110]
    assert np.corrcoef(result.rgb()[inside].ravel(), frame.rgb()[inside].ravel())[0, 1] > 0.9


def test_what_is_set_goes_before_the_look() -> None:
    frame = as_format(flat(SIZE, (120, 90, 60)), "rgb24")
    coloured = Scene(None, Style(saturation=1.5, exposure=-1.5), look="noir")(frame, square()).rgb()
    assert np.ptp(coloured[2, 2].astype(int)) == 0  # grey is of the look's background
    blue = Scene("#0000c8", look="noir")(frame, square()).rgb()[2, 2]
    assert blue[2] > 4 * max(blue[0], 10)
    brighter = Scene(None, Style(exposure=1), look="noir")(frame, square()).rgb()[2, 2].mean()
    assert brighter > Scene(look="noir")(frame, square()).rgb()[2, 2].mean()


def test_an_unknown_look_names_those_that_are() -> None:
    with pytest.raises(OptionError, match="noir"):
        Scene(look="film")


class Mirror:
    """Turns the composed picture around."""

    def apply(self, frame: Frame, matte: Matte) -> Frame:
        for plane in frame.planes():
            plane[:] = plane[:, ::-1].copy()
        return frame


def test_anybody_s_own_effects_run_in_order() -> None:
    frame = as_format(picture(0, SIZE), "yuv420p")
    once = Scene("teal", effects=[Mirror()])(frame, square())
    twice = Scene("teal", effects=[Mirror(), Mirror()])(frame, square())
    plain = Scene("teal")(frame, square())
    assert np.array_equal(once.planes()[0], plain.planes()[0][:, ::-1])
    assert np.array_equal(twice.planes()[0], plain.planes()[0])


# through the public functions


def test_replace_takes_look_style_and_effects(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "in.mp4", times=[Fraction(n, 25) for n in range(4)])
    report = livematte.replace(
        clip, tmp_path / "out.mp4", look="studio", style=Style(keep="largest"), effects=[Mirror()], threads=1
    )
    assert report.frames_out == 4
    assert not [warning for warning in report.warnings if "person" not in warning]


def test_a_background_that_breaks_off_is_in_the_report(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "in.mp4")
    behind = make_clip(tmp_path / "behind.mkv", options={"g": "1"})
    behind.write_bytes(behind.read_bytes()[: behind.stat().st_size // 2])
    report = livematte.replace(clip, tmp_path / "out.mp4", behind, threads=1)
    assert any("last good picture is held" in warning for warning in report.warnings)
    assert report.frames_out == 20


def test_a_style_shapes_the_mask_and_the_cut_out_too(tmp_path: Path) -> None:
    with av.open(str(Path(livematte.__file__).parent / "sample" / "clip.mp4")) as container:
        write_photo(tmp_path / "in.png", Frame(next(container.decode(video=0))).rgb(480))
    areas = []
    for shrink in (0.0, 0.03):
        given = {"style": Style(shrink=shrink), "options": livematte.Options(overwrite=True), "threads": 1}
        livematte.matte(tmp_path / "in.png", tmp_path / "mask.png", **given)
        livematte.replace(tmp_path / "in.png", tmp_path / "cut.png", "transparent", **given)
        with av.open(str(tmp_path / "mask.png")) as mask, av.open(str(tmp_path / "cut.png")) as cut:
            grey = next(mask.decode(video=0)).to_ndarray(format="gray")
            assert np.array_equal(next(cut.decode(video=0)).to_ndarray(format="rgba")[..., 3], grey)
            areas.append(grey.mean())
    assert areas[1] < 0.97 * areas[0]
    assert areas[1] > 20
