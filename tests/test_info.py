"""What livematte says of a file, against clips and pictures whose every property is known."""

from __future__ import annotations

import json
import subprocess
import sys
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from clips import CFR, TICK, VFR, make_clip, picture
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

import livematte
from livematte import InputError, Orientation, info, read
from livematte.media.info import Track, Video
from livematte.media.timing import Gap, timing_of

MAIN = [sys.executable, "-c", "from livematte.cli import main; main()"]
MILLI = Fraction(1, 1000)
QUIET = {"x265-params": "log-level=none"}


def video_of(path: Path) -> Video:
    found = info(path).video
    assert found is not None
    return found


def kinds(path: Path) -> dict[str, Track]:
    return {track.kind: track for track in info(path).tracks}


def test_a_constant_rate(tmp_path: Path) -> None:
    timing = video_of(make_clip(tmp_path / "in.mp4", times=CFR)).timing
    assert (timing.frames, timing.start, timing.duration) == (20, 0, Fraction(20, 25))
    assert timing.constant
    assert timing.rate == 25
    assert timing.shortest == timing.usual == timing.longest == Fraction(1, 25)
    assert timing.gaps == ()


def test_a_variable_rate(tmp_path: Path) -> None:
    distances = [later - earlier for earlier, later in pairwise(VFR)]
    timing = video_of(
        make_clip(tmp_path / "in.mp4", times=VFR, last=Fraction(1, 9), options={"bf": "0"})
    ).timing
    assert not timing.constant
    assert (timing.shortest, timing.longest) == (min(distances), max(distances))
    assert timing.rate == 19 / (VFR[-1] - VFR[0])
    assert timing.end == VFR[-1] + Fraction(1, 9)


@pytest.mark.parametrize("rate", [Fraction(30), Fraction(30000, 1001), Fraction(60), Fraction(24000, 1001)])
def test_times_rounded_to_milliseconds_are_constant(tmp_path: Path, rate: Fraction) -> None:
    times = [round(n / rate / MILLI) * MILLI for n in range(40)]
    timing = video_of(make_clip(tmp_path / "in.mkv", times=times, tick=MILLI, sound_tracks=0)).timing
    assert timing.constant
    assert float(timing.rate or 0) == pytest.approx(float(rate), rel=2e-3)


def test_gaps_are_found(tmp_path: Path) -> None:
    times = [time for number, time in enumerate(CFR) if number not in (4, 10, 11, 12)]
    timing = video_of(make_clip(tmp_path / "in.mp4", times=times)).timing
    assert not timing.constant
    assert timing.gaps == (Gap(CFR[3], Fraction(2, 25)), Gap(CFR[9], Fraction(4, 25)))


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("in.mp4", "libx264", {"bf": "3"}),
        ("in.mkv", "libx265", {"bf": "2", **QUIET}),
        ("in.webm", "libvpx", {"auto-alt-ref": "1", "lag-in-frames": "8", "deadline": "good"}),
        ("in.webm", "libvpx-vp9", {"auto-alt-ref": "1", "lag-in-frames": "8"}),
        ("in.ts", "libx264", {"bf": "2"}),
    ],
)
@pytest.mark.parametrize("start", [Fraction(0), Fraction(7, 10)])
def test_times_are_those_of_the_decoded_frames(
    tmp_path: Path, name: str, codec: str, options: dict[str, str], start: Fraction
) -> None:
    times = [start + time for time in VFR]
    clip = make_clip(tmp_path / name, times=times, codec=codec, options=options, sound_tracks=0)
    shown = [frame.time for frame in read(clip)]
    timing = video_of(clip).timing
    assert (timing.frames, timing.start) == (len(shown), shown[0])
    distances = [later - earlier for earlier, later in pairwise(shown)]
    assert (timing.shortest, timing.longest) == (min(distances), max(distances))
    assert shown[-1] < timing.end <= shown[-1] + Fraction(1, 10)


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=60), st.integers(-9000, 9000), st.randoms())
def test_timing_of_any_order(distances: list[int], start: int, chance: object) -> None:
    times = [start + sum(distances[:number]) for number in range(len(distances) + 1)]
    mixed = list(times)
    chance.shuffle(mixed)  # type: ignore[attr-defined]
    timing = timing_of(mixed, times[-1] + 7, TICK)
    assert (timing.start, timing.end) == (start * TICK, (times[-1] + 7) * TICK)
    assert (timing.shortest, timing.longest) == (min(distances) * TICK, max(distances) * TICK)
    assert timing.rate == len(distances) / (sum(distances) * TICK)
    assert timing.constant or max(distances) - min(distances) > 1
    assert sum(gap.length for gap in timing.gaps) <= timing.duration
    assert timing.repeated == 0


