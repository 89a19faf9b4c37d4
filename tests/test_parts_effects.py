"""Effects on the parts of people: hair, lips, glasses and headphones, and grain behind all of them."""

from __future__ import annotations

import warnings
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import make_clip, picture
from frames import as_format, nobody
from runs import SAMPLE, first_image, names

import livematte
from livematte.errors import OptionError
from livematte.frame import HLG, PQ, Frame, Matte, Orientation
from livematte.labels import Label
from livematte.media import write_photo
from livematte.scene import Colour, Dye, Dyer, Scene, Selection, Style
from livematte.scene.grain import Grain
from livematte.scene.region import Finder
from livematte.segment.refine import Refiner

FORMATS = ["yuv420p", "yuvj420p", "yuv422p10le", "yuv444p", "yuv444p12le", "rgb24", "rgb48le"]
SIZE = (321, 243)
SMALL = (108, 144)
HEAD = np.s_[72:120, 110:210]
"""Well within the hair, upright."""

AWAY = np.s_[200:, :]
"""Far from it."""

DARK, LIGHT = 0.2, 0.65


def strands(mean: float, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Brownish strands of different lightness over all of an RGB picture; mean: 0..1, of its lightness."""
    rng = np.random.default_rng(5)
    noise = cv2.GaussianBlur(rng.standard_normal((size[1], size[0])).astype(np.float32), (0, 0), 1, sigmaY=12)
    noise -= noise.mean()
    lightness = np.clip(mean * (1 + 0.3 * noise / (noise.std() + 1e-6)), 0.02, 1)[..., None]
    return np.rint(255 * np.clip(lightness * (1.15, 0.98, 0.75), 0, 1)).astype(np.uint8)


def disc(middle: tuple[float, float], radius: float, shape: tuple[int, int] = SMALL) -> np.ndarray:
    """A soft disc in the small picture, which is 1 wide and 1 high; middle: across, down."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    far = np.hypot((columns + 0.5) / shape[1] - middle[0], (rows + 0.5) / shape[0] - middle[1])
    return np.clip((radius - far) * 40 + 0.5, 0, 1).astype(np.float32)


def matte_of(frame: Frame, part: Label, share: np.ndarray, **more: object) -> Matte:
    """Somebody who fills the picture, with a part of them where the upright small share says."""
    parts = np.zeros((*share.shape, 8), np.float32)
    parts[..., Label.CLOTHES - 1] = 1 - share
    parts[..., part - 1] += share
    levels = np.full((frame.height, frame.width), 255, np.uint8)
    return Matte(levels, np.ones_like(share), frame.orientation, parts, **more)


HAIR = disc((0.5, 0.4), 0.25)


def dyed(frame: Frame, colour: str, part: Label = Label.HAIR, share: np.ndarray = HAIR) -> Frame:
    return Dyer(Dye.of(part, colour)).apply(frame, matte_of(frame, part, share))


def turned(upright: np.ndarray, format: str, orientation: Orientation) -> Frame:
    stored = np.ascontiguousarray(orientation.stored(upright))
    return replace(as_format(stored, format), orientation=orientation)


def hue(rgb: np.ndarray) -> float:
    """Of the mean colour, in degrees."""
    mean = rgb.reshape(-1, 3).mean(0).astype(np.float32).reshape(1, 1, 3) / 255
    return float(cv2.cvtColor(mean, cv2.COLOR_RGB2HSV)[0, 0, 0])


def luma(rgb: np.ndarray) -> np.ndarray:
    return rgb.astype(float) @ (0.2126, 0.7152, 0.0722)


# hair


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("mean", [DARK, LIGHT])
@pytest.mark.parametrize("colour", ["#b03a12", "#2c5aa0", "#e6c88a"])
def test_hair_takes_the_hue_and_moves_towards_the_lightness(colour: str, mean: float, format: str) -> None:
    frame = as_format(strands(mean), format)
    before, after = frame.rgb()[HEAD], dyed(frame, colour).rgb()[HEAD]
    wanted = np.array(livematte.scene.backdrop.rgb(colour))
    assert abs((hue(after) - hue(wanted) + 180) % 360 - 180) < 8
    # on the way from its own lightness to the colour's, most of it, and never beyond
    way = (luma(after).mean() - luma(before).mean()) / (luma(wanted) - luma(before).mean())
    assert abs(luma(after).mean() - luma(wanted)) < 16 or 0.4 < way < 1.02


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(("mean", "colour"), [(DARK, "#e6c88a"), (LIGHT, "#1b1512"), (LIGHT, "#b03a12")])
def test_strands_keep_their_order_and_contrast(mean: float, colour: str, format: str) -> None:
    frame = as_format(strands(mean), format)
    before, after = luma(frame.rgb()[HEAD]), luma(dyed(frame, colour).rgb()[HEAD])
    steps = [np.diff(values, axis=1).ravel() for values in (before, after)]
    assert np.corrcoef(*steps)[0, 1] > 0.9
    contrast = (after.std() / after.mean()) / (before.std() / before.mean())
    assert 0.3 < contrast < 2.3


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("orientation", list(Orientation))
def test_all_else_is_left_bit_for_bit(format: str, orientation: Orientation) -> None:
    frame = turned(strands(LIGHT), format, orientation)
    before = [plane.copy() for plane in frame.planes()]
    result = dyed(frame, "#2c5aa0")
    assert (result.format, result.orientation, result.time) == (format, orientation, frame.time)
    upright = result.rgb().astype(int)
    assert np.abs(upright[HEAD] - frame.rgb()[HEAD]).mean() > 20
    for plane, own, was in zip(result.planes(), frame.planes(), before, strict=True):
        assert np.array_equal(own, was)
        height = plane.shape[orientation.swaps_sides]
        stays = np.s_[round(AWAY[0].start / SIZE[1] * height) :]
        assert np.array_equal(orientation.upright(plane)[stays], orientation.upright(was)[stays])


@pytest.mark.parametrize("orientation", list(Orientation))
def test_a_turned_frame_is_dyed_like_its_upright_picture(orientation: Orientation) -> None:
    rgb = strands(LIGHT)
    upright = dyed(as_format(rgb, "yuv444p"), "#2c5aa0").rgb().astype(int)
    result = dyed(turned(rgb, "yuv444p", orientation), "#2c5aa0").rgb()
    assert np.abs(result - upright).mean() < 1


def test_hair_ends_where_the_picture_shows_its_edge() -> None:
    """The share is off by some pixels; the edge between hair and what is beside it is found."""
    rgb = strands(DARK)
    edge = 190
    rgb[:, edge:] = (225, 190, 170)
    frame = as_format(rgb, "yuv420p")
    share = disc((0.5, 0.4), 0.35)
    share[:, round((edge - 5) / SIZE[0] * SMALL[1]) :] = 0
    blue = dyed(frame, "#2c5aa0", share=cv2.blur(share, (5, 5))).rgb().astype(int)[80:120]
    change = np.abs(blue - frame.rgb()[80:120]).mean(axis=(0, 2))
    assert change[edge - 8 : edge - 3].min() > 0.6 * change[140:160].mean()
    assert change[edge + 6 :].max() < 0.15 * change[140:160].mean()


@pytest.mark.parametrize("radius", [0.05, 0.2])
@pytest.mark.parametrize("size", [(321, 243), (1280, 720), (641, 1001)])
def test_the_edge_in_the_box_is_that_of_the_whole_frame(size: tuple[int, int], radius: float) -> None:
    frame = as_format(strands(LIGHT, size), "yuv420p")
    share = disc((0.4, 0.45), radius)
    matte = matte_of(frame, Label.HAIR, share)
    region = Finder(Label.HAIR)(frame, matte.levels, matte.parts)
    assert region is not None
    whole = Refiner()(share, frame).astype(int)
    difference = np.abs(whole[region.box.rows, region.box.columns] - region.levels)
    assert difference.mean() < 2
    assert difference.max() < 32
    whole[region.box.rows, region.box.columns] = 0
    assert whole.max() == 0


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_hdr_hair_takes_the_colour_as_a_background_would(transfer: int) -> None:
    frame = as_format(strands(LIGHT), "yuv420p10le")
    frame.image.color_trc, frame.image.colorspace, frame.image.color_range = transfer, 9, 1
    own, after = (
        [plane[40:55, 60:100].mean() - 512 for plane in f.planes()[1:]]
        for f in (frame, dyed(frame, "#2c5aa0"))
    )
    wanted = [float(plane[0, 0]) - 512 for plane in Colour("#2c5aa0").planes(frame, nobody(frame))[1:]]
    assert np.dot(own, wanted) < 0
    assert np.dot(after, wanted) / np.linalg.norm(after) / np.linalg.norm(wanted) > 0.98


@pytest.mark.parametrize("size", [(1, 1), (17, 31), (2, 200), (1300, 40)])
@pytest.mark.parametrize("format", ["yuv420p", "yuv444p12le", "gray", "rgb24"])
def test_odd_sizes_pass(size: tuple[int, int], format: str) -> None:
    frame = as_format(strands(LIGHT, size), format)
    result = dyed(frame, "black", share=np.ones((9, 16), np.float32))
    assert result.rgb().mean() < 0.5 * frame.rgb().mean()


def test_strength_is_how_far_it_goes() -> None:
    frame = as_format(strands(LIGHT), "yuv444p")
    shades = [dyed(frame, f"#2c5aa0:{s}").planes()[1][HEAD].mean() for s in (0, 0.5, 1)]
    assert shades[0] == frame.planes()[1][HEAD].mean()
    assert shades[1] == pytest.approx((shades[0] + shades[2]) / 2, abs=1)


def test_who_is_cut_away_is_not_dyed() -> None:
    frame = as_format(strands(LIGHT), "yuv420p")
    matte = matte_of(frame, Label.HAIR, HAIR)
    gone = replace(matte, levels=np.zeros_like(matte.levels))
    assert Dyer(Dye.of(Label.HAIR, "red")).apply(frame, gone) is frame


def test_only_the_one_who_is_kept_is_dyed() -> None:
    frame = as_format(strands(LIGHT), "yuv444p")
    people = disc((0.25, 0.5), 0.2) + disc((0.75, 0.5), 0.15)
    parts = np.zeros((*people.shape, 8), np.float32)
    parts[..., Label.HAIR - 1] = people
    levels = np.rint(255 * cv2.resize(people, SIZE)).astype(np.uint8)
    result = Scene("own", Style(hair="#2c5aa0", keep="largest"))(frame, Matte(levels, people, parts=parts))
    change = np.abs(result.rgb().astype(int) - frame.rgb()).mean(axis=2)
    assert change[:, :140].max() > 40
    assert change[:, 180:].max() == 0


# over time


def run(dyer: Dyer, mean: float, share: np.ndarray = HAIR, **more: object) -> float:
    """The mean luma of the hair after a frame."""
    frame = as_format(strands(mean), "yuv420p")
    return float(dyer.apply(frame, matte_of(frame, Label.HAIR, share, **more)).planes()[0][HEAD].mean())


def change(means: list[float]) -> float:
    """The mean change from frame to frame, once the beginning has settled."""
    return float(np.abs(np.diff(means[10:])).mean())


def test_a_mask_that_trembles_does_not_make_the_colour_flicker() -> None:
    rng, dyer, means = np.random.default_rng(1), Dyer(Dye.of(Label.HAIR, "#e6c88a")), []
    rgb = strands(DARK)
    rgb[140:] = 240  # a white collar that the mask takes for hair now and then
    frame = as_format(rgb, "yuv420p")
    for _ in range(30):
        matte = matte_of(frame, Label.HAIR, disc((0.5, 0.4), 0.25 + 0.03 * rng.random()))
        means.append(dyer.apply(frame, matte).planes()[0][HEAD].mean())
    assert change(means) < 0.3  # 1.4 when every frame had a mean of its own


def test_noise_in_brightness_is_hardly_made_stronger() -> None:
    rng, dyer, before, after = np.random.default_rng(1), Dyer(Dye.of(Label.HAIR, "#e6c88a")), [], []
    for _ in range(30):
        frame = as_format(strands(DARK * (1 + 0.02 * rng.standard_normal())), "yuv420p")
        before.append(frame.planes()[0][HEAD].mean())
        result = dyer.apply(frame, matte_of(frame, Label.HAIR, HAIR))
        after.append(result.planes()[0][HEAD].mean())
    assert change(after) < 1.4 * change(before)


@pytest.mark.parametrize("between", ["a cut", "nobody"])
def test_a_cut_or_a_pause_starts_anew(between: str) -> None:
    dyer, fresh = Dyer(Dye.of(Label.HAIR, "#b03a12")), Dyer(Dye.of(Label.HAIR, "#b03a12"))
    for _ in range(5):
        run(dyer, DARK)
    if between == "nobody":
        run(dyer, DARK, np.zeros(SMALL, np.float32))
    carried = run(dyer, LIGHT, begins=between == "a cut")
    assert carried == run(fresh, LIGHT)


def test_what_came_before_is_carried_on_within_a_shot() -> None:
    dyer, fresh = Dyer(Dye.of(Label.HAIR, "#b03a12")), Dyer(Dye.of(Label.HAIR, "#b03a12"))
    for _ in range(5):
        run(dyer, DARK)
    assert run(dyer, LIGHT) > run(fresh, LIGHT) + 10


def test_the_segmenter_says_where_a_shot_begins() -> None:
    segmenter = livematte.Segmenter(threads=1)
    person = picture(0, (160, 120))
    assert [segmenter(shown).begins for shown in (person, person, 255 - person, 255 - person)] == [
        True,
        False,
        True,
        False,
    ]


# lips


@pytest.mark.parametrize("format", FORMATS)
def test_lips_keep_texture_and_gloss(format: str) -> None:
    rgb = strands(0.5)
    gloss = np.s_[94:98, 150:170]
    rgb[gloss] = 250
    frame = as_format(rgb, format)
    share = disc((0.5, 0.4), 0.12)
    lips, beside = np.s_[85:110, 145:176], np.s_[102:108, 148:172]
    result = dyed(frame, "#a01030", Label.LIPS, share).rgb()
    assert abs((hue(result[beside]) - hue(np.array([160, 16, 48])) + 180) % 360 - 180) < 10
    assert np.corrcoef(luma(frame.rgb()[lips]).ravel(), luma(result[lips]).ravel())[0, 1] > 0.95
    shine = luma(result[gloss]).mean() - luma(result[beside]).mean()
    assert shine > 0.7 * (luma(frame.rgb()[gloss]).mean() - luma(frame.rgb()[beside]).mean())
    assert np.ptp(result[gloss].reshape(-1, 3).mean(0)) < 0.6 * np.ptp(result[beside].reshape(-1, 3).mean(0))


# glasses and headphones


def with_hole(part: Label, middle: tuple[int, int] = (160, 120), radius: int = 6, level: int = 60) -> Matte:
    """Somebody with a part around the middle, and a hole in the levels."""
    levels = np.zeros((240, 320), np.uint8)
    levels[20:220, 40:280] = 255
    cv2.circle(levels, middle, radius, level, -1)
    parts = np.zeros((*SMALL, 8), np.float32)
    share = disc((0.5, 0.5), 0.12)
    parts[..., part - 1] = share
    parts[..., Label.SKIN - 1] = 1 - share
    return Matte(levels, np.ones(SMALL, np.float32), parts=parts)


@pytest.mark.parametrize("part", [Label.GLASSES, Label.ACCESSORY])
@pytest.mark.parametrize("level", [0, 150])
def test_holes_in_glasses_and_headphones_are_closed(part: Label, level: int) -> None:
    matte = with_hole(part, level=level)
    levels = Selection(Style())(matte).levels
    assert levels[100:140, 140:180].min() >= 250
    assert np.array_equal(levels[:90], matte.levels[:90])


@pytest.mark.parametrize("orientation", list(Orientation))
def test_holes_are_closed_however_the_frame_is_stored(orientation: Orientation) -> None:
    upright = with_hole(Label.GLASSES, middle=(145, 112))
    stored = np.ascontiguousarray(orientation.stored(upright.levels))
    result = Selection(Style())(replace(upright, levels=stored, orientation=orientation))
    assert orientation.upright(result.levels)[80:160, 100:220].min() >= 250


@pytest.mark.parametrize(
    "matte",
    [
        with_hole(Label.HAIR),
        with_hole(Label.GLASSES, middle=(80, 60)),
        with_hole(Label.GLASSES, radius=30),
        with_hole(Label.GLASSES, middle=(160, 20)),
        replace(with_hole(Label.GLASSES), parts=None),
    ],
    ids=["no glasses", "elsewhere", "large", "open to a side", "no parts"],
)
def test_other_holes_stay(matte: Matte) -> None:
    assert Selection(Style())(matte) is matte


def test_solid_can_be_left_out() -> None:
    matte = with_hole(Label.GLASSES)
    assert Selection(Style(solid=False))(matte) is matte


# grain


def grain_of(
    strength: float, format: str, time: Fraction | None = Fraction(1, 3), **more: object
) -> np.ndarray:
    frame = replace(as_format(np.full((243, 321, 3), 128, np.uint8), format), time=time)
    levels = np.zeros((243, 321), np.uint8)
    levels[:, 200:] = 255
    matte = Matte(levels, (levels[::2, ::2] / 255).astype(np.float32))
    result = Scene("grey", Style(grain=strength, **more))(frame, matte)
    return result.planes()[0].astype(float) / ((1 << frame.bits) - 1)


@pytest.mark.parametrize("format", FORMATS)
def test_grain_is_on_the_background_alone_and_as_strong_as_asked(format: str) -> None:
    plain, half, full = (grain_of(strength, format) for strength in (0, 0.5, 1))
    assert np.array_equal(half[:, 210:], plain[:, 210:])
    deviations = [(grained - plain)[:, :190].std() for grained in (half, full)]
    assert 0.05 < deviations[1] < 0.09
    assert deviations[0] == pytest.approx(deviations[1] / 2, rel=0.1)
    assert abs((full - plain)[:, :190].mean()) < 0.005


@pytest.mark.parametrize("format", ["yuv420p", "rgb24"])
def test_grain_has_no_colour(format: str) -> None:
    frame = as_format(np.full((120, 160, 3), (150, 120, 90), np.uint8), format)
    before = [plane.copy() for plane in frame.planes()]
    first, *chroma = Grain(1)(frame, frame.planes())
    for plane, was in zip([*chroma, frame.planes()[0]], [*before[1:], before[0]], strict=True):
        assert np.array_equal(plane, was)
    if format == "rgb24":
        change = first.astype(int) - before[0]
        assert np.array_equal(change[..., 0], change[..., 2])


def test_grain_repeats_at_a_time_and_only_there() -> None:
    first, again, later = (grain_of(1, "yuv420p", Fraction(n, 25)) for n in (1, 1, 2))
    assert np.array_equal(first, again)
    change = [(grained - 0.5)[:, :190].ravel() for grained in (first, later)]
    assert abs(np.corrcoef(*change)[0, 1]) < 0.1
    assert np.isfinite(grain_of(1, "yuv420p", None)).all()


@pytest.mark.parametrize("shade", [0, 255])
def test_black_and_white_have_no_grain(shade: int) -> None:
    frame = as_format(np.full((48, 64, 3), shade, np.uint8), "yuv420p")
    assert np.array_equal(Grain(1)(frame, frame.planes())[0], frame.planes()[0])


# what is asked for, and what is wrong with it


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"hair": "rde"}, "hair: 'rde' is not a colour; use a CSS name"),
        ({"lips": "#12"}, "lips: '#12' is not a colour"),
        ({"hair": "red:2"}, "hair: the strength is between 0 and 1, not 2"),
        ({"hair": "red:nan"}, "hair: the strength is between 0 and 1, not nan"),
        ({"lips": "red:much"}, "lips red:much: the strength is a number between 0 and 1, as in red:0.6"),
        ({"lips": ""}, "lips: '' is not a colour"),
        ({"grain": 1.5}, "grain is between 0 and 1, not 1.5"),
    ],
)
def test_a_wrong_style_names_what_would_be_right(wrong: dict[str, str], named: str) -> None:
    with pytest.raises(OptionError) as refused:
        Style(**wrong)
    assert str(refused.value).startswith(named)


