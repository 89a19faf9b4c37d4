"""Make the pictures that `livematte` shows itself off with: `sample/clip.mp4` and `sample/background.jpg`.

    pip install -e . scikit-image
    python scripts/make_demo.py

The clip pretends that somebody films NASA's portrait of the astronaut Eileen Collins with a camera in the
hand: the frame drifts, tilts and breathes, the exposure wanders, the sensor is noisy. The portrait is in the
public domain; scikit-image ships it as `skimage.data.astronaut()`. The background, a lake at dusk, and the
melody are made here from nothing but numbers. A fixed seed makes every run draw the same pictures.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage import data

Floats = NDArray[np.floating]
"""Pictures (H×W×3 RGB in 0..1), one number per pixel (H×W), or sound (channels×samples in -1..1)."""

SEED = 1995  # the year of Eileen Collins' first flight
DEMO = Path(__file__).resolve().parents[1] / "src" / "livematte" / "sample"

SIDE = 480  # of the clip, pixels
FPS = 30
SECONDS = 6
SHUTTER_STEPS = 4  # moments averaged into one frame; the shutter is open half the time
SENSOR_NOISE = 0.006
CRF = 23

SOUND_RATE = 48_000
SOUND_PEAK = 0.16
SOUND_BITS = 80_000
AAC_FRAME = 1024

WIDTH, HEIGHT = 1280, 720  # of the background
SHORE = 432  # the row where the lake begins
SUN_X, SUN_Y = 846.0, 282.0  # still inside a square cut from the middle
JPEG_QUALITY = 88


# ---------------------------------------------------------------------------------------------- the camera


@dataclass(frozen=True)
class Pose:
    """Where the camera looks at one moment, in pixels of the portrait."""

    left_right: float  # centre of the view
    top: float  # upper edge of the view before it is tilted
    side: float  # how much of the portrait the view takes in
    tilt: float  # degrees

    def matrix(self) -> Floats:
        """The 2×3 affine map from pixels of the clip to pixels of the portrait."""
        scale = self.side / SIDE
        angle = np.deg2rad(self.tilt)
        turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        middle = np.array([self.left_right, self.top + self.side / 2])
        shift = middle - turn @ np.full(2, (SIDE - 1) / 2)
        return np.column_stack([turn, shift]).astype(np.float32)

    def inside(self, height: int, width: int) -> bool:
        """Whether no corner of the view leaves a portrait of this size."""
        corners = np.array([[0, 0, 1], [SIDE - 1, 0, 1], [0, SIDE - 1, 1], [SIDE - 1, SIDE - 1, 1]])
        seen = corners @ self.matrix().T
        return bool((seen >= 0).all() and (seen <= [width - 1, height - 1]).all())


def wander(rng: np.random.Generator, slowest: float, fastest: float) -> Callable[[float], float]:
    """A smooth random curve over seconds within -1..1, made of six waves between two rates in hertz."""
    rates = rng.uniform(slowest, fastest, 6)
    phases = rng.uniform(0, 2 * np.pi, 6)
    weights = slowest / rates
    weights /= weights.sum()
    return lambda second: float(weights @ np.sin(2 * np.pi * rates * second + phases))


def hand_held(rng: np.random.Generator) -> Callable[[float], Pose]:
    """A camera in somebody's hand: slow drifts, and on top of them a little tremor."""
    sway, nod, breathe, roll = (wander(rng, 0.12, 0.45) for _ in range(4))
    shake_x, shake_y, shake_roll = (wander(rng, 1.2, 3.5) for _ in range(3))

    def pose(second: float) -> Pose:
        return Pose(
            left_right=249 + 24 * sway(second) + 1.6 * shake_x(second),
            top=8.5 + 4.0 * nod(second) + 1.0 * shake_y(second),
            side=444 + 20 * breathe(second),
            tilt=0.75 * roll(second) + 0.12 * shake_roll(second),
        )

    return pose


def exposed(portrait: Floats, camera: Callable[[float], Pose], second: float) -> Floats:
    """What the sensor gathers while the shutter is open: several moments averaged, as motion blur is."""
    total = np.zeros((SIDE, SIDE, 3), np.float32)
    for step in range(SHUTTER_STEPS):
        pose = camera(second + 0.5 / FPS * step / SHUTTER_STEPS)
        if not pose.inside(*portrait.shape[:2]):
            raise ValueError(f"the view leaves the portrait at {second:.2f} s: {pose}")
        total += cv2.warpAffine(
            portrait, pose.matrix(), (SIDE, SIDE), flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        )
    return total / SHUTTER_STEPS