@given(st.fractions(1, 240, max_denominator=1001), st.integers(2, 300), st.sampled_from([1000, 600, 90_000]))
def test_any_constant_rate_is_seen_through_rounding(rate: Fraction, frames: int, clock: int) -> None:
    times = [round(number * clock / rate) for number in range(frames)]
    timing = timing_of(times, times[-1] + 1, Fraction(1, clock), rate)
    assert timing.constant
    assert timing.rate == rate


def test_one_picture_and_repeated_times() -> None:
    one = timing_of([5], 9, Fraction(1, 10))
    assert (one.frames, one.start, one.duration, one.rate) == (1, Fraction(1, 2), Fraction(4, 10), None)
    assert timing_of([5, 5], 9, Fraction(1, 10)).repeated == 1
    assert timing_of([1, 2, 2, 3], 4, Fraction(1, 10)).repeated == 1


@pytest.mark.parametrize(("rotation", "mirrored"), [(0, False), (90, False), (180, False), (270, True)])
def test_size_as_shown(tmp_path: Path, rotation: int, mirrored: bool) -> None:
    clip = make_clip(
        tmp_path / "in.mp4", times=CFR[:2], rotation=rotation, mirrored=mirrored, aspect=Fraction(3, 2)
    )
    video = video_of(clip)
    assert video.stored == (64, 48)
    assert video.pixel_aspect == Fraction(3, 2)
    assert video.shown == ((48, 96) if rotation % 180 else (96, 48))
    assert video.orientation == next(read(clip)).orientation


@pytest.mark.parametrize(
    ("tags", "names"),
    [
        ((2, 9, 9, 16), ("full", "BT.2020", "BT.2020", "SMPTE ST 2084 (PQ)", "PQ")),
        ((1, 9, 9, 18), ("limited", "BT.2020", "BT.2020", "ARIB STD-B67 (HLG)", "HLG")),
        ((1, 6, 5, 6), ("limited", "BT.601 525 lines", "BT.601 625 lines", "BT.601", None)),
        ((0, 2, 2, 2), (None, None, None, None, None)),
    ],
)
def test_colour_by_name(
    tmp_path: Path, tags: tuple[int, int, int, int], names: tuple[str | None, ...]
) -> None:
    clip = make_clip(
        tmp_path / "in.mkv", codec="libx265", pix_fmt="yuv420p10le", options=QUIET, times=CFR[:2], tags=tags
    )
    video = video_of(clip)
    # an encoder writes limited where nobody says
    assert video.range == (names[0] or "limited")
    assert (video.matrix, video.primaries, video.transfer, video.hdr) == names[1:]
    assert video.bits == 10


@pytest.mark.parametrize(
    ("codec", "pixels", "bits", "chroma", "alpha"),
    [
        ("libx264", "yuv420p", 8, "4:2:0", False),
        ("libx264", "yuv422p10le", 10, "4:2:2", False),
        ("prores_ks", "yuva444p10le", 12, "4:4:4", True),
        ("ffv1", "yuva420p", 8, "4:2:0", True),
        ("ffv1", "gray16le", 16, "grey", False),
        ("ffv1", "bgra", 8, "RGB", True),
        ("ffv1", "yuv411p", 8, "4:1:1", False),
        ("libvpx-vp9", "yuva420p", 8, "4:2:0", True),
    ],
)
def test_pixels(tmp_path: Path, codec: str, pixels: str, bits: int, chroma: str, alpha: bool) -> None:
    clip = make_clip(tmp_path / "in.mkv", codec=codec, pix_fmt=pixels, times=CFR[:2], sound_tracks=0)
    video = video_of(clip)
    assert (video.bits, video.chroma, video.alpha) == (bits, chroma, alpha)