@pytest.mark.parametrize("style", [Style(hair="red"), Style(lips="red")])
@pytest.mark.parametrize("background", ["blur", "transparent"])
def test_a_network_without_parts_is_refused_before_the_first_frame(
    tmp_path: Path, style: Style, background: str
) -> None:
    clip = make_clip(tmp_path / "in.mp4")
    write_photo(tmp_path / "in.png", picture(0))
    for source, target in ((clip, "out.mov"), (tmp_path / "in.png", "out.png")):
        with pytest.raises(
            OptionError, match=r"parts of a person apart, which best does not: give the network parts"
        ):
            livematte.replace(source, tmp_path / target, background, style=style, threads=1)
    assert names(tmp_path) == ["in.mp4", "in.png"]


def test_lips_are_refused_where_the_network_takes_them_for_skin(tmp_path: Path) -> None:
    write_photo(tmp_path / "in.png", picture(0))
    with pytest.raises(OptionError, match="lips need a network that tells them from skin"):
        livematte.replace(
            tmp_path / "in.png", tmp_path / "out.png", style=Style(lips="red"), network="parts", threads=1
        )
    assert names(tmp_path) == ["in.png"]


def test_a_matte_without_parts_is_refused() -> None:
    frame = as_format(strands(LIGHT), "yuv420p")
    matte = replace(matte_of(frame, Label.HAIR, HAIR), parts=None)
    with pytest.raises(OptionError, match="parts"):
        Scene("own", Style(hair="red"))(frame, matte)


