"""Run `livematte.replace` on clips and compare what must not change: frames, their times, and the sound.

python benchmarks/round_trip.py CLIP [CLIP ...] [--background blur] [--keep FOLDER]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from fractions import Fraction
from pathlib import Path

import av

import livematte


def main() -> None:
    """Print a line for each clip; exit with 1 if anything differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--background", default="blur")
    parser.add_argument("--keep", type=Path)
    arguments = parser.parse_args()
    good = True
    with tempfile.TemporaryDirectory() as folder:
        for clip in arguments.clips:
            target = (arguments.keep or Path(folder)) / clip.name
            report = livematte.replace(clip, target, arguments.background)
            before, after = times(clip), times(target)
            sound = packets(clip) == packets(target)
            good = good and before == after and sound
            print(
                f"{clip.name}: {len(before)} frames in, {len(after)} out; "
                f"times {'equal' if before == after else 'DIFFER'}; "
                f"sound {'equal bit for bit' if sound else 'DIFFERS'} ({report.sound_tracks} tracks); "
                f"{report.rate:.0f} frames a second; {', '.join(report.warnings) or 'no warnings'}",
                flush=True,
            )
    sys.exit(0 if good else 1)


def times(path: Path) -> list[Fraction]:
    """When each frame is shown, in seconds."""
    return [frame.time for frame in livematte.read(path)]


def packets(path: Path) -> list[tuple[Fraction, bytes]]:
    """Every packet of sound with its time."""
    with av.open(str(path)) as container:
        tracks = container.streams.audio
        return [
            (packet.pts * packet.time_base, bytes(packet))
            for packet in (container.demux(tracks) if tracks else ())
            if packet.pts is not None
        ]


if __name__ == "__main__":
    main()