@pytest.mark.parametrize(("order", "name"), [("tff=1", "top first"), ("bff=1", "bottom first")])
def test_interlaced_pictures(tmp_path: Path, order: str, name: str) -> None:
    video = video_of(make_clip(tmp_path / "in.mkv", options={"x264-params": order}))
    assert video.interlaced is True
    assert video.field_order == name
    assert video_of(make_clip(tmp_path / "plain.mkv")).interlaced is False


def full_clip(path: Path) -> Path:
    """A clip with everything that a file can hold beside its video."""
    source = make_clip(path.with_name("plain.mkv"), sound_tracks=2, chapters=True, metadata={"title": "Me"})
    lines = path.with_name("lines.srt")
    lines.write_text("1\n00:00:00,200 --> 00:00:00,500\nBonjour\n")
    with av.open(str(source)) as old, av.open(str(lines)) as words, av.open(str(path), "w") as new:
        new.metadata.update(old.metadata)
        new.set_chapters(old.chapters())
        packets: list[av.Packet] = []
        for part in (old, words):
            copies = {stream.index: new.add_stream_from_template(stream) for stream in part.streams}
            if part is words:
                copies[0].metadata.update(language="fra", title="Paroles")
                new.add_attachment("notes.txt", "text/plain", b"hello")
            else:
                copies[1].metadata["language"], copies[2].metadata["language"] = "deu", "eng"
            for packet in part.demux():
                if packet.size:
                    packet.stream = copies[packet.stream_index]
                    packets.append(packet)
        new.mux(packets)
    return path


def test_all_that_a_file_holds(tmp_path: Path) -> None:
    found = info(full_clip(tmp_path / "in.mkv"))
    sounds = [track for track in found.tracks if track.kind == "sound"]
    assert [(sound.codec, sound.rate, sound.channels, sound.layout, sound.language) for sound in sounds] == [
        ("aac", 48_000, 2, "stereo", "deu"),
        ("aac", 48_000, 2, "stereo", "eng"),
    ]
    assert all(float(sound.duration or 0) == pytest.approx(0.8, abs=0.05) for sound in sounds)
    words = next(track for track in found.tracks if track.kind == "subtitles")
    assert (words.codec, words.language, words.metadata["title"]) == ("subrip", "fra", "Paroles")
    assert (words.start, words.duration) == (Fraction(1, 5), Fraction(3, 10))
    attachment = next(track for track in found.tracks if track.kind == "attachment")
    assert attachment.metadata["filename"] == "notes.txt"
    assert [(chapter.title, float(chapter.start), float(chapter.end)) for chapter in found.chapters] == [
        ("one", 0.0, 0.4),
        ("two", 0.4, 0.8),
    ]
    assert found.metadata["title"] == "Me"
    text = str(found)
    assert all(
        word in text for word in ("Paroles", "notes.txt", "deu", "0.400 s to 0.800 s two", "title: Me")
    )


