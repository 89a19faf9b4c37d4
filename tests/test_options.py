"""What the options of reading and writing do, on whole clips."""

from __future__ import annotations

import functools
import http.server
import io
import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from av.sidedata.sidedata import Type
from av.stream import Disposition
from clips import CFR, RATE, TICK, VFR, make_clip, packets_of, picture
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

import livematte
from livematte import Frame, InputError, OptionError, Options, OutputError, Report
from livematte.media import Reader, read, read_profile
from livematte.media.codecs import CODECS
from livematte.media.filters import TO_SDR, Filter

FIFTY = [Fraction(n, 25) for n in range(50)]
MAIN = [sys.executable, "-c", "from livematte.cli import main; main()"]


class Unchanged:
    """A backdrop that shows what is there."""

    def planes(self, frame: Frame, levels: np.ndarray) -> list[np.ndarray]:
        return frame.planes()


def run(source: Path | str, target: Path | str, **options: Any) -> Report:
    return livematte.replace(source, target, Unchanged(), options=Options(**options), threads=1)


def times(path: Path | str) -> list[Fraction | None]:
    return [frame.time for frame in read(path)]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


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


# sound and all else beside the pictures


def test_sound_is_left_out_on_request(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", sound_tracks=2)
    assert run(source, tmp_path / "out.mp4", audio="none").sound_tracks == 0
    assert packets_of(tmp_path / "out.mp4") == []


def test_sound_comes_from_another_file_and_ends_with_the_pictures(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", times=FIFTY)
    other = make_clip(tmp_path / "other.mp4", times=[*FIFTY, *(time + 2 for time in FIFTY)], sound_tracks=2)
    report = run(source, tmp_path / "out.mp4", audio=str(other))
    ours = packets_of(tmp_path / "out.mp4")
    assert report.sound_tracks == 2
    assert {packet[3] for packet in ours} < {packet[3] for packet in packets_of(other)}
    assert 1.9 < max(packet[1] for packet in ours) < 2
    assert times(tmp_path / "out.mp4") == FIFTY


@pytest.mark.parametrize("kind", ["none.mp3", "silent.mp4"])
def test_sound_that_is_not_there_leaves_nothing(tmp_path: Path, kind: str) -> None:
    source = make_clip(tmp_path / "in.mp4")
    make_clip(tmp_path / "silent.mp4", sound_tracks=0)
    before = names(tmp_path)
    with pytest.raises(InputError, match=kind):
        run(source, tmp_path / "out.mp4", audio=str(tmp_path / kind))
    assert names(tmp_path) == before


def clap(folder: Path, suffix: str, codec: str) -> Path:
    """A black clip with one white frame at 1 s, and silence with one click at the same time."""
    path = folder / f"clap{suffix}"
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", 25, time_base=TICK)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        sound = out.add_stream(codec, RATE)
        packets = []
        for number in range(50):
            frame = av.VideoFrame.from_ndarray(
                np.full((48, 64, 3), 255 * (number == 25), np.uint8), format="rgb24"
            )
            frame.pts, frame.time_base = number * 3600, TICK
            packets += video.encode(frame)
        wave = np.zeros(2 * RATE, np.float32)
        wave[RATE : RATE + 4] = 0.9
        for start in range(0, len(wave), 960):
            piece = np.repeat(wave[None, start : start + 960], 2, 0)
            audio = av.AudioFrame.from_ndarray(piece, format="fltp", layout="stereo")
            audio.sample_rate, audio.pts, audio.time_base = RATE, start, Fraction(1, RATE)
            packets += sound.encode(audio)
        packets += [*video.encode(None), *sound.encode(None)]
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            out.mux(packet)
    return path


def apart(path: Path) -> float:
    """Seconds from the flash to the click, as decoders give them."""
    with av.open(str(path)) as clip:
        flash = next(f.pts * f.time_base for f in clip.decode(video=0) if f.to_ndarray().mean() > 100)
    loudest, click = 0.0, Fraction(0)
    with av.open(str(path)) as clip:
        for frame in clip.decode(audio=0):
            level = np.abs(frame.to_ndarray().astype(float)).max(0)
            if level.max() > loudest:
                loudest = level.max()
                click = frame.pts * frame.time_base + Fraction(int(level.argmax()), frame.sample_rate)
    return float(click - flash)


@pytest.mark.parametrize(
    ("suffix", "codec", "target"),
    [
        (".mp4", "aac", ".mp4"),
        (".mp4", "aac", ".mov"),
        (".mp4", "aac", ".mkv"),
        (".mkv", "aac", ".mp4"),
        (".mov", "pcm_s16le", ".mkv"),
        (".mkv", "libopus", ".webm"),
        (".mp4", "aac", ".webm"),
    ],
)
def test_flash_and_click_stay_together(tmp_path: Path, suffix: str, codec: str, target: str) -> None:
    source = clap(tmp_path, suffix, codec)
    run(source, tmp_path / f"out{target}")
    assert abs(apart(tmp_path / f"out{target}") - apart(source)) <= 0.001


def test_webm_gets_its_sound_encoded_anew_and_says_so(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", times=FIFTY, sound_tracks=2)
    report = run(source, tmp_path / "out.webm")
    assert report.sound_tracks == 2
    assert sum("encoded anew as Opus" in warning for warning in report.warnings) == 2
    with av.open(str(tmp_path / "out.webm")) as clip:
        assert [stream.codec_context.name for stream in clip.streams.audio] == ["libopus"] * 2 or [
            stream.codec_context.name for stream in clip.streams.audio
        ] == ["opus"] * 2
        assert 1.9 < sum(frame.samples / frame.sample_rate for frame in clip.decode(audio=1)) < 2.1


def test_webm_takes_opus_as_it_is(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mkv", sound_codec="libopus", sound_tracks=2)
    report = run(source, tmp_path / "out.webm")
    assert report.warnings == ()
    assert packets_of(tmp_path / "out.webm") == packets_of(source)


def with_cover(folder: Path, suffix: str) -> tuple[Path, bytes]:
    data = io.BytesIO()
    Image.fromarray(picture(3)).save(data, "JPEG")
    plain, path = make_clip(folder / f"plain{suffix}"), folder / f"in{suffix}"
    with av.open(str(plain)) as clip, av.open(str(path), "w") as out:
        streams = {s.index: out.add_stream_from_template(s, opaque=True) for s in clip.streams}
        if suffix == ".mkv":
            out.add_attachment("cover.jpg", "image/jpeg", data.getvalue())
        else:
            cover = out.add_stream("mjpeg", 1)
            cover.width, cover.height, cover.pix_fmt = 64, 48, "yuvj420p"
            cover.disposition = Disposition.attached_pic
            out.start_encoding()
            packet = av.Packet(data.getvalue())
            packet.stream, packet.pts, packet.dts, packet.is_keyframe = cover, 0, 0, True
            out.mux(packet)
        for packet in clip.demux():
            if packet.size:
                packet.stream = streams[packet.stream_index]
                out.mux(packet)
    return path, data.getvalue()


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("target", [".mp4", ".mkv", ".mov"])
def test_a_cover_is_kept_or_named(tmp_path: Path, suffix: str, target: str) -> None:
    source, picture_bytes = with_cover(tmp_path, suffix)
    report = run(source, tmp_path / f"out{target}")
    with av.open(str(tmp_path / f"out{target}")) as clip:
        covers = [s for s in clip.streams if s.disposition & Disposition.attached_pic]
        found = [bytes(p) for p in clip.demux(covers) if p.size] if covers else []
    if target == ".mov":
        assert any("cover" in warning for warning in report.warnings)
    else:
        assert found == [picture_bytes]
        assert report.warnings == ()


@pytest.mark.parametrize("target", [".mov", ".mp4"])
def test_a_timecode_is_kept(tmp_path: Path, target: str) -> None:
    source = tmp_path / "in.mov"
    with av.open(str(source), "w") as out:
        video = out.add_stream("libx264", 25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        video.metadata["timecode"] = "10:20:30:05"
        for number in range(5):
            frame = av.VideoFrame.from_ndarray(picture(number), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
    report = run(source, tmp_path / f"out{target}")
    with av.open(str(tmp_path / f"out{target}")) as clip:
        assert clip.streams.video[0].metadata["timecode"] == "10:20:30:05"
        assert [stream.type for stream in clip.streams] == ["video", "data"]
    assert report.warnings == ()
    report = run(source, tmp_path / f"part{target}", start=0.1)
    assert any("timecode" in warning for warning in report.warnings)


def test_subtitles_are_kept_or_named(tmp_path: Path) -> None:
    source = tmp_path / "in.mkv"
    plain = make_clip(tmp_path / "plain.mkv", times=FIFTY)
    (tmp_path / "lines.srt").write_text(
        "".join(
            f"{n + 1}\n00:00:0{n * 0.6:.3f} --> 00:00:0{n * 0.6 + 0.5:.3f}\nline {n}\n\n" for n in range(3)
        ),
        encoding="utf-8",
    )
    with (
        av.open(str(plain)) as clip,
        av.open(str(tmp_path / "lines.srt")) as lines,
        av.open(str(source), "w") as out,
    ):
        streams = {s: out.add_stream_from_template(s, opaque=True) for s in [*clip.streams, *lines.streams]}
        for packet in [*lines.demux(), *clip.demux()]:
            if packet.size:
                packet.stream = streams[packet.stream]
                out.mux(packet)
    run(source, tmp_path / "out.mkv")
    assert packets_of(tmp_path / "out.mkv", "subtitle") == packets_of(source, "subtitle")
    assert len(packets_of(source, "subtitle")) == 3
    report = run(source, tmp_path / "out.mp4")
    assert any("subtitle" in warning for warning in report.warnings)
    run(source, tmp_path / "part.mkv", start=0.3)
    found = [(float(packet[1]), packet[3]) for packet in packets_of(tmp_path / "part.mkv", "subtitle")]
    assert found == [(0.0, b"line 0"), (pytest.approx(0.28), b"line 1"), (pytest.approx(0.88), b"line 2")]


@pytest.mark.parametrize("suffix", [".nut", ".y4m", ".apng", "/%d.png"])
@pytest.mark.parametrize("turn", [(90, False), (180, True), (270, True)])
def test_pictures_are_turned_where_nothing_can_say_so(
    tmp_path: Path, suffix: str, turn: tuple[int, bool]
) -> None:
    source = make_clip(
        tmp_path / "in.mp4",
        times=CFR[:3],
        rotation=turn[0],
        mirrored=turn[1],
        pix_fmt="yuv422p",
        tags=(1, 1, 1, 1),
    )
    report = run(source, f"{tmp_path}/out{suffix}")
    made = tmp_path / "out" / "1.png" if "%" in suffix else tmp_path / f"out{suffix}"
    before, after = next(read(source)), next(read(made))
    assert after.upright_size == (after.width, after.height) == before.upright_size
    assert np.abs(after.rgb().astype(int) - before.rgb()).mean() < 8
    told = [warning for warning in report.warnings if "left out" in warning]
    assert any("sound" in warning or "audio" in warning for warning in told) == (suffix != ".nut")
    assert any("matrix, primaries and transfer" in warning for warning in told) == (
        suffix in (".nut", ".y4m")
    )


# fields and HDR


def test_fields_become_whole_pictures(tmp_path: Path) -> None:
    source = make_clip(
        tmp_path / "in.mp4",
        size=(160, 120),
        options={"flags": "+ildct+ilme", "x264-params": "tff=1"},
        times=VFR,
    )
    report = run(source, tmp_path / "out.mp4")
    assert times(tmp_path / "out.mp4") == times(source) == list(VFR)
    assert any("interlaced" in warning for warning in report.warnings)
    with av.open(str(tmp_path / "out.mp4")) as clip:
        assert not any(frame.interlaced_frame for frame in clip.decode(video=0))


def test_a_comb_of_two_moments_is_gone(tmp_path: Path) -> None:
    source = tmp_path / "in.mp4"
    with av.open(str(source), "w") as out:
        video = out.add_stream("libx264", 25, {"flags": "+ildct+ilme", "x264-params": "tff=1", "crf": "10"})
        video.width, video.height, video.pix_fmt = 160, 120, "yuv420p"
        for number in range(8):
            both = np.full((120, 160, 3), 40, np.uint8)
            both[0::2, 10 + 12 * number : 40 + 12 * number] = 220
            both[1::2, 16 + 12 * number : 46 + 12 * number] = 220
            frame = av.VideoFrame.from_ndarray(both, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
    run(source, tmp_path / "out.mp4", quality=5)

    def comb(path: Path) -> float:
        with av.open(str(path)) as clip:
            luma = [frame.to_ndarray()[:120].astype(float) for frame in clip.decode(video=0)][4]
        return float(np.abs(luma[1:-1] - (luma[:-2] + luma[2:]) / 2).mean())

    assert comb(tmp_path / "out.mp4") < 0.25 * comb(source)


def hdr_clip(folder: Path, trc: int) -> Path:
    light = (
        ":hdr10=1:master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
        ":max-cll=1000,400"
    )
    return make_clip(
        folder / "in.mp4",
        codec="libx265",
        pix_fmt="yuv420p10le",
        tags=(1, 9, 9, trc),
        times=CFR[:6],
        options={"x265-params": "log-level=none:repeat-headers=1" + (light if trc == 16 else "")},
    )


def first_image(path: Path) -> av.VideoFrame:
    with av.open(str(path)) as clip:
        return next(clip.decode(video=0))


def test_hdr10_stays_hdr10_with_its_light_levels(tmp_path: Path) -> None:
    source = hdr_clip(tmp_path, 16)
    assert run(source, tmp_path / "out.mp4").warnings == ()
    before, after = first_image(source), first_image(tmp_path / "out.mp4")
    assert after.format.name == "yuv420p10le"
    assert (after.colorspace, after.color_primaries, after.color_trc) == (9, 9, 16)
    for kind in (Type.MASTERING_DISPLAY_METADATA, Type.CONTENT_LIGHT_LEVEL):
        assert bytes(after.side_data.get(kind)) == bytes(before.side_data.get(kind))
    with av.open(str(tmp_path / "out.mp4")) as clip:
        assert clip.streams.video[0].codec_context.name == "hevc"


@pytest.mark.parametrize("trc", [16, 18])
def test_hdr_becomes_sdr_on_request(tmp_path: Path, trc: int) -> None:
    source = hdr_clip(tmp_path, trc)
    report = run(source, tmp_path / "out.mp4", sdr=True)
    image = first_image(tmp_path / "out.mp4")
    assert image.format.name == "yuv420p"
    assert (image.colorspace, image.color_primaries, image.color_trc) == (1, 1, 1)
    assert any("HDR is mapped" in warning for warning in report.warnings)


@pytest.mark.parametrize("trc", [16, 18])
def test_tones_keep_their_order_when_mapped(trc: int) -> None:
    image = av.VideoFrame(96, 32, "yuv420p10le")
    luma, *chroma = Frame(image).planes()
    luma[:] = np.linspace(64, 700, 96)  # up to some 900 cd/m² in PQ
    for plane in chroma:
        plane[:] = 512
    image.color_range, image.colorspace, image.color_primaries, image.color_trc = 1, 9, 9, trc
    image.pts, image.time_base = 7, TICK
    (mapped,) = Filter(TO_SDR, image, TICK)(image)
    levels = Frame(mapped).planes()[0][16].astype(int)
    assert (mapped.pts, mapped.time_base, mapped.color_trc) == (7, TICK, 1)
    assert np.all(np.diff(levels) >= -1)
    assert levels[0] <= 18
    assert 150 < levels[-1] <= 235


# transparency


def straight(path: Path) -> list[np.ndarray]:
    """RGBA of every frame."""
    if path.suffix in (".webp", ".apng"):
        found = []
        with Image.open(path) as image:
            for number in range(image.n_frames):
                image.seek(number)
                found.append(np.asarray(image.convert("RGBA")))
        return found
    with av.open(str(path)) as clip:
        stream = clip.streams.video[0]
        decoder = stream.codec_context
        if decoder.name == "vp9":  # FFmpeg's own decoder drops alpha
            decoder = av.CodecContext.create("libvpx-vp9", "r")
        frames = [
            frame
            for packet in clip.demux(stream)
            for frame in decoder.decode(packet if packet.size else None)
        ]
    return [
        frame.reformat(format="rgba", src_colorspace="ITU709", dst_color_range="JPEG").to_ndarray()
        for frame in frames
    ]


SAMPLE = Path(livematte.__file__).parent / "sample" / "clip.mp4"


@pytest.mark.parametrize("suffix", [".mov", ".mkv", ".webm", ".webp", ".apng", "/%03d.png"])
def test_transparent_video_is_read_back_as_it_was_made(tmp_path: Path, suffix: str) -> None:
    target = f"{tmp_path}/out{suffix}"
    options = Options(end=0.2, size="240x")
    report = livematte.replace(SAMPLE, target, "transparent", options=options, threads=1)
    if "%" in suffix:
        assert names(tmp_path) == ["out"]
        found = [np.asarray(Image.open(path)) for path in sorted((tmp_path / "out").iterdir())]
    else:
        assert names(tmp_path) == [f"out{suffix}"]
        found = straight(Path(target))
    assert len(found) == report.frames_out == 6
    segmenter = livematte.Segmenter(threads=1)
    for frame, rgba in zip(livematte.read(SAMPLE, options), found, strict=True):
        levels = segmenter(frame).levels
        assert np.abs(rgba[..., 3].astype(int) - levels).mean() < 2.5
        solid = levels == 255
        assert np.abs(rgba[solid][:, :3].astype(int) - frame.rgb()[solid]).mean() < 9
        # the room, a flag on the left of bright blue and red, is not hidden beneath
        assert rgba[:20, :20, :3].max() < 24


def test_a_transparent_result_needs_a_container_that_holds_it(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4")
    with pytest.raises(OptionError, match=r"\.webm"):
        livematte.replace(source, tmp_path / "out.mp4", "transparent")
    with pytest.raises(OptionError, match="holds no transparency"):
        livematte.replace(source, tmp_path / "out.mkv", "transparent", options=Options(codec="h264"))
    assert names(tmp_path) == ["in.mp4"]


def test_the_matte_goes_beside_the_result(tmp_path: Path) -> None:
    options = Options(end=0.3, size="160x")
    report = livematte.replace(
        SAMPLE, tmp_path / "out.mp4", "teal", matte=tmp_path / "matte.mp4", options=options
    )
    livematte.matte(SAMPLE, tmp_path / "alone.mp4", options=options)
    beside, alone = list(read(tmp_path / "matte.mp4")), list(read(tmp_path / "alone.mp4"))
    assert len(beside) == len(alone) == report.frames_out == 9
    for one, other in zip(beside, alone, strict=True):
        assert one.time == other.time
        assert np.array_equal(one.planes()[0], other.planes()[0])


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [
        (".mp4", None),
        (".mov", "prores"),
        (".mp4", "hevc"),
        (".webm", None),
        (".apng", None),
        ("/%d.png", None),
    ],
)
def test_a_matte_is_the_same_in_every_container(tmp_path: Path, suffix: str, codec: str | None) -> None:
    options = Options(end=0.1, size="240x", codec=codec, quality=None)
    livematte.matte(SAMPLE, f"{tmp_path}/out{suffix}", options=options, threads=1)
    made = tmp_path / "out" / "1.png" if "%" in suffix else tmp_path / f"out{suffix}"
    levels = livematte.Segmenter(threads=1)(next(livematte.read(SAMPLE, options))).levels
    assert np.abs(next(read(made)).rgb()[..., 1].astype(int) - levels).mean() < 2
    if codec:
        with av.open(str(made)) as clip:
            assert clip.streams.video[0].codec_context.name == codec
    assert (levels == 255).mean() > 0.2


def test_the_matte_is_not_the_result(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4")
    with pytest.raises(OutputError, match="result itself"):
        livematte.replace(source, tmp_path / "out.mp4", matte=tmp_path / "out.mp4")
    assert names(tmp_path) == ["in.mp4"]


@pytest.mark.skipif(os.name == "nt", reason="needs a pseudo-terminal")
def test_a_terminal_gets_no_video(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4")
    ours, theirs = os.openpty()
    try:
        done = subprocess.run(
            [*MAIN, "replace", str(source), "-"],
            stdout=theirs,
            stderr=subprocess.PIPE,
            timeout=120,
            check=False,
        )
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.returncode == 2
    assert b"is a terminal" in done.stderr


# numbered pictures, addresses, pipes


def test_numbered_pictures_in_and_out(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for number in range(7, 15):
        Image.fromarray(picture(number)).save(tmp_path / "in" / f"a{number:04d}.png")
    pattern = tmp_path / "in" / "a%04d.png"
    run(pattern, tmp_path / "out.mp4", rate=10)
    assert times(tmp_path / "out.mp4") == [Fraction(n, 10) for n in range(8)]
    run(pattern, tmp_path / "out" / "b%d.png")
    assert len(names(tmp_path / "out")) == 8
    first = np.asarray(Image.open(tmp_path / "out" / "b1.png"))
    assert np.abs(first.astype(int) - picture(7)).mean() < 4
    with pytest.raises(OutputError, match="exist already"):
        run(pattern, tmp_path / "out" / "b%d.png")
    run(pattern, tmp_path / "out" / "b%d.png", overwrite=True, end=0.1)
    assert names(tmp_path / "out") == ["b1.png", "b2.png", "b3.png"]
    (tmp_path / "in" / "a0010.png").unlink()
    report = run(pattern, tmp_path / "gap.mp4")
    assert report.frames_out == 3
    assert any("number 10 is missing" in warning for warning in report.warnings)
    with pytest.raises(InputError, match="no picture of that name"):
        run(tmp_path / "in" / "z%d.png", tmp_path / "no.mp4")
    assert names(tmp_path) == ["gap.mp4", "in", "out", "out.mp4"]


class _Silent(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(_Silent, directory=str(tmp_path))
    )
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_an_address_is_read_like_a_file(tmp_path: Path, address: str) -> None:
    source = make_clip(tmp_path / "in.mp4", times=VFR)
    report = run(f"{address}/in.mp4", tmp_path / "out.mp4")
    assert report.source == f"{address}/in.mp4"
    assert times(tmp_path / "out.mp4") == list(VFR)
    assert packets_of(tmp_path / "out.mp4") == packets_of(source)
    with pytest.raises(InputError, match=r"nothing\.mp4 cannot be opened"):
        run(f"{address}/nothing.mp4", tmp_path / "no.mp4")


@pytest.mark.skipif(os.name == "nt", reason="pipes of shells")
@pytest.mark.parametrize(("container", "sound"), [("matroska", 1), ("nut", 1), ("y4m", 0)])
def test_a_pipe_in_and_a_pipe_out(tmp_path: Path, container: str, sound: int) -> None:
    source = make_clip(tmp_path / "in.mkv", times=CFR)
    call = [*MAIN, "replace", "-", "-", "--background", "teal", "--container", container]
    done = subprocess.run(call, input=source.read_bytes(), capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    result = tmp_path / f"out.{container}"
    result.write_bytes(done.stdout)
    with av.open(str(result)) as clip:
        assert [len(clip.streams.video), len(clip.streams.audio)] == [1, sound]
        found = [frame.pts * frame.time_base for frame in clip.decode(video=0)]
    assert len(found) == len(CFR)
    assert all(
        abs(step - Fraction(1, 25)) <= Fraction(1, 1000) for step in (b - a for a, b in pairwise(found))
    )
    assert b"20 frames in " in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="pipes of shells")
def test_an_empty_pipe_is_one_clear_line() -> None:
    done = subprocess.run(
        [*MAIN, "replace", "-", "-"], input=b"", capture_output=True, timeout=120, check=False
    )
    assert (done.returncode, done.stdout) == (2, b"")
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("livematte: -")


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


# photos


def test_a_deep_photo_keeps_its_bits_and_its_profile(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    rng = np.random.default_rng(1)
    deep = rng.integers(0, 65536, (60, 80, 3), dtype=np.uint16)
    cv2.imwrite(str(tmp_path / "in.png"), deep[..., ::-1])
    livematte.replace(tmp_path / "in.png", tmp_path / "out.png", Unchanged(), threads=1)
    levels = livematte.Segmenter(threads=1)(next(livematte.read(tmp_path / "in.png"))).levels
    result = cv2.imread(str(tmp_path / "out.png"), cv2.IMREAD_UNCHANGED)[..., ::-1]
    plain = (levels < 4) | (levels > 251)  # elsewhere colours are estimated
    assert plain.sum() > 100
    assert np.array_equal(result[plain], deep[plain])
    Image.fromarray((deep >> 8).astype(np.uint8)).save(tmp_path / "p.jpg", icc_profile=profile, quality=95)
    for suffix in ("png", "jpg", "webp"):
        livematte.replace(tmp_path / "p.jpg", tmp_path / f"q.{suffix}", "teal")
        assert read_profile(tmp_path / f"q.{suffix}") == profile


def box(kind: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return struct.pack(">I", len(content) + 8) + kind + content


def write_heic(path: Path, size: tuple[int, int]) -> None:
    """A HEIC file around one HEVC picture (ISO/IEC 23008-12): no library here writes one."""
    data = io.BytesIO()
    with av.open(data, "w", format="mp4") as out:
        video = out.add_stream("libx265", 25, {"x265-params": "log-level=none:bframes=0"})
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        frame = av.VideoFrame.from_ndarray(picture(0, size), format="rgb24")
        frame.pts, frame.time_base = 0, Fraction(1, 25)
        for packet in [*video.encode(frame), *video.encode(None)]:
            out.mux(packet)
    film = data.getvalue()
    start = film.index(b"hvcC") - 4
    settings = film[start : start + int.from_bytes(film[start : start + 4])]
    body = film.index(b"mdat") - 4
    coded = film[body + 8 : body + int.from_bytes(film[body : body + 4])]
    properties = box(b"ipco", settings, box(b"ispe", bytes(4), struct.pack(">2I", *size)))
    belongs = box(b"ipma", bytes(4), struct.pack(">IHBBB", 1, 1, 2, 0x81, 2))
    entry = box(b"infe", b"\2\0\0\0", struct.pack(">HH", 1, 0), b"hvc1", b"\0")

    def meta(offset: int) -> bytes:
        place = struct.pack(">BBHHHHII", 0x44, 0, 1, 1, 0, 1, offset, len(coded))
        return box(
            b"meta",
            bytes(4),
            box(b"hdlr", bytes(8), b"pict", bytes(13)),
            box(b"pitm", bytes(4), struct.pack(">H", 1)),
            box(b"iinf", bytes(4), struct.pack(">H", 1), entry),
            box(b"iprp", properties, belongs),
            box(b"iloc", bytes(4), place),
        )

    head = box(b"ftyp", b"heic", bytes(4), b"mif1heic")
    path.write_bytes(head + meta(len(head) + len(meta(0)) + 8) + box(b"mdat", coded))


def test_a_heic_photo_is_read(tmp_path: Path) -> None:
    pytest.importorskip("pi_heif", reason="HEIC needs the extra heic")
    write_heic(tmp_path / "in.heic", (128, 96))
    livematte.replace(tmp_path / "in.heic", tmp_path / "out.png", Unchanged(), threads=1)
    with Image.open(tmp_path / "out.png") as result:
        assert np.abs(np.asarray(result).astype(int) - picture(0, (128, 96))).mean() < 8


# a clip that starts before 0


def test_a_start_before_0_moves_everything_and_is_said(tmp_path: Path) -> None:
    early = [time - Fraction(1, 5) for time in VFR]
    source = make_clip(
        tmp_path / "in.ts",
        times=early,
        sound_tracks=0,
        container_options={"avoid_negative_ts": "disabled"},
    )
    before = times(source)
    assert before[0] == -Fraction(1, 5)
    for suffix in (".mp4", ".mkv"):
        report = run(source, tmp_path / f"out{suffix}")
        for found, time in zip(times(tmp_path / f"out{suffix}"), VFR, strict=True):
            assert abs(found - time) <= (Fraction(1, 2000) if suffix == ".mkv" else 0)
        assert any("starts before 0" in warning for warning in report.warnings)


# a camera's address


class Camera(threading.Thread):
    """An RTSP server (RFC 2326) for one viewer: it sends a transport stream over the same connection."""

    def __init__(self, stream: bytes) -> None:
        super().__init__(daemon=True)
        self.stream = stream
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]

    def run(self) -> None:
        connection, _ = self.server.accept()
        with connection, connection.makefile("rwb") as line:
            while (request := line.readline().decode().split()) and request[0] != "TEARDOWN":
                headers = dict(header.split(": ", 1) for header in self.headers(line))
                self.answer(line, request[0], headers)
                if request[0] == "PLAY":
                    self.play(line)
                    return

    def headers(self, line: Any) -> Iterator[str]:
        while header := line.readline().decode().strip():
            yield header

    def answer(self, line: Any, request: str, headers: dict[str, str]) -> None:
        extra, body = "Session: 1\r\n", ""
        if request == "DESCRIBE":
            body = (
                "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nt=0 0\r\n"
                "m=video 0 RTP/AVP 33\r\na=control:track\r\n"
            )
            extra = f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n"
        if request == "SETUP":
            extra += "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"
        line.write(f"RTSP/1.0 200 OK\r\nCSeq: {headers['CSeq']}\r\n{extra}\r\n{body}".encode())
        line.flush()

    def play(self, line: Any) -> None:
        for number, start in enumerate(range(0, len(self.stream), 7 * 188)):
            piece = self.stream[start : start + 7 * 188]
            packet = struct.pack(">BBHII", 0x80, 33, number & 0xFFFF, number * 100, 1) + piece
            line.write(b"$" + struct.pack(">BH", 0, len(packet)) + packet)
        line.flush()


def test_a_cameras_address_is_read(tmp_path: Path) -> None:
    film = make_clip(tmp_path / "film.ts", times=FIFTY, options={"g": "10"})
    camera = Camera(film.read_bytes())
    camera.start()
    try:
        report = run(f"rtsp://127.0.0.1:{camera.port}/live", tmp_path / "out.mp4")
    finally:
        camera.join(timeout=20)
        camera.server.close()
    assert report.frames_out >= 45
    found = times(tmp_path / "out.mp4")
    assert all(step == Fraction(1, 25) for step in (b - a for a, b in pairwise(found)))
