"""Make the pictures of docs/scene.md and MODEL_CARD.md from what comes with the package, and from drawings.

python scripts/make_pictures.py [FOLDER]

FOLDER: where the JPEGs go, docs/pictures when left out.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from importlib.resources import as_file, files
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from livematte.frame import Alpha, Frame, Matte, Picture
from livematte.labels import Label
from livematte.media import Reader
from livematte.scene import LOOKS, Scene, Style
from livematte.scene.composite import Levels, fit
from livematte.segment import Segmenter

TILE = 300
"""Pixels to a side of one picture on a sheet."""

WARM_UP = 20
"""Frames before the one that is shown, so that the network has masks to go on."""


def main() -> None:
    """Write every sheet."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("docs/pictures")
    folder.mkdir(parents=True, exist_ok=True)
    with (
        as_file(files("livematte.sample") / "clip.mp4") as clip,
        as_file(files("livematte.sample") / "background.jpg") as photo,
    ):
        frame, matte = _cut(clip)
        _sheet(folder / "edges.jpg", _edges(frame, matte), columns=4)
        _sheet(folder / "backdrops.jpg", _backdrops(frame, matte, str(photo)), columns=4)
        _sheet(folder / "lights.jpg", _lights(frame, matte), columns=3)
        _sheet(folder / "options.jpg", _options(frame, matte, str(photo)), columns=4)
        _sheet(folder / "people.jpg", _people(frame), columns=3)
        _sheet(folder / "parts.jpg", _parts(frame, matte), columns=4)
        _sheet(folder / "looks.jpg", {name: _shown(frame, matte, look=name) for name in LOOKS}, columns=4)
        _sheet(folder / "failures.jpg", _failures(frame), columns=4)
    for path in sorted(folder.glob("*.jpg")):
        print(f"{path}  {path.stat().st_size / 1e3:.0f} kB")


# one sheet each