def test_cover_and_timecode(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "in.mov"), "w") as out:
        video = out.add_stream("libx264", 25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        video.metadata["timecode"] = "01:00:00:00"
        for number in range(5):
            out.mux(video.encode(av.VideoFrame.from_ndarray(picture(number), format="rgb24")))
        out.mux(video.encode(None))
    timecode = kinds(tmp_path / "in.mov")["timecode"]
    assert timecode.metadata["timecode"] == "01:00:00:00"
    with av.open(str(tmp_path / "in.mp4"), "w") as out, av.open(str(tmp_path / "in.mov")) as old:
        copy = out.add_stream_from_template(old.streams.video[0])
        cover = out.add_stream("mjpeg", 1)
        cover.width, cover.height, cover.pix_fmt = 32, 32, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        image = av.VideoFrame.from_ndarray(picture(0, (32, 32)), format="rgb24").reformat(format="yuvj420p")
        out.mux(cover.encode(image))
        out.mux(cover.encode(None))
        for packet in old.demux(video=0):
            if packet.size:
                packet.stream = copy
                out.mux(packet)
    assert video_of(tmp_path / "in.mp4").stored == (64, 48)
    assert kinds(tmp_path / "in.mp4")["cover"].codec == "mjpeg"


def test_warnings_are_those_of_a_run(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "in.mkv", times=[Fraction(n, 25) for n in range(60)], size=(160, 120))
    assert info(clip).warnings == ()
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    (warning,) = info(clip).warnings
    assert "in.mkv: damaged or cut off after 1" in warning
    odd = make_clip(tmp_path / "odd.mp4", rotation=31, times=CFR[:3])
    assert any("odd angle" in warning for warning in info(odd).warnings)
    assert "warning" in str(info(odd))


def test_a_photo_with_everything(tmp_path: Path) -> None:
    path = tmp_path / "in.jpg"
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Maker"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(picture(0)).save(path, exif=exif, icc_profile=profile)
    found = info(path)
    assert found.video is None
    assert found.photo is not None
    assert (found.photo.stored, found.photo.shown) == ((64, 48), (48, 64))
    assert found.photo.orientation == Orientation.TURNED_RIGHT
    assert (found.photo.bits, found.photo.alpha, found.photo.mode) == (8, False, "RGB")
    assert "sRGB" in (found.photo.profile or "")
    assert found.metadata == {"Make": "Maker"}


@pytest.mark.parametrize(
    ("name", "shape", "dtype", "mode", "bits", "alpha"),
    [
        ("in.png", (4, 6, 4), np.uint8, None, 8, True),
        ("in.png", (4, 6), np.uint16, None, 16, False),
        ("in.tif", (4, 6), np.uint16, None, 16, False),
        ("in.tif", (4, 6, 3), np.uint8, None, 8, False),
        ("in.png", (4, 6), np.uint8, "1", 1, False),
        ("in.webp", (4, 6, 4), np.uint8, None, 8, True),
    ],
)
def test_photos(
    tmp_path: Path, name: str, shape: tuple[int, ...], dtype: type, mode: str | None, bits: int, alpha: bool
) -> None:
    image = Image.fromarray(np.random.default_rng(1).integers(0, 255, shape).astype(dtype))
    (image.convert(mode) if mode else image).save(tmp_path / name)
    found = info(tmp_path / name)
    assert found.photo is not None
    assert (found.photo.stored, found.photo.bits, found.photo.alpha) == ((6, 4), bits, alpha)
    assert any("transparent" in warning for warning in found.warnings) == alpha


def test_json_holds_every_field_as_a_plain_value(tmp_path: Path) -> None:
    clip = full_clip(tmp_path / "in.mkv")
    plain = json.loads(json.dumps(info(clip).as_dict()))
    assert list(plain) == list(livematte.Info.__dataclass_fields__)
    assert plain["video"]["timing"]["duration"] == pytest.approx(0.8)
    assert plain["video"]["stored"] == [64, 48]
    assert plain["video"]["orientation"] == "upright"
    assert plain["photo"] is None
    assert plain["tracks"][0]["language"] == "deu"
    done = subprocess.run([*MAIN, "info", "--json", str(clip)], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == plain
    shown = subprocess.run([*MAIN, "info", str(clip)], capture_output=True, text=True, check=True)
    assert shown.stdout.rstrip("\n") == str(info(clip))


def test_a_reader_that_stops_early_is_no_fault(tmp_path: Path) -> None:
    make_clip(tmp_path / "in.mp4", times=CFR[:2])
    with subprocess.Popen(
        [*MAIN, "info", "in.mp4"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""


@pytest.mark.parametrize("name", ["none.mp4", "empty.mp4", "text.mp4", "folder", "sound.mp4", "text.jpg"])
def test_what_cannot_be_told_of_is_an_input_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "folder").mkdir()
    for text in ("text.mp4", "text.jpg"):
        (tmp_path / text).write_text("nothing to see\n" * 30)
    with av.open(str(tmp_path / "sound.mp4"), "w") as out:
        sound = out.add_stream("aac", 48_000, layout="mono")
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        silence.sample_rate = 48_000
        out.mux(sound.encode(silence))
        out.mux(sound.encode(None))
    with pytest.raises(InputError, match=name):
        info(tmp_path / name)
