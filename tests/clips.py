"""Small clips made on the spot, so that no test needs a file from outside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.packet import Packet
from numpy.typing import NDArray

from livematte.media.scheduling import usual_scheduling

RATE = 48_000
TICK = Fraction(1, 90_000)
CFR = tuple(Fraction(n, 25) for n in range(20))
VFR = tuple(Fraction(n * 3000 + n % 3 * 700, 90_000) for n in range(20))


def picture(index: int, size: tuple[int, int] = (64, 48)) -> NDArray[np.uint8]:
    """A smooth RGB picture with a bright square that moves with `index`."""
    width, height = size
    rows, columns = np.mgrid[:height, :width]
    red = rows * 255 // max(1, height - 1)
    blue = columns * 255 // max(1, width - 1)
    image = np.stack([red, np.full_like(red, 90), blue], axis=-1).astype(np.uint8)
    left = index * 3 % max(1, width - 8)
    image[height // 4 : height // 2, left : left + 8] = 235
    return image


def make_clip(
    path: Path,
    *,
    size: tuple[int, int] = (64, 48),
    times: Sequence[Fraction] = CFR,
    last: Fraction = Fraction(1, 25),
    tick: Fraction = TICK,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    rotation: int = 0,
    mirrored: bool = False,
    sound_tracks: int = 1,
    sound_codec: str = "aac",
    format: str | None = None,
    tags: tuple[int, int, int, int] | None = None,
    aspect: Fraction | None = None,
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    metadata: dict[str, str] | None = None,
    chapters: bool = False,
) -> Path:
    """Write a clip whose frames stand at `times` seconds; the last one is shown for `last` seconds.

    rotation: degrees counter-clockwise as FFmpeg counts; tags: range, matrix, primaries, transfer.
    """
    mux = {"video_track_timescale": str(tick.denominator), "movie_timescale": str(tick.denominator)}
    mux |= container_options or {}
    with usual_scheduling(), av.open(str(path), "w", format=format, container_options=mux) as out:
        out.metadata.update(metadata or {})
        options = dict(options or {})
        if codec == "libx265":  # with B-frames it gives so short a clip decoding times out of thin air
            options["x265-params"] = options.get("x265-params", "log-level=none") + ":bframes=0"
        video = out.add_stream(codec, 25, options, time_base=tick)
        coder = video.codec_context
        coder.width, coder.height, coder.pix_fmt = *size, pix_fmt
        coder.flags |= av.codec.context.Flags.frame_duration
        if tags:
            coder.color_range, coder.colorspace, coder.color_primaries, coder.color_trc = tags
        if aspect:
            coder.sample_aspect_ratio = aspect
        if rotation or mirrored:
            video.set_display_rotation(rotation, hflip=mirrored)
        end = times[-1] + last
        if chapters:
            half = int(end * 500)
            titles = [("one", 0, half), ("two", half, int(end * 1000))]
            out.set_chapters(
                [
                    {
                        "id": n,
                        "start": a,
                        "end": b,
                        "time_base": Fraction(1, 1000),
                        "metadata": {"title": title},
                    }
                    for n, (title, a, b) in enumerate(titles)
                ]
            )
        sounds = [out.add_stream(sound_codec, RATE) for _ in range(sound_tracks)]
        packets = list(_pictures(video, times, last, tick, size))
        for number, sound in enumerate(sounds):
            packets += tone(sound, end, 220 * (number + 1))
        packets.sort(key=lambda packet: (packet.dts or 0) * Fraction(packet.time_base))
        for packet in packets:
            out.mux(packet)
    return path


def _pictures(
    video: av.VideoStream, times: Sequence[Fraction], last: Fraction, tick: Fraction, size: tuple[int, int]
) -> Iterator[Packet]:
    ends = [*times[1:], times[-1] + last]
    for index, (time, end) in enumerate(zip(times, ends, strict=True)):
        frame = av.VideoFrame.from_ndarray(picture(index, size), format="rgb24")
        frame.pts, frame.time_base, frame.duration = round(time / tick), tick, round((end - time) / tick)
        yield from video.encode(frame)
    yield from video.encode(None)


def tone(sound: av.AudioStream, seconds: Fraction, pitch: int) -> Iterator[Packet]:
    total = int(seconds * RATE)
    wave = np.sin(np.arange(total) * (2 * np.pi * pitch / RATE)) * 0.2
    for start in range(0, total, 1024):
        part = np.repeat(wave[None, start : start + 1024].astype(np.float32), 2, axis=0)
        frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
        yield from sound.encode(frame)
    yield from sound.encode(None)


def packets_of(path: Path, kind: str = "audio") -> list[tuple[int, Fraction, Fraction, bytes]]:
    """Every packet of a kind: number of its track among that kind, pts and dts in seconds, content."""
    with av.open(str(path)) as container:
        order = [stream.index for stream in container.streams if stream.type == kind]
        return [
            (
                order.index(packet.stream_index),
                packet.pts * Fraction(packet.time_base),
                packet.dts * Fraction(packet.time_base),
                bytes(packet),
            )
            for packet in container.demux()
            if packet.size and packet.stream_index in order
        ]
