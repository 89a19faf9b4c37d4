"""Runs of `replace` that change nothing but what is asked for."""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

import livematte
from livematte import Frame, Options, Report
from livematte.media import read

FIFTY = [Fraction(n, 25) for n in range(50)]
MAIN = [sys.executable, "-c", "from livematte.cli import main; main()"]
SAMPLE = Path(livematte.__file__).parent / "sample" / "clip.mp4"


class Unchanged:
    """A backdrop that shows what is there."""

    def planes(self, frame: Frame, levels: np.ndarray) -> list[np.ndarray]:
        return frame.planes()


def run(source: Path | str, target: Path | str, **options: Any) -> Report:
    return livematte.replace(source, target, Unchanged(), options=Options(**options), threads=1)


def times(path: Path | str) -> list[Fraction | None]:
    return [frame.time for frame in read(path)]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def told(report: Report) -> list[str]:
    """What a report warns of; the network may see nobody in a picture that is no photograph."""
    return [warning for warning in report.warnings if "no person was found" not in warning]


def first_image(path: Path) -> av.VideoFrame:
    with av.open(str(path)) as clip:
        return next(clip.decode(video=0))
