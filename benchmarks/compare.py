"""Frames a second, CPU time and memory of `livematte.replace` and of others, beside a plain transcode.

python benchmarks/compare.py [--clip FILE or --size WIDTHxHEIGHT] [--runs 3] [--background FILE or word]
                             [--mediapipe FILE.tflite] [--rvm FILE.onnx] [--u2netp FILE.onnx]

One clip for all; without --clip, the one that comes with livematte, scaled to fill 1280×720 or another size
and repeated to 24 seconds, with its sound. Every run is a process of its own, and so that a busy machine is
as busy for all, runs of all kinds are interleaved; printed are medians, and medians of the ratios within a
round. All write with the same encoder and settings. `CPU` is the processor's time, all threads together.

- transcode: PyAV decodes and encodes and nothing is between: the limit of what can be reached.
- best, fast: `livematte.replace` with the network of that name (best is the default), starting included.
- mediapipe: the selfie model in a plain loop: OpenCV reads, blends at full size in RGB; LiteRT, one thread.
- rvm: RobustVideoMatting in the same loop, in onnxruntime as it is by default.
- u2netp: what rembg runs, in the same loop.

The three are measured where the file of their network is given (none comes with livematte; rvm and u2netp
need onnxruntime) and said to be left out elsewhere. Their starting is not counted, and of rvm and u2netp only
the first frames are run.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from importlib.resources import as_file, files
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Blend = Callable[[Picture], NDArray[np.float32]]
"""Makes of an RGB frame H×W×3 the RGB of its people before the background, 0..255."""

NETWORKS = ("best", "fast")

PEERS = {"mediapipe": 100_000, "rvm": 24, "u2netp": 6}
"""How many frames of a clip each runs at the most."""


def main() -> None:
    """Parse the arguments and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--clip", type=Path)
    chosen.add_argument("--size", type=size_of, default=(1280, 720))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--background", help="of livematte; the picture that comes with it when left out")
    for peer in PEERS:
        parser.add_argument(f"--{peer}", type=Path, help="the file of its network")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    with (
        as_file(files("livematte.sample") / "background.jpg") as photo,
        tempfile.TemporaryDirectory() as folder,
    ):
        background = arguments.background or str(photo)
        if arguments.one:
            measure(arguments.one, arguments.file, arguments.clip, background, photo)
            return
        clip = arguments.clip or repeated(
            enlarged(Path(folder) / "short.mp4", *arguments.size), Path(folder) / "clip.mp4", 4
        )
        longer = repeated(clip, Path(folder) / f"longer{clip.suffix}", 4)
        given = {peer: getattr(arguments, peer) for peer in PEERS}
        for peer in [peer for peer, file in given.items() if file is None]:
            print(f"{peer} is left out: --{peer} names no file")
            del given[peer]
        compare(clip, longer, background, arguments.runs, given)


def compare(clip: Path, longer: Path, background: str, runs: int, peers: dict[str, Path]) -> None:
    """Run all kinds in turn and print medians, and the memory of a clip four times as long."""
    kinds: dict[str, Path | None] = {"transcode": None, **dict.fromkeys(NETWORKS), **peers}
    results: dict[str, list[list[float]]] = {kind: [] for kind in kinds}
    for _ in range(runs):
        for kind, file in kinds.items():
            results[kind].append(run(kind, file, clip, background))

    def ratio(kind: str, other: str, column: int) -> float:
        pairs = zip(results[kind], results[other], strict=True)
        return statistics.median(one[column] / two[column] for one, two in pairs)

    print(f"{'':10} frames a second  × transcode  best ×  CPU ms a frame  × transcode  peak memory, MB")
    for kind, rows in results.items():
        rate, cpu, memory = (statistics.median(column) for column in zip(*rows, strict=True))
        print(
            f"{kind:10} {rate:15.1f} {ratio(kind, 'transcode', 0):12.2f} {ratio('best', kind, 0):7.2f} "
            f"{cpu:15.1f} {ratio(kind, 'transcode', 1):12.2f} {memory:16.0f}"
        )
    memory = run("best", None, longer, background)[2]
    print(f"best, a clip 4 times as long: peak memory {memory:.0f} MB")


