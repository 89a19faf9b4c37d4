"""One hour of 720p through `livematte.replace`: its memory must stay flat and every frame must come out.

python benchmarks/hour.py [--minutes 60] [--rate 30] [--background blur] [--container mkv] [--settle 60]
                          [--keep FOLDER]

The hour is the clip that comes with livematte, scaled to fill 1280×720 and repeated packet by packet, with
its sound. The resident memory of the process and its children is read once a second while it runs. Exits
with 1 where the memory later exceeds that of the first minute by more than 20 MB or frames are missing.

An MP4 or MOV ends with an index of every packet, which FFmpeg holds until then: some 72 bytes a packet, about
20 MB for an hour at 30 frames a second with sound, whatever livematte does. It is counted, and told apart.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from importlib.resources import as_file, files
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.packet import Packet
from av.video.stream import VideoStream
from compare import enlarged

MOST_GROWTH = 20.0  # MB
INDEX = {"mp4": 72, "mov": 72, "mkv": 0}  # bytes a packet: the size of FFmpeg's MOVIentry
RATE = 30  # frames a second of the clip that is repeated
RUN = "import sys, livematte; livematte.replace(*sys.argv[1:])"


def main() -> None:
    """Make the hour, run it, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=int, default=RATE, help="frames a second of the hour")
    parser.add_argument("--background", default="blur")
    parser.add_argument("--container", choices=list(INDEX), default="mkv")
    parser.add_argument("--settle", type=float, default=60, help="seconds before memory has to be flat")
    parser.add_argument("--keep", type=Path, help="a folder for the hour and the result")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary)
        source, target = folder / "hour.mp4", folder / f"out.{arguments.container}"
        make(
            source, Fraction(arguments.minutes).limit_denominator(1000) * 60, arguments.rate, Path(temporary)
        )
        samples = watch([sys.executable, "-c", RUN, str(source), str(target), arguments.background])
        (before, _), (after, packets) = count(source), count(target)
    memory_is_flat = tell(samples, arguments.settle, before, packets * INDEX[arguments.container] / 1e6)
    print(f"frames in, out          {before:8d} {after:8d}")
    sys.exit(0 if memory_is_flat and before == after else 1)


def tell(samples: list[tuple[float, float]], settle: float, frames: int, index: float) -> bool:
    """Print the table; whether memory was flat. index: MB of the container's index in the end."""
    seconds = samples[-1][0]
    early = [memory for moment, memory in samples if moment <= settle][-1]
    latest = max((memory for moment, memory in samples if moment > settle), default=early)
    index *= 1 - min(1, settle / seconds)  # what it grows by later
    growth = latest - early
    print(f"minutes, frames/second  {seconds / 60:8.1f} {frames / seconds:8.1f}")
    print(f"memory after {settle:4.0f} s     {early:8.1f} MB")
    print(f"maximum later           {latest:8.1f} MB")
    print(f"growth                  {growth:8.1f} MB (most allowed: {MOST_GROWTH:.0f})")
    print(f"container's index       {index:8.1f} MB of that")
    step = max(1, len(samples) // 12)
    print(
        "course, minute:MB       " + " ".join(f"{at / 60:.1f}:{memory:.0f}" for at, memory in samples[::step])
    )
    return growth <= MOST_GROWTH


def watch(command: list[str]) -> list[tuple[float, float]]:
    """Run a command; (seconds since its start, 10^6 bytes resident with its children), once a second."""
    begin = time.monotonic()
    samples: list[tuple[float, float]] = []
    with subprocess.Popen(command) as process:
        while process.poll() is None:
            samples.append((time.monotonic() - begin, resident(process.pid)))
            time.sleep(1)
    if process.returncode:
        sys.exit(f"the run failed with exit code {process.returncode}")
    return samples


def resident(root: int) -> float:
    """10^6 bytes of resident memory of a process and all below it."""
    listing = subprocess.check_output(["ps", "-A", "-o", "pid=,ppid=,rss="], text=True)
    rows = [tuple(map(int, line.split())) for line in listing.splitlines()]
    family = {root}
    while more := {pid for pid, parent, _ in rows if parent in family} - family:
        family |= more
    return sum(size for pid, _, size in rows if pid in family) * 1024 / 1e6


def make(target: Path, length: Fraction, rate: int, folder: Path) -> None:
    """Repeat the packets of the shipped clip, its pictures scaled to 720p, for `length` seconds."""
    big = enlarged(folder / "short.mp4")
    with (
        as_file(files("livematte.sample") / "clip.mp4") as clip,
        av.open(str(big)) as pictures,
        av.open(str(clip)) as sounds,
        av.open(str(target), "w") as output,
    ):
        video, sound = pictures.streams.video[0], sounds.streams.audio[0]
        video_copy = output.add_stream_from_template(video)
        sound_copy = output.add_stream_from_template(sound)
        # a slower clip is the same packets with longer ticks
        tick = Fraction(video.time_base or 0) * RATE / rate
        video_packets, sound_packets = whole(pictures.demux(video)), whole(sounds.demux(sound))
        video_end = sound_end = Fraction(0)
        while video_end < length:
            video_end = append(output, video_copy, video_packets, tick, video_end)
            while sound_end < video_end:
                sound_end = append(
                    output, sound_copy, sound_packets, Fraction(sound.time_base or 0), sound_end
                )


Kept = tuple[bytes, int, int, int, bool]


def whole(packets: object) -> list[Kept]:
    """The packets' content, times and durations, the first decoding time at 0."""
    kept = [
        (bytes(packet), packet.pts, packet.dts, packet.duration, packet.is_keyframe)
        for packet in packets  # type: ignore[attr-defined]
        if packet.size and packet.pts is not None
    ]
    first = kept[0][2]
    return [(content, pts - first, dts - first, length, key) for content, pts, dts, length, key in kept]


def append(
    output: av.container.OutputContainer,
    stream: VideoStream | AudioStream,
    packets: list[Kept],
    tick: Fraction,
    start: Fraction,
) -> Fraction:
    """Mux all packets anew from `start` seconds on; returns where they end."""
    offset = round(start / tick)
    for content, pts, dts, length, key in packets:
        packet: Packet = Packet(content)
        packet.pts, packet.dts, packet.duration, packet.time_base = pts + offset, dts + offset, length, tick
        packet.is_keyframe, packet.stream = key, stream
        output.mux_one(packet)
    return (offset + sum(length for _, _, _, length, _ in packets)) * tick


def count(path: Path) -> tuple[int, int]:
    """Packets of video in a file, and of all streams."""
    with av.open(str(path)) as container:
        video = container.streams.video[0].index
        numbers = [packet.stream_index for packet in container.demux() if packet.size]
    return numbers.count(video), len(numbers)


if __name__ == "__main__":
    main()
