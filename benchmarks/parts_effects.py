"""What the effects on parts of people cost beside the rest of the composite.

python benchmarks/parts_effects.py [FRAMES]

FRAMES: at 1280×720, 60 when left out. The clip that comes with livematte is put into frames of that size, and
ellipses stand for hair, lips and glasses. Every effect runs beside the plain scene on the same frame, in
turn; the figures are medians of the processor's time, in one thread.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import as_file, files
from itertools import chain, islice, repeat

import av
import cv2
import numpy as np

from livematte import Frame, Matte, Scene, Segmenter, Style, read
from livematte.frame import Alpha
from livematte.labels import Label
from livematte.scene.convert import planes_like

SIZE = 1280, 720

PARTS = {
    Label.LIPS: ((0.44, 0.62), (0.05, 0.02)),
    Label.GLASSES: ((0.44, 0.45), (0.09, 0.03)),
    Label.HAIR: ((0.44, 0.3), (0.14, 0.2)),
}
"""Middle and half sides of each ellipse, as shares of width and height, well within the person."""

STYLES = {
    "plain": Style(solid=False),
    "hair": Style(hair="#8b2513", solid=False),
    "lips": Style(lips="#b0102a", solid=False),
    "grain": Style(grain=0.5, solid=False),
    "solid": Style(solid=True),
    "all": Style(hair="#8b2513", lips="#b0102a", grain=0.5, solid=True),
}


def main() -> None:
    """Print a table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    scenes = {name: Scene("blur", style) for name, style in STYLES.items()}
    spent: dict[str, list[float]] = {name: [] for name in scenes}
    for frame, matte in _frames(count):
        for name, scene in scenes.items():
            begin = time.thread_time()
            scene(frame, matte)
            spent[name].append(1000 * (time.thread_time() - begin))
    base = statistics.median(spent["plain"])
    print(f"{'1280×720':16} {'ms a frame':>10} {'of the plain scene':>20}")
    for name, times in spent.items():
        median = statistics.median(times)
        print(f"{name:16} {median:10.2f} {median / base:19.2f}×")


def _frames(count: int) -> Iterator[tuple[Frame, Matte]]:
    segmenter, like = Segmenter(threads=1), Frame(av.VideoFrame(*SIZE, "yuv420p"))
    with as_file(files("livematte.sample") / "clip.mp4") as clip:
        for frame in islice(chain.from_iterable(read(clip) for _ in repeat(None)), count):
            made = like.blank_like()
            for plane, there in zip(planes_like(like, frame.image), made.planes(), strict=True):
                there[:] = plane
            made = replace(made, time=frame.time)
            matte = segmenter(made)
            yield made, replace(matte, parts=_parts(matte.mask))


def _parts(mask: Alpha) -> Alpha:
    height, width = mask.shape
    parts = np.zeros((height, width, 8), np.float32)
    rest = mask.copy()
    for label, ((across, down), (wide, high)) in PARTS.items():
        share = np.zeros_like(mask)
        middle, sides = (across * width, down * height), (wide * width, high * height)
        box = cv2.RotatedRect(middle, (2 * sides[0], 2 * sides[1]), 0)
        cv2.ellipse(share, box, 1.0, -1)
        parts[..., label - 1] = np.minimum(share, rest)
        rest -= parts[..., label - 1]
    parts[..., Label.CLOTHES - 1] = rest
    return parts


if __name__ == "__main__":
    cv2.setNumThreads(1)
    main()