def run(kind: str, file: Path | None, clip: Path, background: str) -> list[float]:
    """One measurement in a process of its own: frames a second, CPU ms a frame and MB."""
    command = [sys.executable, __file__, "--one", kind, "--clip", str(clip), "--background", background]
    if file is not None:
        command += ["--file", str(file)]
    return [float(word) for word in subprocess.check_output(command, text=True).split()]


def measure(kind: str, file: Path, clip: Path, background: str, photo: Path) -> None:
    """Do it once and print frames a second, CPU ms a frame and the peak memory in MB."""
    import livematte

    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / f"out{clip.suffix}"
        blend = BLENDS[kind](file, clip, photo) if kind in BLENDS else None
        begin, cpu = time.perf_counter(), time.process_time()
        if blend is not None:
            frames = plain_loop(clip, target, blend, PEERS[kind])
        elif kind in NETWORKS:
            frames = livematte.replace(clip, target, background, network=kind).frames_out
        else:
            frames = transcode(clip, target)
        seconds, spent = time.perf_counter() - begin, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 if sys.platform != "darwin" else 1024)
    print(frames / seconds, 1000 * spent / frames, peak / 1024)


def plain_loop(clip: Path, target: Path, blend: Blend, most: int) -> int:
    """OpenCV reads, the frame is blended, PyAV writes as livematte does; returns the number of frames."""
    from livematte.frame import Frame
    from livematte.media import Reader, Writer

    frames, video = 0, cv2.VideoCapture(str(clip))
    with Reader(clip) as like, Writer(target, like, sound=False) as writer:
        while frames < most:
            there, picture = video.read()
            if not there:
                break
            blended = blend(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))
            image = av.VideoFrame.from_ndarray(blended.astype(np.uint8), format="rgb24")
            writer.write(Frame(image.reformat(format=like.working), Fraction(frames) / like.rate))
            frames += 1
    return frames


def mediapipe(file: Path, clip: Path, photo: Path) -> Blend:
    """The selfie model: RGB in 0..1 at its own size in, the person's mask out."""
    from ai_edge_litert.interpreter import Interpreter

    network = Interpreter(str(file), num_threads=1)
    network.allocate_tensors()
    given, wanted = network.get_input_details()[0], network.get_output_details()[0]
    height, width = (int(side) for side in given["shape"][1:3])
    behind = background_of(clip, photo)

    def blend(picture: Picture) -> NDArray[np.float32]:
        small = cv2.resize(picture, (width, height))
        network.set_tensor(given["index"], small[None] / np.float32(255))
        network.invoke()
        return over(network.get_tensor(wanted["index"]).reshape(height, width), picture, behind)

    return blend


def rvm(file: Path, clip: Path, photo: Path) -> Blend:
    """RobustVideoMatting (Lin et al. 2022): the frame and four memories in; colour, alpha, memories out."""
    from onnxruntime import InferenceSession

    network, behind = InferenceSession(str(file)), background_of(clip, photo)
    memories = [np.zeros((1, 1, 1, 1), np.float32)] * 4
    # so that the coarse pass sees at most about 480 pixels, as its authors advise
    ratio = np.array([min(1.0, 480 / max(behind.shape))], np.float32)
    names = [given.name for given in network.get_inputs()]

    def blend(picture: Picture) -> NDArray[np.float32]:
        nonlocal memories
        planes = picture.transpose(2, 0, 1)[None] / np.float32(255)
        values = [planes, *memories, ratio]
        colour, alpha, *memories = network.run(None, dict(zip(names, values, strict=True)))
        share = alpha[0, 0][..., None]
        result: NDArray[np.float32] = behind + share * (255 * colour[0].transpose(1, 2, 0) - behind)
        return result

    return blend


