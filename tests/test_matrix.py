"""Every orientation, codec, timing, number of sound tracks and pixel format through `replace` and back."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from clips import CFR, VFR, make_clip, packets_of
from numpy.typing import NDArray

import livematte
from livematte import Frame, Matte
from livematte.media import Reader
from livematte.media.scheduling import usual_scheduling
from livematte.report import Stopwatch

LIMITED, FULL, BT709, BT470BG, BT601, BT2020, PQ, HLG = 1, 2, 1, 5, 6, 9, 16, 18
SDR = (LIMITED, BT709, BT709, BT709)
UNTAGGED = (LIMITED, 2, 2, 2)
TURNS = [(turn, mirrored) for turn in (0, 90, 180, 270) for mirrored in (False, True)]
# what cameras, phones, screens and editors write: encoder, pixel format, container, tags
KINDS: list[tuple[str, str, str, tuple[int, int, int, int]]] = [
    ("libx264", "yuv420p", ".mp4", SDR),
    ("libx264", "yuvj420p", ".mp4", (FULL, BT601, BT601, BT709)),
    ("libx264", "yuv422p", ".mov", SDR),
    ("libx264", "yuv444p", ".mp4", SDR),
    ("libx264", "yuv420p10le", ".mp4", SDR),
    ("libx264", "gray", ".mp4", SDR),
    ("libx265", "yuv420p", ".mp4", SDR),
    ("libx265", "yuv420p10le", ".mp4", (LIMITED, BT2020, BT2020, PQ)),
    ("libx265", "yuv420p10le", ".mov", (LIMITED, BT2020, BT2020, HLG)),
    ("libx265", "yuv422p10le", ".mov", SDR),
    ("libvpx-vp9", "yuv420p", ".mp4", SDR),
    ("libvpx-vp9", "yuv444p", ".mp4", SDR),
    ("libsvtav1", "yuv420p", ".mp4", SDR),
    ("libsvtav1", "yuv420p10le", ".mp4", SDR),
    ("prores_ks", "yuv422p10le", ".mov", UNTAGGED),
    ("prores_ks", "yuv444p10le", ".mov", UNTAGGED),
    ("mjpeg", "yuvj420p", ".mov", (FULL, BT470BG, BT601, BT709)),
    ("mjpeg", "yuvj422p", ".mov", (FULL, BT470BG, BT601, BT709)),
]
kinds = pytest.mark.parametrize(
    ("codec", "pix_fmt", "suffix", "tags"), KINDS, ids=[f"{kind[0]}-{kind[1]}-{kind[3][3]}" for kind in KINDS]
)
QUIET = {
    # with a pool its lookahead takes from a list, unlocked, to which another thread appends; one never ended
    "libx265": {"x265-params": "log-level=none:pools=none:frame-threads=1", "preset": "ultrafast"},
    "libx264": {"preset": "ultrafast"},
    "libsvtav1": {"preset": "12"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
}
TAGS = ("color_range", "colorspace", "color_primaries", "color_trc")


class Everybody:
    """Stands where the Segmenter stands and takes every pixel for a person."""

    tells_parts = False

    def __init__(self, network: Any, *, threads: int | None = None) -> None:
        self.network, self.threads, self.watch = "everybody", 1, Stopwatch()

    def __call__(self, frame: Frame) -> Matte:
        levels = np.full((frame.height, frame.width), 255, np.uint8)
        return Matte(levels, np.ones((8, 8), np.float32), frame.orientation)


@pytest.fixture(autouse=True)
def _everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("livematte.pipeline.Segmenter", Everybody)
    monkeypatch.setenv("SVT_LOG", "1")


def filmed(folder: Path, codec: str, pix_fmt: str, suffix: str, **options: Any) -> Path:
    if codec == "mjpeg":
        options["options"] = {"strict": "unofficial"}
    return make_clip(
        folder / f"in{suffix}", codec=codec, pix_fmt=pix_fmt, **{"options": QUIET.get(codec, {}), **options}
    )


def what_is_kept(path: Path) -> tuple[list[Fraction | None], Fraction, Any, list[int], Any]:
    with Reader(path, threads=1) as reader:
        frames = [frame.time for frame in reader]
        tags = [int(getattr(reader.first.image, name)) for name in TAGS]
        return frames, reader.last_duration, reader.display_matrix, tags, packets_of(path)


@kinds
@pytest.mark.parametrize("turn", TURNS, ids=lambda turn: f"{turn[0]}{'m' if turn[1] else ''}")
@pytest.mark.parametrize("stamps", [CFR[:6], VFR[:6]], ids=["cfr", "vfr"])
@pytest.mark.parametrize("tracks", [0, 1, 2])
def test_a_round_trip_keeps_times_sound_orientation_and_colour(
    tmp_path: Path,
    codec: str,
    pix_fmt: str,
    suffix: str,
    tags: tuple[int, int, int, int],
    turn: tuple[int, bool],
    stamps: tuple[Fraction, ...],
    tracks: int,
) -> None:
    source = filmed(
        tmp_path,
        codec,
        pix_fmt,
        suffix,
        times=stamps,
        tags=tags,
        rotation=turn[0],
        mirrored=turn[1],
        sound_tracks=tracks,
    )
    report = livematte.replace(source, tmp_path / f"out{suffix}", "teal")
    before, after = what_is_kept(source), what_is_kept(tmp_path / f"out{suffix}")
    assert after == before
    assert (report.frames_out, report.sound_tracks) == (len(stamps), tracks)
    # ProRes 4444 is decoded to 12 bits
    assert all("12 bits a channel become 10" in warning for warning in report.warnings)
    assert {packet[0] for packet in after[-1]} == set(range(tracks))
    if pix_fmt != "gray":
        assert after[3] == list(tags)


def lumas(path: Path) -> NDArray[np.float64]:
    """Luma of all frames in 0..1023, whatever the depth."""
    with Reader(path, threads=1) as reader:
        return np.array([frame.planes()[0].astype(float) * 2 ** (10 - frame.bits) for frame in reader])


def transcoded(source: Path, target: Path, like: Path) -> Path:
    """The source through PyAV alone, with the encoder that livematte chose for `like`."""
    with av.open(str(like)) as made:
        context = made.streams.video[0].codec_context
        name, pix_fmt = context.name, context.pix_fmt
    settings = {
        "h264": ("libx264", {"preset": "veryfast", "bf": "0", "crf": "20"}),
        "hevc": (
            "libx265",
            {"preset": "veryfast", "crf": "22", "x265-params": "bframes=0:log-level=none"},
        ),
    }
    encoder, options = settings[name]
    with usual_scheduling(), av.open(str(source)) as clip, av.open(str(target), "w") as out:
        stream = out.add_stream(encoder, 25, options, time_base=clip.streams.video[0].time_base)
        stream.codec_context.thread_type = "FRAME" if name == "h264" else "AUTO"
        for number, frame in enumerate(clip.decode(video=0)):
            if number == 0:
                stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, pix_fmt
                stream.codec_context.color_range = frame.color_range
            plain = frame.reformat(format=pix_fmt) if frame.format.name != pix_fmt else frame
            plain.pict_type = 0
            out.mux(stream.encode(plain))
        out.mux(stream.encode(None))
    return target


@kinds
def test_foreground_pixels_differ_by_the_encoder_alone(
    tmp_path: Path, codec: str, pix_fmt: str, suffix: str, tags: tuple[int, int, int, int]
) -> None:
    source = filmed(tmp_path, codec, pix_fmt, suffix, tags=tags, size=(160, 120), times=CFR[:8])
    livematte.replace(source, tmp_path / f"out{suffix}", "teal")
    plain = transcoded(source, tmp_path / f"plain{suffix}", like=tmp_path / f"out{suffix}")
    truth = lumas(source)
    ours = np.abs(lumas(tmp_path / f"out{suffix}") - truth).mean()
    theirs = np.abs(lumas(plain) - truth).mean()
    assert ours <= theirs + 0.05
    assert ours < 16
