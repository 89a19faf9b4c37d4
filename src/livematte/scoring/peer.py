"""What can be measured: anything that is called on frames."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from livematte.errors import OptionError
from livematte.frame import Alpha, Picture
from livematte.segment import Segmenter


class Peer(Protocol):
    """Something that makes masks and is measured beside the network.

    It is called on one picture after the other, uint8 RGB H×W×3, and returns alpha H×W, float in 0..1.
    Two more are used where there are any: `reset()`, to forget the frames before (without it, no frame is
    taken to depend on another), and `previous`, the mask of the frame before, H×W of any size, in 0..1, which
    is set after `reset` to see how soon a wrong one is overcome.
    """

    def __call__(self, picture: Picture, /) -> Alpha:
        """The alpha of a clip's next frame, or of a still."""
        ...


MakePeer = Callable[[], Peer]
"""Makes a new peer; called more than once where peers can be reset, for frames fed in different ways."""


class Ours:
    """The Segmenter as a peer."""

    def __init__(self, segmenter: Segmenter) -> None:
        self._segmenter = segmenter

    def __call__(self, picture: Picture, /) -> Alpha:
        """The matte's alpha."""
        return self._segmenter(picture).alpha

    def reset(self) -> None:
        """Forget the previous mask."""
        self._segmenter.reset()

    @property
    def previous(self) -> Alpha | None:
        """The network's own small mask of the frame before."""
        return self._segmenter.previous

    @previous.setter
    def previous(self, mask: Alpha | None) -> None:
        self._segmenter.previous = mask


def find_peer(name: str) -> MakePeer:
    """The function that `module:function` names; modules are looked for in the current folder, too.

    Raises OptionError.
    """
    module_name, _, function_name = name.partition(":")
    if not module_name or not function_name:
        raise OptionError(f"a peer is module:function, not {name!r}")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        found: Any = importlib.import_module(module_name)
        for part in function_name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise OptionError(f"peer {name!r}: {error}") from error
    if not callable(found):
        raise OptionError(f"peer {name!r} is no function; it must return what is called on frames")
    return found  # type: ignore[no-any-return]
