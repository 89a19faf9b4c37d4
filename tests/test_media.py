"""Reading and writing videos: times, sound, tags, damage."""

from __future__ import annotations

import os
import resource
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from clips import CFR, VFR, make_clip, packets_of, picture

from livematte.errors import InputError, OutputError
from livematte.frame import Frame, Orientation
from livematte.media import Reader, Writer, read, write_photo

FORMATS = [".mp4", ".mov", ".m4v", ".mkv"]
TAGS = ("color_range", "colorspace", "color_primaries", "color_trc")


def rewrite(source: Path, target: Path, **options: object) -> list[str]:
    with Reader(source, threads=1) as reader, Writer(target, reader, **options) as writer:  # type: ignore[arg-type]
        for item in reader.items():
            if isinstance(item, Frame):
                writer.write(item)
            else:
                writer.copy(item)
    return [*reader.warnings, *writer.warnings]


def times(path: Path) -> list[Fraction | None]:
    return [frame.time for frame in read(path)]


def only(folder: Path, *names: str) -> bool:
    return sorted(path.name for path in folder.iterdir()) == sorted(names)


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("stamps", [CFR, VFR], ids=["cfr", "vfr"])
@pytest.mark.parametrize("tracks", [0, 2])
def test_times_and_sound_come_through(
    tmp_path: Path, suffix: str, stamps: tuple[Fraction, ...], tracks: int
) -> None:
    tick = Fraction(1, 1000) if suffix == ".mkv" else Fraction(1, 90_000)
    source = make_clip(
        tmp_path / f"in{suffix}", times=stamps, tick=tick, sound_tracks=tracks, format=fmt(suffix)
    )
    target = tmp_path / f"out{suffix}"
    assert rewrite(source, target) == []
    assert times(target) == times(source)
    assert packets_of(target) == packets_of(source)
    assert only(tmp_path, source.name, target.name)
    with Reader(source) as before, Reader(target) as after:
        assert after.sound_tracks == tracks
        # MKV states the length of the longest stream, and so of the last packet of sound
        assert after.duration == pytest.approx(before.duration, abs=0.025 if suffix == ".mkv" else 0.001)


def fmt(suffix: str) -> str | None:
    return "mp4" if suffix == ".m4v" else None


@pytest.mark.parametrize("start", [Fraction(0), Fraction(7, 10), Fraction(123_457, 90_000)])
@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_start_and_b_frames_are_exact(tmp_path: Path, start: Fraction, suffix: str) -> None:
    stamps = [start + time for time in VFR]
    options = {"bf": "3", "preset": "slow"}
    source = make_clip(tmp_path / f"in{suffix}", times=stamps, last=Fraction(1, 9), options=options)
    assert times(source) == stamps
    rewrite(source, tmp_path / f"out{suffix}")
    assert times(tmp_path / f"out{suffix}") == stamps
    assert packets_of(tmp_path / f"out{suffix}") == packets_of(source)
    with Reader(source) as before, Reader(tmp_path / f"out{suffix}") as after:
        assert after.duration == before.duration


