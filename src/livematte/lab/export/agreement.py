"""Whether a file just written computes what its checkpoint does; converters have been wrong before."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import as_file, files

import numpy as np
import torch

from livematte.errors import OutputError
from livematte.frame import Alpha, Picture
from livematte.lab.network import Network
from livematte.media import read

Run = Callable[[Picture, Alpha], Alpha]
"""uint8 RGB H×W×3 and the previous mask, float32 H×W, to the mask."""

TOLERANCE = {"float32": 1e-4, "float16": 5e-3, "int8": 2e-2}
"""The mean difference between two masks that rounding explains; a wrong layer makes tens of times more."""


def check(network: Network, run: Run, name: str, height: int, width: int, precision: str) -> None:
    """OutputError unless both agree on a frame of the sample clip, the network's mask of it fed back."""
    picture = _sample(height, width)
    previous = _mask(network, picture, np.zeros((height, width), np.float32))
    wanted = _mask(network, picture, previous)
    apart = float(np.abs(run(picture, previous) - wanted).mean())
    if not apart <= TOLERANCE[precision]:  # NaN fails, too
        raise OutputError(
            f"{name} was not kept: its masks are {apart:.4f} away from the checkpoint's, "
            f"where {TOLERANCE[precision]:g} would be rounding"
        )


def _mask(network: Network, picture: Picture, previous: Alpha) -> Alpha:
    seen = torch.from_numpy(np.dstack([picture / np.float32(255), previous])).permute(2, 0, 1)[None]
    with torch.no_grad():
        mask: Alpha = network(seen)[0, 0].sigmoid().numpy()
    return mask


def _sample(height: int, width: int) -> Picture:
    with as_file(files("livematte.sample") / "clip.mp4") as clip:
        return next(iter(read(clip))).rgb(width, height)
