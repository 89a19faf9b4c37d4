"""The Segmenter: frame in, matte out, and the mask of the frame before remembered."""

from __future__ import annotations

import os
from os import PathLike

import cv2
import numpy as np
from numpy.typing import NDArray

from livematte.errors import OptionError
from livematte.frame import Alpha, Frame, Matte, Picture, halve
from livematte.report import Stopwatch
from livematte.segment.refine import Refiner
from livematte.segment.runtime import load

CUT = 0.14
"""A mean change of this share of the range between two frames' thumbnails is a scene cut."""

MOVED = 0.02
"""From such a change on the mask before misleads about as often as it helps: camera or people move fast."""

THUMBNAIL = 32
"""The longer side, at least, of a frame's thumbnail."""


def usual_threads() -> int:
    """Half of the machine's cores, at most 4."""
    return max(1, min(4, (os.cpu_count() or 1) // 2))


class Segmenter:
    """Cuts the people out of the frames of one clip, in order.

    The previous mask is its only state: the network reads it as a fourth channel, so that neighbouring
    frames agree. It is forgotten at a scene cut, when the size changes, and by `reset`. The first frame of a
    scene, and one that differs much from the frame before, are looked at twice, the second time in the mirror
    and without that mask: what is found is the mean.

    previous: that mask, float32 h×w in 0..1 at the network's input size, or None; may be set after `reset`.
    network: `best`, `fast`, `parts`, or the path of a LiteRT file with an input of 1×H×W×4.
    threads: for the network; half of the machine's cores, at most 4, when left out.
    watch: counts the seconds spent on `network` and `refine`, and on other stages by whoever uses it.
    """

    def __init__(self, network: str | PathLike[str] = "best", *, threads: int | None = None) -> None:
        if threads is not None and threads < 1:
            raise OptionError(f"threads must be at least 1, not {threads}")
        self.threads = threads or usual_threads()
        self._name = network
        self._network = load(network, 1, 1, self.threads)
        self.watch = Stopwatch()
        self._refine = Refiner()
        self._size: tuple[int, int] | None = None
        self.previous: Alpha | None = None
        self._thumbnail: NDArray[np.uint8] | None = None

    def __call__(self, picture: Picture | Frame) -> Matte:
        """The matte of the clip's next frame: a Frame, or upright uint8 RGB H×W×3."""
        frame = picture if isinstance(picture, Frame) else Frame.from_rgb(picture)
        self._fit(frame)
        with self.watch("network"):
            small = self._small(frame)
            change = self._change(small)
            if change > CUT:
                self.previous = None
            begins = self.previous is None
            mask = self._network.run(small, self.previous, twice=begins or change > MOVED)
            self.previous = mask
        with self.watch("refine"):
            levels = self._refine(np.ascontiguousarray(frame.orientation.stored(mask)), frame)
        return Matte(levels, mask, frame.orientation, self._network.parts(), begins)

    def begins_scene(self, frame: Frame) -> bool:
        """Look at the clip's next frame and cut nobody out: whether the mask before is forgotten there."""
        self._fit(frame)
        return self._change(self._small(frame)) > CUT

    @property
    def network(self) -> str:
        """The network that runs: its name and the height and width of its input."""
        return f"{self._name} {self._network.height}×{self._network.width}"

    @property
    def tells_parts(self) -> bool:
        """Whether its mattes tell the classes of a person apart."""
        return self._network.tells_parts

    def reset(self) -> None:
        """Forget the previous mask, as before the first frame of another clip."""
        self.previous = self._thumbnail = None
        self._size = None

    def _fit(self, frame: Frame) -> None:
        """Choose the file whose shape is closest to the frame's whenever the size changes."""
        if frame.upright_size != self._size:
            if self._size is not None:
                self.reset()
            self._size = frame.upright_size
            self._network = load(self._name, *self._size, self.threads, self._network)

    def _small(self, frame: Frame) -> Picture:
        return frame.rgb(self._network.width, self._network.height)

    def _change(self, small: Picture) -> float:
        """How much the thumbnail changes from the frame before, as a share of the range; 0 for the first."""
        thumbnail = halve(small, THUMBNAIL).astype(np.uint8, copy=False)
        before, self._thumbnail = self._thumbnail, thumbnail
        return 0.0 if before is None else float(cv2.absdiff(thumbnail, before).mean()) / 255
