"""Frames a second of `livematte.replace` beside a plain transcode of the same clip, and its peak memory.

python benchmarks/throughput.py [--clip FILE] [--runs 3] [--background blur]

Without --clip, the clip that comes with livematte is scaled to fill 1280×720. Each run is a process of its
own; runs of both kinds are interleaved and the medians printed. The transcode decodes, encodes with the same
settings and copies the sound, with the same reader and writer.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.resources import as_file, files
from pathlib import Path

import av


def main() -> None:
    """Parse the arguments and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--clip", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--background", default="blur")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        measure(arguments.one, arguments.clip, arguments.background)
        return
    with tempfile.TemporaryDirectory() as folder:
        clip = arguments.clip or enlarged(Path(folder) / "clip.mp4")
        longer = repeated(clip, Path(folder) / f"longer{clip.suffix}", 4)
        compare(clip, longer, arguments.background, arguments.runs)


def compare(clip: Path, longer: Path, background: str, runs: int) -> None:
    """Run both kinds in turn and print medians, and the memory of a clip four times as long."""
    results: dict[str, list[list[float]]] = {"transcode": [], "replace": []}
    for _ in range(runs):
        for kind, rows in results.items():
            rows.append(run(kind, clip, background))
    for kind, rows in results.items():
        rate, memory = (statistics.median(column) for column in zip(*rows, strict=True))
        print(f"{kind:10} {rate:6.1f} frames a second, peak memory {memory:4.0f} MB")
    pairs = zip(results["replace"], results["transcode"], strict=True)
    ratio = statistics.median(ours[0] / theirs[0] for ours, theirs in pairs)
    print(f"replace runs at {ratio:.2f} times the rate of the transcode")
    print(f"a clip 4 times as long: peak memory {run('replace', longer, background)[1]:4.0f} MB")


def run(kind: str, clip: Path, background: str) -> list[float]:
    """One measurement in a process of its own: frames a second and MB."""
    command = [sys.executable, __file__, "--one", kind, "--clip", str(clip), "--background", background]
    return [float(word) for word in subprocess.check_output(command, text=True).split()]


def measure(kind: str, clip: Path, background: str) -> None:
    """Do it once and print frames a second and the peak memory in MB."""
    import livematte

    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / f"out{clip.suffix}"
        begin = time.perf_counter()
        if kind == "replace":
            frames = livematte.replace(clip, target, background).frames_out
        else:
            frames = transcode(clip, target)
        seconds = time.perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 if sys.platform != "darwin" else 1024)
    print(frames / seconds, peak / 1024)


def transcode(clip: Path, target: Path) -> int:
    """Decode and encode, nothing between; returns the number of frames."""
    from livematte.frame import Frame
    from livematte.media import Reader, Writer
    from livematte.media.reader import Item
    from livematte.threads import Behind, ahead

    frames = 0
    with Reader(clip) as reader, Writer(target, reader) as writer:

        def write(item: Item) -> None:
            if isinstance(item, Frame):
                writer.write(item)
            else:
                writer.copy(item)

        with Behind(write, 4) as behind:
            for item in ahead(reader.items(), 4):
                frames += isinstance(item, Frame)
                behind.put(item)
    return frames


def enlarged(target: Path) -> Path:
    """The shipped clip filling 1280×720, without sound."""
    shipped = files("livematte.sample") / "clip.mp4"
    with as_file(shipped) as clip, av.open(str(clip)) as source, av.open(str(target), "w") as output:
        stream = output.add_stream("libx264", 30, {"preset": "veryfast", "crf": "20"})
        stream.width, stream.height = 1280, 720
        for number, frame in enumerate(source.decode(video=0)):
            big = frame.reformat(1280, 1280).to_ndarray()
            luma, chroma = big[:1280], big[1280:].reshape(2, 640, 640)
            image = av.VideoFrame(1280, 720, "yuv420p")
            for plane, part in zip(image.planes, (luma[280:1000], *chroma[:, 140:500]), strict=True):
                plane.update(part.tobytes())
            image.pts = number
            output.mux(stream.encode(image))
        output.mux(stream.encode(None))
    return target


def repeated(clip: Path, target: Path, times: int) -> Path:
    """A clip's pictures several times over, packets copied."""
    with av.open(str(target), "w") as output:
        offset, stream = 0, None
        for _ in range(times):
            with av.open(str(clip)) as source:
                video, end = source.streams.video[0], offset
                stream = stream or output.add_stream_from_template(video)
                for packet in source.demux(video):
                    if packet.dts is None:
                        continue
                    packet.pts, packet.dts, packet.stream = packet.pts + offset, packet.dts + offset, stream
                    end = max(end, packet.pts + packet.duration)
                    output.mux(packet)
                offset = end
    return target


if __name__ == "__main__":
    main()
