"""The network's files and the runtime that runs them."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.resources import as_file, files
from os import PathLike
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from livematte.errors import InputError, OptionError
from livematte.frame import Alpha, Picture
from livematte.labels import Label

LARGE = ((256, 256), (224, 288), (288, 224), (192, 320), (320, 192))
SMALL = ((256, 256), (224, 288), (288, 224), (144, 256), (256, 144))

NETWORKS: Mapping[str, Sequence[tuple[int, int]]] = {"best": LARGE, "fast": SMALL, "parts": LARGE}
"""The networks that come with the package, and the height and width of the input in each one's files.

`parts` tells hair, skin and clothes apart, too. Between 9:16 and 16:9 pictures are squeezed by at most 14 %,
for `fast` 18 %, and no shape has more pixels than the square. Sides are multiples of 32, so that no level of
the hourglass is padded; `fast` makes an exception for 16:9, to be fastest there.
"""


def file_name(name: str, height: int, width: int) -> str:
    """What the file of a network is called for one input shape."""
    return f"{name}-{height}x{width}.tflite"


def closest_shape(network: str, width: int, height: int) -> tuple[int, int]:
    """The (height, width) of a network's files that a width×height picture is squeezed least to fit."""
    aspect = math.log(width / height)
    return min(NETWORKS[network], key=lambda shape: abs(math.log(shape[1] / shape[0]) - aspect))


class Network:
    """One network file in LiteRT on the CPU.

    height, width: of its input, from the file; tells_parts: whether it tells the classes of a person apart.
    `run` is not safe to call from two threads at once.
    """

    def __init__(self, path: Path, threads: int) -> None:
        if not path.is_file():
            raise InputError(f"{path}: no such network file")
        try:
            with quiet():
                self._interpreter = Interpreter(str(path), num_threads=threads)
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise InputError(f"{path}: not a LiteRT network ({str(error).splitlines()[0]})") from None
        given = self._interpreter.get_input_details()
        if len(given) != 1 or len(given[0]["shape"]) != 4 or given[0]["shape"][3] != 4:
            raise InputError(f"{path}: not a livematte network: its input must be 1×H×W×4")
        self._input, self._output = given[0]["index"], self._interpreter.get_output_details()[0]["index"]
        self.height, self.width = (int(side) for side in given[0]["shape"][1:3])
        channels = int(self._interpreter.get_output_details()[0]["shape"][-1])
        if channels not in (1, len(Label)):
            raise InputError(f"{path}: not a livematte network: its output has {channels} channels")
        self.tells_parts = channels > 1
        self._seen = np.zeros((1, self.height, self.width, 4), np.float32)
        self._told: Alpha = np.zeros((self.height, self.width, channels), np.float32)

    def run(self, picture: Picture, previous: Alpha | None, *, twice: bool = False) -> Alpha:
        """The mask, float32 H×W in 0..1, of an uint8 RGB H×W×3 picture and the mask before it, if any.

        twice: look at the picture's mirror image, too, without the mask before, and give the mean of both:
        for pictures of which that mask says nothing or little. Takes twice as long.
        """
        told = self._look(picture, previous)
        if twice:
            told = (told + self._look(picture[:, ::-1], None)[:, ::-1]) * np.float32(0.5)
        self._told = told
        return np.ascontiguousarray(told[:, :, 0])

    def parts(self) -> Alpha | None:
        """How far each pixel of the last run is of each class 1 to 8, float32 H×W×8 in 0..1, if told.

        Their sum is the mask.
        """
        return self._told[:, :, 1:] if self.tells_parts else None

    def _look(self, picture: Picture, previous: Alpha | None) -> Alpha:
        np.multiply(picture, np.float32(1 / 255), out=self._seen[0, :, :, :3])
        self._seen[0, :, :, 3] = 0 if previous is None else previous
        self._interpreter.set_tensor(self._input, self._seen)
        self._interpreter.invoke()
        told: Alpha = self._interpreter.get_tensor(self._output)[0]
        return told


@contextmanager
def quiet() -> Iterator[None]:
    """Without standard error: LiteRT and the converters announce themselves there, with no switch for it."""
    with Path(os.devnull).open("w") as nowhere:
        kept = os.dup(2)
        try:
            os.dup2(nowhere.fileno(), 2)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def load(
    network: str | PathLike[str], width: int, height: int, threads: int, loaded: Network | None = None
) -> Network:
    """The network for width×height pictures.

    network: the name of one that comes with the package, or the path of a LiteRT file.
    loaded: what was loaded by that name before, which is given back where it is what is wanted.
    """
    if not (isinstance(network, str) and network in NETWORKS):
        check_network(network)
        return loaded or Network(Path(network), threads)
    shape = closest_shape(network, width, height)
    if loaded and (loaded.height, loaded.width) == shape:
        return loaded
    with as_file(files("livematte.segment") / "weights" / file_name(network, *shape)) as path:
        return Network(path, threads)


def check_network(network: str | PathLike[str]) -> None:
    """Refuse what is neither a known name nor a path. Raises OptionError."""
    if isinstance(network, str) and network not in NETWORKS and not Path(network).suffix:
        raise OptionError(
            f"network {network!r} is unknown; there is: {', '.join(NETWORKS)}, or the path of a file"
        )