def frames(portrait: Floats) -> Iterator[NDArray[np.uint8]]:
    """The clip's frames, SIDE×SIDE×3 RGB."""
    rng = np.random.default_rng(SEED)
    camera = hand_held(rng)
    exposure = wander(rng, 0.1, 0.4)
    for number in range(SECONDS * FPS):
        second = number / FPS
        picture = exposed(portrait, camera, second) * (1 + 0.045 * exposure(second))
        picture += SENSOR_NOISE * rng.standard_normal(picture.shape, np.float32)
        yield as_bytes(picture)


def as_bytes(picture: Floats) -> NDArray[np.uint8]:
    """0..1 to 0..255."""
    return np.rint(picture.clip(0, 1) * 255).astype(np.uint8)


# ----------------------------------------------------------------------------------------------- the sound


def hertz(key: int) -> float:
    """The rate of a key numbered as MIDI does, 69 being the A of 440 Hz."""
    return 440.0 * 2 ** ((key - 69) / 12)


def bell(key: int, seconds: float) -> Floats:
    """One soft struck note that rings out."""
    time = np.arange(int(seconds * SOUND_RATE)) / SOUND_RATE
    tone = sum(
        weight * np.sin(2 * np.pi * hertz(key) * partial * time) * np.exp(-time * (1.4 + 1.1 * partial))
        for partial, weight in ((1, 1.0), (2, 0.28), (3, 0.08))
    )
    return (tone * np.minimum(time / 0.012, 1)).astype(np.float32)


def pad(keys: tuple[int, ...], seconds: float) -> Floats:
    """A chord that swells and fades."""
    time = np.arange(int(seconds * SOUND_RATE)) / SOUND_RATE
    swell = np.sin(np.pi * time / seconds) ** 1.5
    return (swell * sum(np.sin(2 * np.pi * hertz(key) * time) for key in keys)).astype(np.float32)


def melody() -> Floats:
    """The sound track, 2×samples in -1..1: two chords and a slow tune that moves from side to side."""
    sound = np.zeros((2, SECONDS * SOUND_RATE), np.float32)
    for start, keys in ((0.0, (45, 52, 57, 61)), (2.7, (50, 57, 62, 66))):
        mix(sound, 0.16 * pad(keys, 3.3), start, side=0.5)
    tune = (73, 76, 81, 78, 76, 74, 78, 81, 76, 73)
    for number, key in enumerate(tune):
        mix(sound, 0.5 * bell(key, 2.0), 0.3 + 0.45 * number, side=0.5 + 0.25 * np.sin(1.3 * number))
    sound *= SOUND_PEAK / np.abs(sound).max()
    return faded(sound, 0.4, 1.2)


def mix(sound: Floats, note: Floats, start: float, side: float) -> None:
    """Add a note to the sound in place; `side` is 0 for the left, 1 for the right."""
    first = int(start * SOUND_RATE)
    part = note[: sound.shape[1] - first]
    for channel, share in enumerate((1 - side, side)):
        sound[channel, first : first + len(part)] += np.float32(np.sqrt(share)) * part


def faded(sound: Floats, rise: float, fall: float) -> Floats:
    """The sound with a soft beginning and end, in seconds."""
    time = np.arange(sound.shape[1]) / SOUND_RATE
    gain = np.minimum(time / rise, 1) * np.minimum((SECONDS - time) / fall, 1)
    return sound * (np.sin(gain * np.pi / 2) ** 2).astype(np.float32)


# ------------------------------------------------------------------------------------------------ the clip


def write_clip(path: Path) -> None:
    """Film the portrait and store it with its sound as H.264 and AAC."""
    portrait = data.astronaut().astype(np.float32) / 255
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as clip:
        video, audio = add_video(clip), add_audio(clip)
        for number, picture in enumerate(frames(portrait)):
            clip.mux(video.encode(video_frame(picture, number)))
        clip.mux(video.encode(None))
        for frame in audio_frames(melody()):
            clip.mux(audio.encode(frame))
        clip.mux(audio.encode(None))