# through the public functions


@pytest.fixture(scope="module")
def brown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that takes everything for somebody, and what is brown for hair."""
    torch = pytest.importorskip("torch", reason="making a network needs: pip install 'livematte[export]'")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the converter's own dependencies
        converter = pytest.importorskip("litert_torch", reason="needs: pip install 'livematte[export]'")

        class Brown(torch.nn.Module):
            def forward(self, seen: object) -> object:
                hair = ((seen[..., :1] - seen[..., 2:3]) * 6).clamp(0, 1)
                none = torch.zeros_like(hair)
                return torch.cat([none + 1, 1 - hair, none, hair, *5 * [none]], -1)

        path = tmp_path_factory.mktemp("network") / "brown.tflite"
        converter.convert(Brown().eval(), (torch.rand(1, 64, 64, 4),)).export(str(path))
    return path


@pytest.mark.parametrize("background", ["own", "transparent"])
def test_replace_dyes_videos_and_photos(tmp_path: Path, brown: Path, background: str) -> None:
    clip, photo = SAMPLE, tmp_path / "in.png"
    write_photo(photo, Frame(first_image(SAMPLE)).rgb(240, 240))
    given = {"network": brown, "threads": 1}
    short = livematte.Options(end="0.2", overwrite=True)
    blueness = []
    for style in (Style(), Style(hair="#2c5aa0")):
        livematte.replace(clip, tmp_path / "out.mov", background, style=style, options=short, **given)
        again = livematte.Options(overwrite=True)
        livematte.replace(photo, tmp_path / "out.png", background, style=style, options=again, **given)
        pictures = [Frame(first_image(tmp_path / name)).rgb(240, 240) for name in ("out.mov", "out.png")]
        blueness.append(
            [float(rgb[20:40, 90:120, 2].mean()) - rgb[20:40, 90:120, 0].mean() for rgb in pictures]
        )
    assert max(blueness[0]) < -20
    assert min(blueness[1]) > 40


def test_the_network_that_comes_with_the_package_dyes_hair(tmp_path: Path) -> None:
    photo, dyed = tmp_path / "in.png", tmp_path / "out.png"
    write_photo(photo, Frame(first_image(SAMPLE)).rgb(480, 480))
    livematte.replace(photo, dyed, "own", style=Style(hair="#2c5aa0"), network="parts", threads=1)
    before, after = (Frame(first_image(path)).rgb(480, 480).astype(float) for path in (photo, dyed))
    bluer = (after - before)[..., 2] - (after - before)[..., 0] > 20
    rows, columns = np.nonzero(bluer)
    assert 0.01 < bluer.mean() < 0.15
    # the astronaut's hair is above her suit, in the middle
    assert rows.mean() < 200
    assert 150 < columns.mean() < 300
