"""What the options of reading and writing do, on whole clips."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from clips import CFR, RATE, VFR, make_clip, packets_of, picture
from hypothesis import given
from hypothesis import strategies as st
from runs import FIFTY, names, run, times

import livematte
from livematte import InputError, OptionError, Options, OutputError
from livematte.media import Reader, read
from livematte.media.codecs import CODECS

# part of a clip


@pytest.mark.parametrize("stamps", [FIFTY, [time * 5 for time in VFR]], ids=["cfr", "vfr"])
@pytest.mark.parametrize(
    ("start", "end"), [(0.5, None), (None, 1.2), (0.5, 1.2), ("0:00:01", "1.5"), (0.51, 1.19)]
)
def test_a_part_begins_at_0_and_keeps_its_distances(
    tmp_path: Path, stamps: list[Fraction], start: Any, end: Any
) -> None:
    source = make_clip(tmp_path / "in.mp4", times=stamps, tick=Fraction(1, 90_000))
    report = run(source, tmp_path / "out.mp4", start=start, end=end)
    low = {"0:00:01": 1.0}.get(start, start or 0)
    high = float(end or 99)
    inside = [time for time in stamps if low <= time < high]
    assert times(tmp_path / "out.mp4") == [time - inside[0] for time in inside]
    assert report.frames_out == len(inside)
    # the same packets of sound, as far from the pictures as before
    kept, all_of_it = packets_of(tmp_path / "out.mp4"), packets_of(source)
    wanted = [
        (packet[1] - inside[0], packet[3])
        for packet in all_of_it
        if inside[0] - Fraction(1024, RATE) < packet[1] < high
    ]
    assert [packet[3] for packet in kept] == [packet[1] for packet in wanted]
    for packet, (time, _) in zip(kept, wanted, strict=True):
        assert abs(packet[1] - time) < Fraction(1, RATE)


def test_a_far_start_is_found_by_seeking(tmp_path: Path) -> None:
    stamps = [Fraction(n, 25) for n in range(200)]
    source = make_clip(tmp_path / "in.mp4", times=stamps, options={"g": "20"})
    with Reader(source, options=Options(start=6.02, end=6.5)) as reader:
        first = reader.first.rgb()
        assert sum(1 for _ in reader) == 12
        assert reader.warnings == []
    assert np.abs(first.astype(int) - picture(151)).mean() < 8
    assert np.abs(first.astype(int) - picture(140)).mean() > np.abs(first.astype(int) - picture(151)).mean()


def test_chapters_move_with_the_part(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", times=FIFTY, chapters=True)
    run(source, tmp_path / "out.mp4", start=0.5, end=1.6)
    with av.open(str(tmp_path / "out.mp4")) as clip:
        found = [
            (
                chapter["metadata"]["title"],
                *(float(chapter[end] * chapter["time_base"]) for end in ("start", "end")),
            )
            for chapter in clip.chapters()
        ]
    assert found == [("one", 0.0, pytest.approx(0.48)), ("two", pytest.approx(0.48), pytest.approx(1.08))]


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"start": -1}, "start"),
        ({"start": 2, "end": 2}, "end"),
        ({"end": "1:xx"}, "'1:xx'"),
        ({"size": "64"}, "'64'"),
        ({"size": "x"}, "'x'"),
        ({"size": "1x1"}, "'1x1'"),
        ({"rate": 0}, "rate"),
        ({"chroma": "411"}, "'411'"),
    ],
)
def test_options_that_no_video_has_are_named(options: dict[str, Any], word: str) -> None:
    with pytest.raises(OptionError, match=word):
        Options(**options)


def test_a_part_without_a_picture_is_refused(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4")
    with pytest.raises(InputError, match="no picture between"):
        run(source, tmp_path / "out.mp4", start=7)
    assert names(tmp_path) == ["in.mp4"]


# size


@pytest.mark.parametrize(
    ("size", "shown"), [("32x", (32, 24)), ("x24", (32, 24)), ("100x50", (100, 50)), ("50x", (50, 38))]
)
@pytest.mark.parametrize("rotation", [0, 90])
def test_the_size_is_that_a_player_shows(
    tmp_path: Path, size: str, shown: tuple[int, int], rotation: int
) -> None:
    stored = (48, 64) if rotation else (64, 48)
    source = make_clip(tmp_path / "in.mp4", size=stored, rotation=rotation, times=CFR[:4])
    run(source, tmp_path / "out.mp4", size=size)
    frames = list(read(tmp_path / "out.mp4"))
    assert {frame.upright_size for frame in frames} == {shown}


@given(st.integers(2, 4000), st.integers(2, 4000), st.integers(2, 4000))
def test_a_side_that_follows_is_even_and_keeps_the_shape(width: int, height: int, side: int) -> None:
    wide, high = Options(size=f"{side}x").shown_size(width, height)
    assert wide == side
    assert high % 2 == 0
    assert abs(high - max(2, side * height / width)) <= 1
    wide, high = Options(size=f"x{side}").shown_size(width, height)
    assert high == side
    assert abs(wide - max(2, side * width / height)) <= 1


# codecs


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere threads are not listed in /proc")
def test_no_encoder_makes_this_a_real_time_process(tmp_path: Path) -> None:
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))  # whatever ran here before
    before = {thread.name for thread in Path("/proc/self/task").iterdir()} - {str(os.getpid())}
    found: set[int] = set()

    class Look:
        def apply(self, frame: livematte.Frame, _: livematte.Matte) -> livematte.Frame:
            for thread in Path("/proc/self/task").iterdir():
                with suppress(ProcessLookupError):  # over since
                    if thread.name not in before:
                        found.add(os.sched_getscheduler(int(thread.name)))
            return frame

    source = make_clip(tmp_path / "in.mp4")
    livematte.replace(source, tmp_path / "out.mp4", options=Options(codec="av1"), effects=[Look()])
    assert found == {os.SCHED_OTHER}


@pytest.mark.parametrize(
    ("codec", "suffix", "found"),
    [
        ("hevc", ".mp4", "hevc"),
        ("hevc", ".mov", "hevc"),
        ("av1", ".mp4", "av1"),
        ("vp9", ".mp4", "vp9"),
        ("vp9", ".webm", "vp9"),
        ("av1", ".webm", "av1"),
        ("prores", ".mov", "prores"),
        ("ffv1", ".mkv", "ffv1"),
        ("raw", ".nut", "rawvideo"),
        (None, ".webm", "vp9"),
        (None, ".y4m", "rawvideo"),
    ],
)
def test_every_codec_makes_a_whole_clip(tmp_path: Path, codec: str | None, suffix: str, found: str) -> None:
    source = make_clip(tmp_path / "in.mp4", sound_codec="libopus")
    report = run(source, tmp_path / f"out{suffix}", codec=codec)
    with av.open(str(tmp_path / f"out{suffix}")) as clip:
        name = clip.streams.video[0].codec_context.name
        assert name.removeprefix("lib").removesuffix("-dav1d").replace("dav1d", "av1") == found
        if codec == "hevc":
            assert clip.streams.video[0].codec_context.codec_tag == "hvc1"
    rounded = Fraction(1, 2000) if suffix in (".webm", ".mkv") else Fraction(0)
    if suffix == ".nut":
        rounded = Fraction(312, RATE)  # Opus begins early, which NUT cannot hold
        assert any("all times move by 0.00" in warning for warning in report.warnings)
    for before, after in zip(times(source), times(tmp_path / f"out{suffix}"), strict=True):
        assert abs(before - after) <= rounded
    first = next(iter(read(tmp_path / f"out{suffix}"))).rgb()
    assert np.abs(first.astype(int) - picture(0)).mean() < 8


@pytest.mark.parametrize("codec", [name for name, codec in CODECS.items() if codec.quality])
def test_quality_decides_the_size_within_its_range(tmp_path: Path, codec: str) -> None:
    suffix = ".mkv"
    source = make_clip(tmp_path / "in.mp4", size=(160, 120), times=CFR[:6], sound_tracks=0)
    _, low, _, high = CODECS[codec].quality or ("", 0, 0, 0)
    sizes = []
    for quality in (low + 10, high - 5):
        run(source, tmp_path / f"{quality}{suffix}", codec=codec, quality=quality)
        sizes.append((tmp_path / f"{quality}{suffix}").stat().st_size)
    assert sizes[0] > 1.5 * sizes[1]
    with pytest.raises(OptionError, match=f"from {low} .* to {high}"):
        run(source, tmp_path / f"out{suffix}", codec=codec, quality=high + 1)


@pytest.mark.parametrize(
    ("suffix", "options", "word"),
    [
        (".mp4", {"codec": "prores"}, "'prores'"),
        (".mp4", {"codec": "nope"}, "'nope'"),
        (".mov", {"codec": "prores", "quality": 3}, "no quality"),
        (".mp4", {"codec": "nope_nvenc"}, "'nope_nvenc'"),
        (".mp4", {"container": "nut"}, "container"),
    ],
)
def test_an_encoding_that_cannot_be_leaves_nothing(
    tmp_path: Path, suffix: str, options: dict[str, Any], word: str
) -> None:
    source = make_clip(tmp_path / "in.mp4")
    with pytest.raises(OptionError, match=word):
        run(source, tmp_path / f"out{suffix}", **options)
    assert names(tmp_path) == ["in.mp4"]


def test_a_hardware_encoder_runs_or_is_named(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", size=(320, 240))
    try:
        run(source, tmp_path / "out.mp4", codec="h264_nvenc")
    except (OutputError, OptionError) as refused:
        error = str(refused)
        found = "h264_nvenc" in error and names(tmp_path) == ["in.mp4"]
    else:
        found = times(tmp_path / "out.mp4") == times(source)
    assert found


@pytest.mark.parametrize(
    ("pix_fmt", "codec", "suffix", "word"),
    [
        ("yuv420p10le", "vp9", ".webm", "10 bits a channel become 8"),
        ("yuv444p", "av1", ".mp4", "colour resolution is reduced"),
        ("yuv420p10le", None, "/%d.png", "10 bits a channel become 8"),
        ("yuv444p10le", "prores", ".mov", ""),
        ("yuv422p10le", None, ".nut", ""),
    ],
)
def test_what_a_codec_cannot_hold_is_said(
    tmp_path: Path, pix_fmt: str, codec: str | None, suffix: str, word: str
) -> None:
    source = make_clip(tmp_path / "in.mkv", pix_fmt=pix_fmt, times=CFR[:3], sound_tracks=0)
    report = run(source, f"{tmp_path}/out{suffix}", codec=codec)
    told = [warning for warning in report.warnings if "become" in warning or "reduced" in warning]
    assert len(told) == bool(word)
    assert all(word in warning for warning in told)


def test_prores_of_full_range_looks_the_same(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", pix_fmt="yuvj420p", tags=(2, 5, 5, 6), times=CFR[:3])
    run(source, tmp_path / "out.mov", codec="prores")
    before, after = next(read(source)), next(read(tmp_path / "out.mov"))
    assert np.abs(after.rgb().astype(int) - before.rgb()).mean() < 3


def test_chroma_can_be_halved_for_every_player(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", pix_fmt="yuv444p", times=CFR[:4])
    report = run(source, tmp_path / "out.mp4", chroma="420")
    assert next(iter(read(tmp_path / "out.mp4"))).format == "yuv420p"
    assert any("colour resolution" in warning for warning in report.warnings)


# ending early


def test_a_stop_on_request_keeps_what_is_done(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", times=FIFTY)
    stop = threading.Event()
    report = livematte.replace(
        source,
        tmp_path / "out.mp4",
        "teal",
        threads=1,
        stop=stop,
        progress=lambda done, total: stop.set() if done == 12 else None,
    )
    assert report.stopped
    assert report.frames_out == 12
    assert times(tmp_path / "out.mp4") == FIFTY[:12]
    assert any("stopped on request after 12 frames" in warning for warning in report.warnings)
    assert names(tmp_path) == ["in.mp4", "out.mp4"]