def u2netp(file: Path, clip: Path, photo: Path) -> Blend:
    """U²-Net (Qin et al. 2020) in its small form, prepared as rembg does."""
    from onnxruntime import InferenceSession

    network, behind = InferenceSession(str(file)), background_of(clip, photo)
    name = network.get_inputs()[0].name
    mean, deviation = (
        np.array(three, np.float32) for three in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    )

    def blend(picture: Picture) -> NDArray[np.float32]:
        small = cv2.resize(picture, (320, 320), interpolation=cv2.INTER_LANCZOS4)
        values = (small / np.float32(max(1, small.max())) - mean) / deviation
        mask = network.run(None, {name: values.transpose(2, 0, 1)[None].astype(np.float32)})[0][0, 0]
        return over((mask - mask.min()) / (np.ptp(mask) + 1e-6), picture, behind)

    return blend


BLENDS = {"mediapipe": mediapipe, "rvm": rvm, "u2netp": u2netp}


def over(mask: NDArray[np.float32], picture: Picture, behind: NDArray[np.float32]) -> NDArray[np.float32]:
    """The picture before the background, by a mask 0..1 of any size."""
    share = cv2.resize(mask, picture.shape[1::-1], interpolation=cv2.INTER_LINEAR)[..., None]
    result: NDArray[np.float32] = behind + share * (picture - behind)
    return result


def background_of(clip: Path, photo: Path) -> NDArray[np.float32]:
    """The photo at a clip's size, RGB 0..255."""
    with av.open(str(clip)) as video:
        size = video.streams.video[0].width, video.streams.video[0].height
    picture = cv2.cvtColor(cv2.imread(str(photo)), cv2.COLOR_BGR2RGB)
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.float32)


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


def size_of(text: str) -> tuple[int, int]:
    """Width and height of words like 1280x720, even for the encoder's sake."""
    sides = [int(side) for side in text.lower().split("x") if side.isdigit()]
    if len(sides) != 2 or any(side < 2 or side % 2 for side in sides):
        raise argparse.ArgumentTypeError(f"{text} is no size of two even numbers, as in 1280x720")
    width, height = sides
    return width, height


def enlarged(target: Path, width: int, height: int) -> Path:
    """The shipped clip, which is square, filling width×height, with its sound."""
    side = max(width, height)
    left, top = ((side - length) // 4 * 2 for length in (width, height))
    shipped = files("livematte.sample") / "clip.mp4"
    with as_file(shipped) as clip, av.open(str(clip)) as source, av.open(str(target), "w") as output:
        stream = output.add_stream("libx264", 30, {"preset": "veryfast", "crf": "20"})
        stream.width, stream.height = width, height
        sound = output.add_stream_from_template(source.streams.audio[0])
        number = 0
        for packet in source.demux():
            if packet.stream.type == "audio" and packet.dts is not None:
                packet.stream = sound
                output.mux(packet)
            for frame in packet.decode() if packet.stream.type == "video" else ():
                big = frame.reformat(side, side).to_ndarray()
                luma, chroma = big[:side], big[side:].reshape(2, side // 2, side // 2)
                luma = luma[top : top + height, left : left + width]
                chroma = chroma[:, top // 2 :, left // 2 :][:, : height // 2, : width // 2]
                planes = np.vstack([luma, chroma.reshape(height // 2, width)])
                image = av.VideoFrame.from_ndarray(planes, "yuv420p")
                image.pts, number = number, number + 1
                output.mux(stream.encode(image))
        output.mux(stream.encode(None))
    return target


def repeated(clip: Path, target: Path, times: int) -> Path:
    """A clip's pictures and sound several times over, packets copied."""
    with av.open(str(target), "w") as output:
        begin, added = Fraction(0), []
        for _ in range(times):
            end = begin
            with av.open(str(clip)) as source:
                streams = [*source.streams.video[:1], *source.streams.audio[:1]]
                added = added or [output.add_stream_from_template(stream) for stream in streams]
                for packet in source.demux(*streams):
                    # sound's lead-in would lie over the end of the round before
                    if packet.dts is None or (begin and packet.pts < 0):
                        continue
                    shift = round(begin / packet.time_base)
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    if packet.stream is streams[0]:
                        end = max(end, (packet.pts + packet.duration) * packet.time_base)
                    packet.stream = added[streams.index(packet.stream)]
                    output.mux(packet)
            begin = end
    return target


if __name__ == "__main__":
    main()
