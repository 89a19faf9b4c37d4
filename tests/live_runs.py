"""What live tests share: a room that must never be seen, cameras that fail, and a screen that remembers."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from frames import as_format

from livematte.frame import Frame, Matte
from livematte.live import Choice, LivePipeline, Shot
from livematte.live.sinks import Outlet
from livematte.live.stage import SceneStage
from livematte.report import Stopwatch

ROOM = (200, 0, 200)
BEHIND = (0, 128, 128)
SIZE = (96, 64)
PEER = [sys.executable, str(Path(__file__).with_name("live_peer.py"))]


def room(size: tuple[int, int] = SIZE) -> np.ndarray:
    """A white person in the magenta room."""
    picture = np.full((*size[::-1], 3), ROOM, np.uint8)
    picture[size[1] // 4 : size[1] * 3 // 4, size[0] // 4 : size[0] * 3 // 4] = 255
    return picture


def shows_room(picture: np.ndarray) -> bool:
    """Whether anything in a picture is nearer to the room's colour than to person, background and grey."""
    red, green, blue = (picture[..., channel].astype(int) for channel in range(3))
    return bool(((red > 90) & (blue > 90) & (green < 60)).any())


def white(frame: Frame) -> Matte:
    """Cuts out what is white."""
    luma = frame.planes()[0]
    return Matte(np.where(luma > 200, 255, 0).astype(np.uint8), (luma > 200).astype(np.float32))


def stage(choice: Choice) -> SceneStage:
    return SceneStage(choice, Stopwatch())


class Camera:
    """A fake camera: the room, `rate` times a second.

    instead: called with the number of the frame: what to yield in its place, or None; may raise.
    """

    def __init__(self, rate: float = 60, instead: Callable[[int], Any] = lambda number: None) -> None:
        self.rate, self.instead = rate, instead
        self.number = self.opened = 0
        self.room = as_format(room(), "yuv420p")

    def __call__(self) -> Iterator[Any]:
        self.opened += 1
        while True:
            time.sleep(1 / self.rate)
            self.number += 1
            other = self.instead(self.number)
            yield Shot(self.room, time.monotonic()) if other is None else other


def kind(picture: np.ndarray) -> str:
    """Whether a picture is `alone`: BEHIND all over, has the `person` in the middle, or is something else."""
    if (abs(picture.astype(int) - BEHIND) < 12).all():
        return "alone"
    middle, corner = picture[picture.shape[0] // 2, picture.shape[1] // 2], picture[2, 2]
    return "person" if (middle > 230).all() and not (corner > 230).all() else "other"


class Screen:
    """Remembers what it was shown: RGB pictures, their times and their kinds."""

    def __init__(self, fails: Callable[[int], None] = lambda number: None) -> None:
        self.fails = fails
        self.pictures: list[np.ndarray] = []
        self.times: list[float] = []
        self.kinds: list[str] = []
        self.number = self.opened = 0

    @property
    def outlet(self) -> Outlet:
        return Outlet("screen", self._open)

    @contextmanager
    def _open(self, canvas: Any, rate: float) -> Iterator[Screen]:
        self.opened += 1
        self.fails(0)
        yield self

    def write(self, frame: Frame) -> bool:
        self.number += 1
        self.fails(self.number)
        assert frame.time is not None
        assert not self.times or frame.time > self.times[-1]
        self.pictures.append(frame.rgb())
        self.kinds.append(kind(self.pictures[-1]))
        self.times.append(float(frame.time))
        return True

    def shows(self, colour: tuple[int, int, int]) -> bool:
        """Whether the newest picture is of one colour all over."""
        return bool(self.pictures) and bool((abs(self.pictures[-1].astype(int) - colour) < 12).all())

    def shows_person(self) -> bool:
        """Whether the newest picture has the person in the middle, before something else."""
        return self.kinds[-1:] == ["person"]

    def showed(self, *kinds: str) -> bool:
        """Whether these kinds were shown one after the other, with anything in between."""
        shown = iter(tuple(self.kinds))
        return all(kind in shown for kind in kinds)


def until(holds: Callable[[], bool], what: str = "", seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"waited in vain: {what}"
        time.sleep(0.005)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ours() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("livematte-")]


def pipeline(
    feed: Any, screen: Screen, *, segment: Any = white, background: Any = "teal", **given: Any
) -> LivePipeline:
    """A pipeline onto a screen; given: of LivePipeline."""
    given = {"segmenter": lambda: segment, "stage": stage, "choice": Choice(background), **given}
    return LivePipeline(feed, [screen.outlet], **given)


@contextmanager
def peer(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """The other side, killed with all that it started when the block ends."""
    process = subprocess.Popen([*PEER, *arguments], start_new_session=True, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def address(kind: str, port: int, *, listens: bool) -> str:
    """A stream's address on this machine."""
    if kind == "srt":
        return f"srt://127.0.0.1:{port}" + ("?mode=listener" if listens else "")
    return f"{kind}://127.0.0.1:{port}/live/x"


def counted(counts: Path) -> tuple[int, int]:
    """Pictures that came, and those of them that show the room."""
    if not counts.exists():
        return 0, 0
    pictures, leaks, _ = counts.read_text().split()
    return int(pictures), int(leaks)


def room_clip(path: Path) -> Path:
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", 30, {"g": "10", "bf": "0", "crf": "12"})
        video.width, video.height, video.pix_fmt = 96, 64, "yuv420p"
        for number in range(60):
            frame = av.VideoFrame.from_ndarray(room(), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 30)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
    return path