def add_video(clip: av.container.OutputContainer) -> av.VideoStream:
    """The H.264 stream, tagged as BT.709 with limited range."""
    # One thread: x264 writes other bytes with another number of threads.
    options = {"crf": str(CRF), "preset": "slow", "colorprim": "bt709", "transfer": "bt709"}
    options |= {"colormatrix": "bt709", "threads": "1"}
    stream = clip.add_stream("libx264", rate=FPS, options=options)
    stream.width = stream.height = SIDE
    stream.pix_fmt = "yuv420p"
    stream.codec_context.time_base = Fraction(1, FPS)
    stream.codec_context.color_range = av.video.reformatter.ColorRange.MPEG
    stream.codec_context.colorspace = av.video.reformatter.Colorspace.ITU709
    stream.codec_context.color_primaries = av.video.reformatter.ColorPrimaries.BT709
    stream.codec_context.color_trc = av.video.reformatter.ColorTrc.BT709
    return stream


def video_frame(picture: NDArray[np.uint8], number: int) -> av.VideoFrame:
    """One picture as the encoder wants it."""
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(
        format="yuv420p",
        src_color_range="JPEG",
        dst_color_range="MPEG",
        dst_colorspace="ITU709",
    )
    frame.pts, frame.time_base = number, Fraction(1, FPS)
    return frame


def add_audio(clip: av.container.OutputContainer) -> av.AudioStream:
    """The AAC stream."""
    stream = clip.add_stream("aac", rate=SOUND_RATE, layout="stereo")
    stream.bit_rate = SOUND_BITS
    return stream


def audio_frames(sound: Floats) -> Iterator[av.AudioFrame]:
    """The sound in pieces of the size that AAC works with."""
    for start in range(0, sound.shape[1], AAC_FRAME):
        piece = np.ascontiguousarray(sound[:, start : start + AAC_FRAME])
        frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE, start, Fraction(1, SOUND_RATE)
        yield frame


# ------------------------------------------------------------------------------------------ the background


def noise(rng: np.random.Generator, height: int, width: int, cells: tuple[int, int], octaves: int) -> Floats:
    """Soft clouds of noise about -1..1; `cells` is how many lumps fit across and down at the coarsest."""
    total = np.zeros((height, width), np.float32)
    across, down = cells
    for octave in range(octaves):
        shape = (min(down << octave, height) + 3, min(across << octave, width) + 3)
        lumps = rng.standard_normal(shape).astype(np.float32)
        big = cv2.resize(lumps, (width, height), interpolation=cv2.INTER_CUBIC)
        total += big * 0.5**octave
    return total / 1.6


def smooth(low: float, high: float, value: Floats) -> Floats:
    """0 below `low`, 1 above `high`, and a soft slope between them."""
    part = ((value - low) / (high - low)).clip(0, 1)
    return part * part * (3 - 2 * part)


def rgb(colour: str) -> Floats:
    """A colour written as `rrggbb`."""
    return np.frombuffer(bytes.fromhex(colour), np.uint8).astype(np.float32) / 255


def blend(picture: Floats, colour: Floats, share: Floats) -> Floats:
    """Lay a colour or another picture over a picture."""
    return picture + (colour - picture) * share[..., None]


def lightened(picture: Floats, colour: Floats, strength: Floats) -> Floats:
    """Add light to a picture without ever passing white."""
    return 1 - (1 - picture) * (1 - colour * strength[..., None])