def test_the_last_frame_is_shown_as_long(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", times=VFR, last=Fraction(1, 9), options={"bf": "0"})
    rewrite(source, tmp_path / "out.mp4")
    with Reader(tmp_path / "out.mp4") as reader:
        assert list(reader)[-1].time == VFR[-1]
        assert reader.last_duration == Fraction(1, 9)


def test_mkv_times_are_exact_in_mp4(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mkv", times=VFR, sound_tracks=0)
    rewrite(source, tmp_path / "out.mp4")
    assert times(tmp_path / "out.mp4") == times(source)


def test_mkv_keeps_milliseconds_of_mp4_times(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", times=VFR, sound_tracks=0)
    rewrite(source, tmp_path / "out.mkv")
    for before, after in zip(times(source), times(tmp_path / "out.mkv"), strict=True):
        assert abs(before - after) <= Fraction(1, 2000)


def test_mkv_from_mp4_keeps_sound_and_picture_together(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", times=VFR)
    rewrite(source, tmp_path / "out.mkv")
    assert packets_of(source)[0][1] < 0  # where AAC begins
    for before, after in zip(times(source), times(tmp_path / "out.mkv"), strict=True):
        assert abs(before - after) <= Fraction(1, 2000)
    sound = zip(packets_of(source), packets_of(tmp_path / "out.mkv"), strict=True)
    assert all(
        before[3] == after[3] and abs(before[1] - after[1]) <= Fraction(1, 1000) for before, after in sound
    )


def test_odd_time_bases(tmp_path: Path) -> None:
    stamps = [n * Fraction(1001, 30_000) for n in range(12)]
    source = make_clip(tmp_path / "in.mp4", times=stamps, tick=Fraction(1, 30_000))
    rewrite(source, tmp_path / "out.mp4")
    assert times(tmp_path / "out.mp4") == stamps


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_every_orientation_is_kept(tmp_path: Path, rotation: int, mirrored: bool, suffix: str) -> None:
    source = make_clip(
        tmp_path / "in.mp4", times=CFR[:3], rotation=rotation, mirrored=mirrored, sound_tracks=0
    )
    rewrite(source, tmp_path / f"out{suffix}")
    with Reader(source) as before, Reader(tmp_path / f"out{suffix}") as after:
        assert after.orientation == before.orientation
        assert after.first.orientation == before.orientation
        assert (after.width, after.height) == (64, 48)


def test_orientation_is_what_a_player_shows(tmp_path: Path) -> None:
    found = {}
    for rotation in (0, 90, 180, 270):
        for mirrored in (False, True):
            clip = make_clip(tmp_path / "in.mp4", times=CFR[:2], rotation=rotation, mirrored=mirrored)
            with Reader(clip) as reader:
                found[rotation, mirrored] = reader.orientation
    assert found[0, False] == Orientation.UPRIGHT
    assert found[90, False] == Orientation.TURNED_LEFT  # FFmpeg counts counter-clockwise
    assert found[180, False] == Orientation.TURNED_180
    assert found[270, False] == Orientation.TURNED_RIGHT
    assert found[0, True] == Orientation.MIRRORED
    assert sorted(found.values()) == sorted(Orientation)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("tags", [(1, 1, 1, 1), (1, 6, 6, 6), (2, 5, 5, 6), (1, 9, 9, 16)])
def test_colour_tags_and_aspect(tmp_path: Path, tags: tuple[int, int, int, int], suffix: str) -> None:
    aspect = Fraction(4, 3)
    source = make_clip(tmp_path / f"in{suffix}", times=CFR[:3], tags=tags, aspect=aspect, sound_tracks=0)
    rewrite(source, tmp_path / f"out{suffix}")
    with Reader(tmp_path / f"out{suffix}") as reader:
        assert tuple(getattr(reader.first.image, name) for name in TAGS) == tags
        assert tuple(getattr(reader.video.codec_context, name) for name in TAGS) == tags
        assert reader.video.sample_aspect_ratio == aspect


def test_pixels_come_through(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", options={"crf": "1"})
    rewrite(source, tmp_path / "out.mp4", quality=0)
    for before, after in zip(read(source), read(tmp_path / "out.mp4"), strict=True):
        for plane, same in zip(before.planes(), after.planes(), strict=True):
            assert np.array_equal(plane, same)


def test_full_range_stays_full(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", pix_fmt="yuvj420p", times=CFR[:3])
    rewrite(source, tmp_path / "out.mp4")
    with Reader(tmp_path / "out.mp4") as reader:
        assert reader.first.format == "yuvj420p"
        assert np.abs(reader.first.rgb().astype(int) - picture(0)).mean() < 6


@pytest.mark.parametrize("size", [(17, 31), (16, 31), (17, 32), (2, 2), (1, 1), (3, 1)])
def test_odd_sizes(tmp_path: Path, size: tuple[int, int]) -> None:
    source = make_clip(tmp_path / "in.mkv", size=size, codec="ffv1", pix_fmt="yuv420p", times=CFR[:5])
    rewrite(source, tmp_path / "out.mp4")
    with Reader(source) as before, Reader(tmp_path / "out.mp4") as after:
        assert (after.width, after.height) == size
        luma = [reader.first.planes()[0].astype(int) for reader in (before, after)]
        assert np.abs(luma[0] - luma[1]).max() < 16


@pytest.mark.parametrize(
    ("codec", "pix_fmt", "word"),
    [
        ("ffv1", "yuv444p16le", "16 bits"),
        ("ffv1", "bgr0", "RGB"),
        ("ffv1", "yuva420p", "transparency"),
    ],
)
def test_what_no_format_holds_is_said(tmp_path: Path, codec: str, pix_fmt: str, word: str) -> None:
    source = make_clip(tmp_path / "in.mkv", codec=codec, pix_fmt=pix_fmt, times=CFR[:4])
    warnings = rewrite(source, tmp_path / "out.mkv")
    assert len(warnings) == 1
    assert word in warnings[0]
    with Reader(tmp_path / "out.mkv") as reader:
        assert np.abs(reader.first.rgb().astype(int) - picture(0)).mean() < 8


def test_grey_is_exact_at_both_ends(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", pix_fmt="yuvj420p")
    mask = np.zeros((48, 64), np.uint8)
    mask[:, 32:] = 255
    with Reader(source) as reader, Writer(tmp_path / "out.mp4", reader, kind="grey") as writer:
        for item in reader.items():
            if isinstance(item, Frame):
                writer.write(Frame(av.VideoFrame.from_ndarray(mask, format="gray"), item.time))
            else:
                writer.copy(item)
    with Reader(tmp_path / "out.mp4") as reader:
        assert reader.sound_tracks == 0
        rgb = reader.first.rgb()
    assert rgb[:, 40:].min() >= 254
    assert rgb[:, :24].max() <= 1
    assert times(tmp_path / "out.mp4") == times(source)


def test_metadata_and_chapters(tmp_path: Path) -> None:
    for suffix in (".mp4", ".mkv"):
        source = make_clip(tmp_path / f"in{suffix}", metadata={"title": "A day"}, chapters=True)
        rewrite(source, tmp_path / f"out{suffix}")
        with Reader(source) as before, Reader(tmp_path / f"out{suffix}") as after:
            assert {key.lower(): value for key, value in after.container.metadata.items()}["title"] == "A day"
            names = [chapter["metadata"]["title"] for chapter in after.container.chapters()]
            assert names == ["one", "two"]
            starts = [
                [c["start"] * Fraction(c["time_base"]) for c in reader.container.chapters()]
                for reader in (before, after)
            ]
            assert starts[0] == starts[1]


def test_a_codec_that_does_not_fit_is_named(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mkv", sound_codec="libopus")
    assert rewrite(source, tmp_path / "out.mkv") == []
    assert [p[3] for p in packets_of(tmp_path / "out.mkv")] == [p[3] for p in packets_of(source)]
    (warning,) = rewrite(source, tmp_path / "out.mov")
    assert "opus" in warning
    assert times(tmp_path / "out.mov") == times(source)


def test_sound_can_be_left_out(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4")
    assert rewrite(source, tmp_path / "out.mp4", sound=False) == []
    assert packets_of(tmp_path / "out.mp4") == []


@pytest.mark.parametrize(
    ("name", "codec"), [("in.ts", "libx264"), ("in.avi", "mpeg4"), ("in.webm", "libvpx")]
)
def test_other_inputs(tmp_path: Path, name: str, codec: str) -> None:
    sound = {"in.avi": "libmp3lame", "in.webm": "libopus"}.get(name, "aac")
    tick = Fraction(1, 25) if name == "in.avi" else Fraction(1, 90_000)
    source = make_clip(tmp_path / name, codec=codec, sound_codec=sound, tick=tick)
    assert rewrite(source, tmp_path / "out.mp4") == []
    assert times(tmp_path / "out.mp4") == times(source)
    assert len(times(source)) == 20
    assert len(packets_of(tmp_path / "out.mp4")) == len(packets_of(source))


def test_a_bare_stream_has_times_by_its_rate(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.h264", sound_tracks=0, format="h264", options={"bf": "2"})
    stamps = times(source)
    assert len(stamps) == 20
    assert {b - a for a, b in pairwise(stamps)} == {Fraction(1, 25)}


# what is wrong with inputs


def bad_input(folder: Path, kind: str) -> Path:
    path = folder / f"{kind}.mp4"
    match kind:
        case "folder":
            path.mkdir()
        case "empty":
            path.touch()
        case "noise":
            path.write_bytes(np.random.default_rng(1).bytes(5000))
        case "text":
            path = folder / "text.txt"
            path.write_text("no video at all\n" * 40)
        case "moov":
            path.write_bytes(make_clip(folder / "whole.mp4").read_bytes()[:3000])
        case "sound":
            with av.open(str(path), "w") as out:
                stream = out.add_stream("aac", 48_000)
                frame = av.AudioFrame.from_ndarray(
                    np.zeros((2, 1024), np.float32), format="fltp", layout="stereo"
                )
                frame.sample_rate = 48_000
                out.mux(stream.encode(frame))
                out.mux(stream.encode(None))
        case "picture":
            path = folder / "picture.png"
            write_photo(path, picture(0))
    return path


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("missing", "does not exist"),
        ("folder", "is a folder"),
        ("empty", "is empty"),
        ("noise", "not a video"),
        ("text", "not a video"),
        ("moov", "moov"),
        ("sound", "only sound"),
        ("picture", "picture"),
    ],
)
def test_bad_inputs_are_one_clear_line(tmp_path: Path, kind: str, word: str) -> None:
    path = bad_input(tmp_path, kind)
    with pytest.raises(InputError) as caught:
        Reader(path)
    assert word in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("part", [0.5, 0.8, 0.97])
@pytest.mark.parametrize(
    ("name", "options"),
    [("in.mp4", {"movflags": "faststart"}), ("in.mkv", {}), ("in.mov", {"movflags": "faststart"})],
)
def test_a_cut_off_clip_is_read_up_to_the_cut(
    tmp_path: Path, name: str, options: dict[str, str], part: float
) -> None:
    stamps = [Fraction(n, 25) for n in range(100)]
    source = make_clip(tmp_path / name, times=stamps, size=(320, 240), container_options=options)
    content = source.read_bytes()
    cut = tmp_path / f"cut{source.suffix}"
    cut.write_bytes(content[: int(len(content) * part)])
    warnings = rewrite(cut, tmp_path / "out.mp4")
    found = times(tmp_path / "out.mp4")
    assert 20 < len(found) < 100
    assert found[:-4] == stamps[: len(found) - 4]  # the last frames may refer to some that are cut off
    assert set(found) <= set(stamps)
    end = float(found[-1] + Fraction(1, 25))
    assert any(f"{cut.name}: it is damaged or cut off after {end:.1f} s" in line for line in warnings)


def test_damage_in_the_middle_is_passed_over(tmp_path: Path) -> None:
    stamps = [Fraction(n, 25) for n in range(60)]
    source = make_clip(tmp_path / "in.mkv", times=stamps, size=(320, 240), options={"g": "10"})
    content = bytearray(source.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 400] = np.random.default_rng(2).bytes(400)
    source.write_bytes(content)
    rewrite(source, tmp_path / "out.mp4")
    assert len(times(tmp_path / "out.mp4")) > 40


def test_times_that_run_backwards_are_put_in_order(tmp_path: Path) -> None:
    stamps = [Fraction(n, 25) for n in (0, 1, 2, 2, 1, 5, 6)]
    path = tmp_path / "in.avi"
    make_clip(
        path, codec="mjpeg", pix_fmt="yuvj420p", times=[Fraction(n, 25) for n in range(7)], sound_tracks=0
    )
    with Reader(path, threads=1) as reader:
        clock = reader._clock
        clock.last = None
        image = reader.first.image
        given = []
        for stamp in stamps:
            image.pts = round(stamp / reader.time_base)
            given.append(clock.ticks(image))
    assert given == sorted(set(given))
    assert clock.moved == 2


def test_a_change_of_size_is_scaled(tmp_path: Path) -> None:
    first = make_clip(tmp_path / "a.ts", times=CFR[:5], sound_tracks=0)
    second = make_clip(tmp_path / "b.ts", times=[t + 1 for t in CFR[:5]], size=(32, 32), sound_tracks=0)
    both = tmp_path / "both.ts"
    both.write_bytes(first.read_bytes() + second.read_bytes())
    with Reader(both) as reader:
        sizes = {(frame.width, frame.height) for frame in reader}
    assert sizes == {(64, 48)}
    assert any("picture size" in warning for warning in reader.warnings)


# what is wrong with targets


def test_bad_targets_are_refused_before_any_work(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", times=CFR[:3])
    link = tmp_path / "link.mp4"
    link.symlink_to(source)
    (tmp_path / "folder.mp4").mkdir()
    content = source.read_bytes()
    targets = ["in.mp4", "link.mp4", "folder.mp4", "none/out.mp4", "out.avi", "out"]
    with Reader(source) as reader:
        for name in targets:
            with pytest.raises(OutputError, match=name):
                Writer(tmp_path / name, reader)
        with pytest.raises(OutputError, match="exists"):
            Writer(make_clip(tmp_path / "old.mp4", times=CFR[:2]), reader, overwrite=False)
    assert source.read_bytes() == content


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_folder_without_permission(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", times=CFR[:3])
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)
    with Reader(source) as reader, pytest.raises(OutputError, match="not writable"):
        Writer(folder / "out.mp4", reader)


def write_frames(source: Path, target: Path, stop: BaseException | None, after: int) -> None:
    with Reader(source) as reader, Writer(target, reader, quality=1) as writer:
        for number, frame in enumerate(reader):
            if number == after and stop is not None:
                raise stop
            writer.write(frame)


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), RuntimeError()], ids=["ctrl-c", "fault"])
@pytest.mark.parametrize("after", [0, 15])
def test_an_interrupted_write_leaves_nothing(tmp_path: Path, stop: BaseException, after: int) -> None:
    source = make_clip(tmp_path / "in.mp4")
    target = tmp_path / "out.mp4"
    target.write_bytes(b"old")
    with pytest.raises(type(stop)):
        write_frames(source, target, stop, after)
    assert target.read_bytes() == b"old"
    assert only(tmp_path, "in.mp4", "out.mp4")


def test_no_frame_is_an_error(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4")
    with Reader(source) as reader:
        writer = Writer(tmp_path / "out.mp4", reader)
        with pytest.raises(OutputError, match="no frame"), writer:
            pass
    assert only(tmp_path, "in.mp4")


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("room", [300, 20_000])
def test_a_full_disk_is_an_output_error(tmp_path: Path, suffix: str, room: int) -> None:
    source = make_clip(tmp_path / "in.mp4", size=(320, 240))
    target = tmp_path / f"out{suffix}"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        with pytest.raises(OutputError, match=rf"out\{suffix}: "):
            write_frames(source, target, None, 0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert only(tmp_path, "in.mp4")


def test_memory_does_not_grow(tmp_path: Path) -> None:
    def peak(frames: int) -> int:
        source = make_clip(
            tmp_path / f"{frames}.mp4",
            size=(640, 360),
            times=[Fraction(n, 25) for n in range(frames)],
            sound_tracks=0,
        )
        rewrite(source, tmp_path / "out.mp4")
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    peak(60)
    before = peak(60)
    assert peak(300) - before < 45_000  # kB; 240 frames of this size are 80 MB
