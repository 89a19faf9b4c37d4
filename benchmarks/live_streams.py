"""Servers killed and started again: the live path must come back each time and never show the room.

python benchmarks/live_streams.py [--times 10] [--kinds rtmp srt] [--pictures 30]

A fake camera shows a person in a magenta room; the network is one that knows both colours, so that every
magenta pixel in a result is a leak. `out`: the result goes to a listener on this machine, a process that is
killed after some pictures and started again. `into`: a sender is killed and started again. For each round:
the seconds until pictures came again. Exits with 1 where a round does not end or the room is seen.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from live_runs import (
    Camera,
    Screen,
    address,
    counted,
    free_port,
    peer,
    pipeline,
    room_clip,
    shows_room,
    stage,
    white,
)

from livematte import Options
from livematte.live import Choice, LivePipeline
from livematte.live.feeds import Address
from livematte.live.sinks import outlet_for

PATIENCE = 120.0


def main() -> None:
    """Run both directions for each kind of stream and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--kinds", nargs="+", choices=["rtmp", "srt"], default=["rtmp", "srt"])
    parser.add_argument("--pictures", type=int, default=30, help="that come before it is killed again")
    arguments = parser.parse_args()
    well = True
    for kind in arguments.kinds:
        for run in (out, into):
            with tempfile.TemporaryDirectory() as folder:
                waits, pictures, leaks, told = run(kind, arguments.times, arguments.pictures, Path(folder))
            well = well and len(waits) == arguments.times and not leaks
            seconds = " ".join(f"{wait:.1f}" for wait in waits)
            print(f"{kind:4} {run.__name__:4} came back {len(waits)} of {arguments.times}; seconds {seconds}")
            print(f"          pictures {pictures}, showing the room {leaks}; {told}", flush=True)
    sys.exit(0 if well else 1)


Result = tuple[list[float], int, int, str]


def out(kind: str, times: int, least: int, folder: Path) -> Result:
    """To a listener that is killed again and again."""
    port = free_port()
    waits, pictures, leaks = [], 0, 0
    outlet = outlet_for(address(kind, port, listens=False), Options())
    with LivePipeline(Camera(30), [outlet], lambda: white, stage, Choice("teal")) as live:
        for number in range(times):
            counts = folder / str(number)
            with peer("receive", address(kind, port, listens=True), str(counts)):
                wait = _until(lambda counts=counts: counted(counts)[0] >= 1)
                came = _until(lambda counts=counts: counted(counts)[0] >= least)
            if wait is None or came is None:
                break
            waits.append(wait)
            pictures, leaks = pictures + counted(counts)[0], leaks + counted(counts)[1]
        sender = live.senders[0]
        told = f"sent {live.tally.sent}, written {sender.written}, opened again {sender.reopened}"
    return waits, pictures, leaks, told


def into(kind: str, times: int, least: int, folder: Path) -> Result:
    """From a sender that is killed again and again."""
    port, screen = free_port(), Screen()
    clip = room_clip(folder / "room.mp4")
    waits: list[float] = []
    with pipeline(Address(address(kind, port, listens=False)), screen) as live:
        for _ in range(times):
            composed = live.tally.composed
            with peer("send", address(kind, port, listens=True), str(clip)):
                wait = _until(lambda least=composed + 1: live.tally.composed >= least)
                came = _until(lambda least=composed + least: live.tally.composed >= least)
            if wait is None or came is None or _until(lambda: live.is_alone) is None:
                break
            waits.append(wait)
        tally = live.tally
    told = f"captured {tally.captured}, late {tally.late}, shown {tally.composed}, alone {tally.alone}"
    told += f", opened again {tally.reopened}"
    return waits, len(screen.pictures), sum(map(shows_room, screen.pictures)), told


def _until(holds: Callable[[], bool]) -> float | None:
    """Seconds until it holds, None where it does not in PATIENCE seconds."""
    begin = time.monotonic()
    while not holds():
        if time.monotonic() - begin > PATIENCE:
            return None
        time.sleep(0.01)
    return time.monotonic() - begin


if __name__ == "__main__":
    main()