def _edges(frame: Frame, matte: Matte) -> dict[str, Picture]:
    night = _night(frame.upright_size)
    crop = np.s_[: frame.height // 2, frame.width // 6 : frame.width * 2 // 3]
    drawn, levels, truth = _hair()
    drawn_night = _night(drawn.upright_size)
    zoom = np.s_[30:240, 100:310]
    return {
        "before a bright wall": frame.rgb()[crop],
        "mask": _grey(matte.levels)[crop],
        "naive": _naive(frame, matte.levels, night)[crop],
        "livematte": Scene(night)(frame, matte).rgb()[crop],
        "drawn hair": drawn.rgb()[zoom],
        "naive, true mask": _naive(drawn, levels, drawn_night)[zoom],
        "livematte, true mask": Scene(drawn_night)(drawn, Matte(levels, levels / np.float32(255))).rgb()[
            zoom
        ],
        "the truth": truth[zoom],
    }


def _backdrops(frame: Frame, matte: Matte, photo: str) -> dict[str, Picture]:
    words = (
        "own",
        "blur",
        "blur:0.1",
        "bokeh",
        "pixelate",
        "grey",
        "green",
        "teal",
        "gradient:#0b1f3a,#e59866",
    )
    pictures = {word: _shown(frame, matte, word) for word in words}
    pictures["photo"] = _shown(frame, matte, photo)
    pictures["photo --position right"] = _shown(frame, matte, photo, Style(position="right"))
    pictures["photo --fit contain"] = _shown(frame, matte, photo, Style(fit="contain"))
    return pictures


def _lights(frame: Frame, matte: Matte) -> dict[str, Picture]:
    outside = Scene(_night(frame.upright_size))(frame, matte)
    return {word: _shown(outside, matte, word) for word in ("own", "blur:0.015", "bokeh:0.015")}


def _options(frame: Frame, matte: Matte, photo: str) -> dict[str, Picture]:
    styles = {
        "plain": Style(),
        "--light-wrap 0.8": Style(light_wrap=0.8),
        "--match 0.8": Style(match=0.8),
        "--shadow 0.6": Style(shadow=0.6),
        "--feather 0.01": Style(feather=0.01),
        "--shrink 0.01": Style(shrink=0.01),
        "--exposure -1.5": Style(exposure=-1.5),
        "--saturation 0.2": Style(saturation=0.2),
    }
    return {name: _shown(frame, matte, photo, style) for name, style in styles.items()}


def _people(frame: Frame) -> dict[str, Picture]:
    """The same person twice, near and far."""
    near = frame.rgb(480, 480)
    wide = np.zeros((480, 480 * 2, 3), np.uint8)
    wide[:] = near[4, 300]
    wide[:, :480] = near
    far = frame.rgb(220, 220)
    wide[260:, 700:920] = far
    picture = Frame.from_rgb(wide)
    matte = Segmenter(threads=1)(picture)
    kinds = {"two people": Scene("own"), "--keep all": Scene("green")}
    kinds["--keep largest"] = Scene("green", Style(keep="largest"))
    return {name: scene(picture, matte).rgb() for name, scene in kinds.items()}


def _parts(frame: Frame, matte: Matte) -> dict[str, Picture]:
    told = dataclasses.replace(matte, parts=_drawn_parts(matte.mask))
    styles = {
        "plain": Style(),
        "--hair #8b2513": Style(hair="#8b2513"),
        "--hair #1b1512": Style(hair="#1b1512"),
        "--hair #e6c88a": Style(hair="#e6c88a"),
        "--hair #2c5aa0": Style(hair="#2c5aa0"),
        "--lips #b0102a": Style(lips="#b0102a"),
        "--lips #8a1c5c:0.6": Style(lips="#8a1c5c:0.6"),
        "--grain 0.6": Style(grain=0.6),
    }
    head = np.s_[: frame.height // 2, frame.width // 5 : frame.width * 7 // 10]
    return {name: _shown(frame, told, "own", style)[head] for name, style in styles.items()}


def _failures(frame: Frame) -> dict[str, Picture]:
    """What the network gets wrong: pictures, then what it takes for people in them."""
    near = frame.rgb(480, 480)
    pictures = {
        "lettering": _lettering(),
        "lying down": np.ascontiguousarray(np.rot90(near)),
        "the head out of the picture": np.ascontiguousarray(near[260:480, 60:280]),
        "a fast camera": cv2.blur(near, (100, 1)),
    }
    segmenter = Segmenter(threads=1)
    cut = {f"{name}: result": _cut_out(segmenter, picture) for name, picture in pictures.items()}
    return pictures | cut


# frames and mattes


def _drawn_parts(mask: Alpha) -> Alpha:
    """Hair and lips drawn by hand over the person of the clip, as a parts network would tell them."""
    hair = [((212, 66), (82, 62)), ((150, 95), (22, 30)), ((272, 95), (22, 42))]
    face, forehead = [((208, 118), (51, 70))], 84
    shares = [
        _ellipses(ellipses) for ellipses in (hair, face, [((207, 150), (23, 9))], [((207, 148), (17, 4))])
    ]
    shares[1][:forehead] = 0
    parts = np.zeros((*mask.shape, len(Label) - 1), np.float32)
    for label, share, without in ((Label.HAIR, *shares[:2]), (Label.LIPS, *shares[2:])):
        small = cv2.resize(cv2.subtract(share, without), mask.shape[::-1], interpolation=cv2.INTER_AREA)
        parts[..., label - 1] = cv2.GaussianBlur(small, (0, 0), 1) * mask
    parts[..., Label.SKIN - 1] = mask - parts.sum(2)
    return parts


def _ellipses(ellipses: list[tuple[tuple[int, int], tuple[int, int]]]) -> Alpha:
    share = np.zeros((480, 480), np.float32)
    for middle, sides in ellipses:
        cv2.ellipse(share, middle, sides, 0, 0, 360, 1, -1, cv2.LINE_AA)
    return share


def _cut(clip: Path) -> tuple[Frame, Matte]:
    segmenter = Segmenter(threads=1)
    with Reader(clip) as reader:
        for number, frame in enumerate(reader):
            matte = segmenter(frame)
            if number == WARM_UP:
                break
    return frame, matte


def _cut_out(segmenter: Segmenter, picture: Picture) -> Picture:
    """A first frame's people before green."""
    segmenter.reset()
    frame = Frame.from_rgb(picture)
    return _shown(frame, segmenter(frame), "green")


def _lettering() -> Picture:
    title = Image.new("RGB", (480, 480), (20, 20, 40))
    ImageDraw.Draw(title).text((240, 240), "Hello", (230, 60, 60), ImageFont.load_default(170), "mm")
    return np.asarray(title)


def _shown(
    frame: Frame,
    matte: Matte,
    background: str | None = None,
    style: Style | None = None,
    look: str | None = None,
) -> Picture:
    return Scene(background, style, look=look)(frame, matte).rgb()


def _naive(frame: Frame, levels: Levels, behind: Picture) -> Picture:
    """Plain blending of the frame's own planes."""
    result = frame.blank_like()
    new = Scene(behind)(frame, Matte(np.zeros_like(levels), np.zeros((8, 8), np.float32))).planes()
    for out, own, other in zip(result.planes(), frame.planes(), new, strict=True):
        share = fit(levels, own.shape[:2]) / np.float32(255)
        share = share[..., None] if own.ndim == 3 else share
        out[:] = np.rint(share * own + (1 - share) * other)
    return result.rgb()


def _grey(levels: Levels) -> Picture:
    return np.repeat(levels[..., None], 3, axis=2)


def _night(size: tuple[int, int]) -> Picture:
    """A dark street with lights."""
    width, height = size
    rng = np.random.default_rng(7)
    sky = np.linspace((10, 12, 30), (26, 20, 30), height)[:, None]
    picture = np.repeat(sky, width, axis=1).astype(np.uint8)
    for _ in range(90):
        middle = int(rng.integers(width)), int(rng.integers(height))
        tone = rng.choice([(255, 214, 150), (255, 160, 70), (150, 190, 255), (255, 90, 90)])
        cv2.circle(
            picture, middle, int(rng.integers(1, max(2, width // 150))), tone.tolist(), -1, cv2.LINE_AA
        )
    return picture


def _hair() -> tuple[Frame, Levels, Picture]:
    """A drawn head whose hair stands out: before a bright wall, its alpha, and before the night."""
    size = 400
    alpha = np.zeros((size, size), np.float32)
    cv2.ellipse(alpha, (200, 250), (95, 120), 0, 0, 360, 1, -1, cv2.LINE_AA)
    rng = np.random.default_rng(3)
    for angle in np.linspace(-2.9, -0.2, 130):
        bend, reach = rng.uniform(-0.25, 0.25), rng.uniform(1.1, 1.5)
        points = [
            (
                200 + 95 * r * np.cos(angle + bend * (r - 1) * 2),
                250 + 120 * r * np.sin(angle + bend * (r - 1) * 2),
            )
            for r in np.linspace(0.95, reach, 8)
        ]
        cv2.polylines(alpha, [np.array(points, np.int32)], False, 1, 1, cv2.LINE_AA)
    alpha = cv2.GaussianBlur(alpha, (0, 0), 0.9)[..., None]
    person = np.full((size, size, 3), (52, 40, 34), np.float32)
    wall = np.full((size, size, 3), (228, 220, 208), np.float32)
    filmed, truth = (alpha * person + (1 - alpha) * room for room in (wall, _night((size, size))))
    levels = np.rint(alpha[..., 0] * 255).astype(np.uint8)
    return Frame.from_rgb(np.rint(filmed).astype(np.uint8)), levels, np.rint(truth).astype(np.uint8)


# sheets


def _sheet(path: Path, pictures: Mapping[str, Picture], columns: int) -> None:
    tiles = [_tile(name, picture) for name, picture in pictures.items()]
    wide, high = tiles[0].size
    rows = -(-len(tiles) // columns)
    sheet = Image.new("RGB", (columns * (wide + 4) - 4, rows * (high + 4) - 4), "white")
    for number, tile in enumerate(tiles):
        sheet.paste(tile, (number % columns * (wide + 4), number // columns * (high + 4)))
    sheet.save(path, quality=82, optimize=True)


def _tile(name: str, picture: Picture) -> Image.Image:
    high = round(TILE * picture.shape[0] / picture.shape[1])
    image = Image.fromarray(np.ascontiguousarray(picture)).resize((TILE, high), Image.Resampling.LANCZOS)
    tile = Image.new("RGB", (TILE, high + 20), "white")
    tile.paste(image, (0, 20))
    ImageDraw.Draw(tile).text((3, 3), name, "black", ImageFont.load_default(13))
    return tile


if __name__ == "__main__":
    main()