def grid() -> tuple[Floats, Floats]:
    """Every pixel's column and row in the background."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    return columns, rows


def sky(rng: np.random.Generator) -> Floats:
    """Dusk: deep blue above, rose and gold at the bottom, thin clouds lit from below, a low sun."""
    columns, rows = grid()
    stops = np.array([0.0, 0.26, 0.5, 0.72, 0.9, 1.0]) * SHORE
    shades = np.array([rgb(c) for c in ("2c4069", "5a6690", "a3819d", "dd9a8d", "f4b988", "f9cd97")])
    heights = rows[:, 0]
    column = np.stack([np.interp(heights, stops, shades[:, band]) for band in range(3)], -1)
    picture = np.repeat(column[:, None], WIDTH, 1).astype(np.float32)
    far = np.hypot((columns - SUN_X) * 0.8, (rows - SUN_Y) * 1.15)
    picture = clouds(rng, picture, far)
    for colour, strength, reach in (("ff9d70", 0.5, 210), ("ffcf8a", 0.85, 75)):
        picture = lightened(picture, rgb(colour), strength * np.exp(-far / reach))
    disc = np.hypot(columns - SUN_X, rows - SUN_Y)
    return blend(picture, rgb("fff4d2"), 1 - smooth(15, 27, disc))


def clouds(rng: np.random.Generator, picture: Floats, far: Floats) -> Floats:
    """Lay long thin clouds over the sky; those near the sun glow."""
    _, rows = grid()
    shape = noise(rng, HEIGHT, WIDTH, (3, 9), 6)
    cover = smooth(0.1, 1.1, shape) * smooth(10, 130, rows) * (1 - smooth(300, 390, rows))
    glow = np.exp(-far / 330)[..., None]
    lit = rgb("857394") * (1 - glow) + rgb("ffb394") * glow
    return blend(picture, lit, 0.75 * cover)


def ridge(rng: np.random.Generator, height: float, peaks: int, rough: float) -> Floats:
    """The height of a mountain range above the shore in every column."""
    line = np.zeros(WIDTH, np.float32)
    for octave in range(7):
        knots = rng.uniform(-1, 1, (peaks << octave) + 3)
        places = np.linspace(-1, (peaks << octave) + 1, WIDTH)
        sharp = np.interp(places, np.arange(-1, len(knots) - 1), knots)
        line += (sharp * rough**octave).astype(np.float32)
    return height * (1 + 0.42 * line)


def mountains(rng: np.random.Generator, picture: Floats) -> Floats:
    """Five ranges, the far ones pale with haze, the near ones dark; each dissolves into mist at its foot."""
    ranges = (
        # height, peaks, roughness, colour, colour of the mist
        (132, 3, 0.47, "b48a9c", "efb692"),
        (104, 4, 0.47, "93779a", "e2a792"),
        (76, 4, 0.46, "6f658d", "c79596"),
        (50, 5, 0.45, "4d5078", "9d7f90"),
        (27, 6, 0.45, "333b5c", "675f7d"),
    )
    for height, peaks, rough, colour, mist in ranges:
        picture = mountain_range(picture, rng, ridge(rng, height, peaks, rough), rgb(colour), rgb(mist))
    return picture


def mountain_range(
    picture: Floats, rng: np.random.Generator, line: Floats, colour: Floats, mist: Floats
) -> Floats:
    """Lay one range over the picture."""
    columns, rows = grid()
    top = SHORE - line
    cover = smooth(-1.2, 1.2, rows - top)
    depth = (rows - top) / np.maximum(SHORE - top, 20)
    folds = noise(rng, HEIGHT, WIDTH, (24, 14), 5)
    side = 1 - 0.35 * smooth(60, 620, np.abs(columns - SUN_X))  # mist catches the sun's light near it
    body = blend(np.broadcast_to(colour, picture.shape), mist, 0.85 * side * smooth(0.1, 1.05, depth))
    body = body * (1 + 0.035 * folds)[..., None]
    return blend(picture, body, cover)


def forest(rng: np.random.Generator, picture: Floats) -> Floats:
    """Dark headlands with spruces, reaching into the lake from both sides."""
    cover = np.zeros((HEIGHT * 2, WIDTH * 2), np.uint8)  # drawn at twice the size for soft edges
    for foot, reach in ((-30.0, 400.0), (WIDTH + 30.0, -330.0)):
        headland(rng, cover, foot, reach)
    small = cv2.resize(cover, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    small = cv2.GaussianBlur(small, (0, 0), 0.8)
    _, rows = grid()
    colour = blend(np.broadcast_to(rgb("141a2b"), picture.shape), rgb("39364c"), smooth(370, SHORE, rows))
    return blend(picture, colour, 0.97 * small)


def headland(rng: np.random.Generator, cover: NDArray[np.uint8], foot: float, reach: float) -> None:
    """Draw one headland from its foot at the picture's edge to its tip."""
    parts = np.linspace(0, 1, 60)
    tops = SHORE - 26 * (1 - parts) ** 1.2 - 3 * (1 - parts)
    ground = [(foot + reach * part, top) for part, top in zip(parts, tops, strict=True)]
    ground += [(foot + reach, SHORE + 1), (foot, SHORE + 1)]
    fill(cover, ground)
    for part in (np.arange(95) + rng.uniform(0, 1, 95)) / 95:
        tall = (20 + 62 * (1 - part) ** 1.1) * rng.uniform(0.55, 1.15)
        base = float(np.interp(part, parts, tops)) + 3
        spruce(rng, cover, foot + reach * part * 0.97, base, tall)


