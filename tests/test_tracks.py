"""What goes beside the pictures: sound, covers, timecodes, subtitles, orientation."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition
from clips import CFR, RATE, TICK, VFR, make_clip, packets_of, picture
from PIL import Image
from runs import FIFTY, names, run, times, told

import livematte
from livematte import InputError, OptionError, Options
from livematte.media import read

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


@pytest.mark.parametrize(("suffix", "codec"), [(".mp4", "aac"), (".mkv", "libopus"), (".mov", "pcm_s16le")])
def test_a_background_brings_its_own_sound_in_step_and_loops_with_it(
    tmp_path: Path, suffix: str, codec: str
) -> None:
    source = make_clip(tmp_path / "in.mp4", times=[Fraction(n, 25) + 1 for n in range(125)])
    behind = clap(tmp_path, suffix, codec)
    out = tmp_path / "out.mkv"
    livematte.replace(source, out, behind, options=Options(audio="background"), threads=1)
    with av.open(str(out)) as clip:
        flashes = [f.time for f in clip.decode(video=0) if f.to_ndarray()[:48].mean() > 100]
    with av.open(str(out)) as clip:
        clicks = [
            frame.time + int(np.abs(level).argmax()) / frame.sample_rate
            for frame in clip.decode(audio=0)
            if np.abs(level := frame.to_ndarray().astype(float)[0, :: len(frame.layout.channels)]).max()
            > 0.4 * (32767 if frame.format.name.startswith("s16") else 1)
        ]
    begin = times(out)[0]
    assert flashes == pytest.approx([begin + 1, begin + 3], abs=0.002)
    assert len(clicks) == 2
    assert clicks == pytest.approx(flashes, abs=0.03)


def test_a_held_background_plays_its_sound_once(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", times=[Fraction(n, 25) for n in range(125)])
    behind = clap(tmp_path, ".mp4", "aac")
    options = Options(audio="background")
    livematte.replace(
        source, tmp_path / "out.mp4", behind, style=livematte.Style(loop=False), options=options, threads=1
    )
    assert [packet[3] for packet in packets_of(tmp_path / "out.mp4")] == [
        packet[3] for packet in packets_of(behind)
    ]


@pytest.mark.parametrize("background", ["blur", "teal", "missing.mp4", None])
def test_the_sound_of_a_background_that_has_none_is_an_error(tmp_path: Path, background: str | None) -> None:
    source = make_clip(tmp_path / "in.mp4")
    before = names(tmp_path)
    with pytest.raises(livematte.LivematteError, match=background or "None"):
        livematte.replace(source, tmp_path / "out.mp4", background, options=Options(audio="background"))
    with pytest.raises(OptionError, match="background"):
        livematte.matte(source, tmp_path / "out.mp4", options=Options(audio="background"))
    assert names(tmp_path) == before


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
    assert told(report) == []
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
        assert told(report) == []


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
    assert told(report) == []
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