def spruce(rng: np.random.Generator, cover: NDArray[np.uint8], x: float, base: float, tall: float) -> None:
    """Draw one tree: a narrow cone with ragged tiers of branches."""
    tiers = 9 + int(tall / 6)
    width = tall * rng.uniform(0.13, 0.19)
    left, right = [(x, base - tall)], [(x, base - tall)]
    for tier in range(1, tiers + 1):
        down = tier / tiers
        y = base - tall * (1 - down)
        for edge, sign in ((left, -1), (right, 1)):
            tip = width * down**0.85 * rng.uniform(0.75, 1.2)
            edge += [(x + sign * tip, y + 1.5), (x + sign * tip * 0.5, y)]
    fill(cover, left + right[::-1])


def fill(cover: NDArray[np.uint8], corners: list[tuple[float, float]]) -> None:
    """Fill a polygon given in pixels of the background."""
    cv2.fillPoly(cover, [np.rint(np.array(corners) * 2).astype(np.int32)], 255, cv2.LINE_AA)


def lake(rng: np.random.Generator, picture: Floats) -> Floats:
    """The lower part: the land's mirror image, broken by ripples that grow towards the viewer."""
    columns, rows = grid()
    depth = (rows - SHORE).clip(0)
    near = depth / (HEIGHT - SHORE)
    waves = ripples(rng, near)
    from_row = SHORE - 1 - depth * 1.12 + waves * (1.5 + 30 * near)
    from_column = columns + waves * (0.5 + 6 * near)
    mirrored = cv2.remap(
        cv2.GaussianBlur(picture, (0, 0), sigmaX=1.5, sigmaY=4),
        from_column,
        from_row.clip(0, SHORE - 1),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT,
    )
    water = blend(mirrored * rgb("f4d3d4"), rgb("22294c"), 0.08 + 0.46 * near)
    water = lightened(water, rgb("ff9a64"), glitter(columns, near, waves))
    haze = np.exp(-depth / 7) * 0.35
    water = blend(water, rgb("e0a78f"), haze * (1 - 0.6 * smooth(100, 700, np.abs(columns - SUN_X))))
    return blend(picture, water, smooth(-1, 1, rows - SHORE))


def ripples(rng: np.random.Generator, near: Floats) -> Floats:
    """The waves' slope about -1..1, drawn flat and then laid down in perspective."""
    flat = noise(rng, 1024, WIDTH, (10, 90), 4)
    columns, _ = grid()
    away = 1 / (near + 0.09)  # distance from the viewer
    row = (away - away.min()) / (1 / 0.09 - away.min()) * 1023
    column = (columns - WIDTH / 2) * (0.45 + 0.55 * (1 - near)) + WIDTH / 2
    return cv2.remap(flat, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)


def glitter(columns: Floats, near: Floats, waves: Floats) -> Floats:
    """How bright the sun's broken path over the water is."""
    width = 26 + 120 * near
    path = np.exp(-(((columns - SUN_X) / width) ** 2)) * (1 - 0.55 * near)
    return path * (0.2 + 0.75 * smooth(0.0, 1.2, waves))


def developed(rng: np.random.Generator, picture: Floats) -> Floats:
    """What a lens and film add: bloom, a slightly soft focus, darker corners, fine grain."""
    columns, rows = grid()
    bright = (picture - 0.72).clip(0)
    picture = cv2.GaussianBlur(picture, (0, 0), 0.9) + 0.35 * cv2.GaussianBlur(bright, (0, 0), 28)
    corner = np.hypot((columns - WIDTH / 2) / WIDTH, (rows - HEIGHT / 2) / HEIGHT)
    picture = picture * (1 - 0.42 * smooth(0.3, 0.85, corner))[..., None]
    return picture + 0.005 * rng.standard_normal((HEIGHT, WIDTH, 1), np.float32)


def write_background(path: Path) -> None:
    """Paint the lake at dusk from back to front and store it."""
    rng = np.random.default_rng(SEED)
    picture = forest(rng, mountains(rng, sky(rng)))
    picture = developed(rng, lake(rng, picture))
    Image.fromarray(as_bytes(picture)).save(path, quality=JPEG_QUALITY, optimize=True, progressive=True)


def main() -> None:
    """Make both files, or only the one asked for."""
    parser = argparse.ArgumentParser(description="Make livematte's demo clip and demo background.")
    parser.add_argument("--only", choices=["clip", "background"], help="make just this one")
    parser.add_argument("--into", type=Path, default=DEMO, help="the folder to write to")
    asked = parser.parse_args()
    asked.into.mkdir(parents=True, exist_ok=True)
    for name, file, write in (
        ("clip", "clip.mp4", write_clip),
        ("background", "background.jpg", write_background),
    ):
        if asked.only in (None, name):
            write(asked.into / file)
            print(f"{asked.into / file}: {(asked.into / file).stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
