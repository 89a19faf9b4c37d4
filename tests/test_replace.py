"""From file to file: what `replace` and `matte` write, and what they leave behind when they fail."""

from __future__ import annotations

import gc
import resource
import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from importlib.resources import as_file, files
from pathlib import Path

import av
import numpy as np
import pytest
from clips import CFR, VFR, make_clip, packets_of, picture
from PIL import Image

import livematte
from livematte.errors import InputError, OptionError, OutputError
from livematte.frame import Frame
from livematte.media import Reader, read, read_photo, write_photo
from livematte.report import Report
from livematte.scene import Colour, composite
from livematte.segment import Segmenter

FEW = CFR[:4]
STAGES = {"decode", "network", "refine", "composite", "encode"}


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    yield
    assert [thread for thread in threading.enumerate() if thread.name.startswith("livematte-")] == []


@pytest.fixture(scope="module")
def person() -> np.ndarray:
    """A person from the shipped clip, RGB, 101×75."""
    with as_file(files("livematte.sample") / "clip.mp4") as clip:
        return next(livematte.read(clip)).rgb(101, 75)


def times(path: Path) -> list[Fraction | None]:
    return [frame.time for frame in read(path)]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def as_replace(source: Path, target: Path, **options: object) -> Report:
    return livematte.replace(source, target, "teal", threads=1, **options)


def as_matte(source: Path, target: Path, **options: object) -> Report:
    return livematte.matte(source, target, threads=1, **options)


Run = Callable[..., Report]
both = pytest.mark.parametrize("run", [as_replace, as_matte])


# round trips


@both
@pytest.mark.parametrize("stamps", [CFR, VFR], ids=["cfr", "vfr"])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_every_frame_comes_through_at_its_time(
    tmp_path: Path, run: Run, stamps: tuple[Fraction, ...], suffix: str
) -> None:
    tick = Fraction(1, 1000) if suffix == ".mkv" else Fraction(1, 90_000)
    source = make_clip(tmp_path / f"in{suffix}", times=stamps, tick=tick)
    report = run(source, tmp_path / f"out{suffix}")
    assert times(tmp_path / f"out{suffix}") == times(source)
    assert report.frames_in == report.frames_out == len(stamps)
    assert names(tmp_path) == [source.name, f"out{suffix}"]


@pytest.mark.parametrize("tracks", [0, 1, 2])
def test_sound_comes_through_packet_by_packet(tmp_path: Path, tracks: int) -> None:
    source = make_clip(tmp_path / "in.mp4", sound_tracks=tracks)
    report = as_replace(source, tmp_path / "out.mp4")
    assert packets_of(tmp_path / "out.mp4") == packets_of(source)
    assert report.sound_tracks == tracks


def test_a_matte_has_no_sound(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", times=FEW)
    assert as_matte(source, tmp_path / "out.mp4").sound_tracks == 0
    assert packets_of(tmp_path / "out.mp4") == []


@both
@pytest.mark.parametrize("size", [(17, 31), (1, 1), (256, 64), (48, 96), (16, 31)])
def test_every_size_comes_through(tmp_path: Path, run: Run, size: tuple[int, int]) -> None:
    source = make_clip(tmp_path / "in.mkv", size=size, times=FEW, codec="ffv1", sound_tracks=0)
    run(source, tmp_path / "out.mp4")
    with Reader(tmp_path / "out.mp4") as reader:
        assert (reader.width, reader.height) == size
        assert len(list(reader)) == len(FEW)


@both
@pytest.mark.parametrize(("rotation", "mirrored"), [(90, False), (180, False), (270, False), (90, True)])
def test_rotation_is_kept(tmp_path: Path, run: Run, rotation: int, mirrored: bool) -> None:
    source = make_clip(tmp_path / "in.mp4", times=FEW, rotation=rotation, mirrored=mirrored, sound_tracks=0)
    run(source, tmp_path / "out.mp4")
    with Reader(source) as before, Reader(tmp_path / "out.mp4") as after:
        assert after.orientation == before.orientation != 1
        assert (after.width, after.height) == (before.width, before.height)
        assert after.first.upright_size == before.first.upright_size


@pytest.mark.parametrize("start", [Fraction(7, 10), Fraction(123_457, 90_000)])
def test_a_late_start_is_kept(tmp_path: Path, start: Fraction) -> None:
    stamps = [start + time for time in VFR[:6]]
    source = make_clip(tmp_path / "in.mp4", times=stamps)
    as_replace(source, tmp_path / "out.mp4")
    assert times(tmp_path / "out.mp4") == stamps
    assert packets_of(tmp_path / "out.mp4") == packets_of(source)


# what is in the result


def segmented(source: Path) -> Iterator[tuple[Frame, np.ndarray]]:
    segmenter = Segmenter(threads=1)
    for frame in read(source):
        yield frame, segmenter(frame).levels


def test_the_video_is_what_its_parts_make(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", times=CFR[:8], sound_tracks=0)
    as_replace(source, tmp_path / "out.mp4")
    for (frame, levels), result in zip(segmented(source), read(tmp_path / "out.mp4"), strict=True):
        expected = composite(frame, levels, Colour("teal").planes(frame, levels)).rgb()
        assert np.abs(result.rgb().astype(int) - expected).mean() < 4


def test_the_matte_is_what_the_segmenter_gives(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", times=CFR[:8], sound_tracks=0)
    as_matte(source, tmp_path / "out.mp4")
    for (_, levels), result in zip(segmented(source), read(tmp_path / "out.mp4"), strict=True):
        grey = result.rgb()
        assert np.ptp(grey.astype(int), axis=2).max() <= 2
        assert np.abs(grey[..., 0].astype(int) - levels).mean() < 4


@pytest.mark.parametrize("background", ["colour", "photo", "video", "blur", "picture", "backdrop", "Path"])
def test_every_kind_of_background(tmp_path: Path, background: str) -> None:
    source = make_clip(tmp_path / "in.mp4", times=CFR[:6])
    write_photo(tmp_path / "behind.jpg", picture(7, (200, 90)))
    make_clip(tmp_path / "behind.mp4", size=(90, 60), times=FEW)
    given = {
        "colour": "#204060",
        "photo": str(tmp_path / "behind.jpg"),
        "video": str(tmp_path / "behind.mp4"),
        "blur": "blur",
        "picture": picture(7, (30, 90)),
        "backdrop": Colour("red"),
        "Path": tmp_path / "behind.jpg",
    }
    report = livematte.replace(source, tmp_path / "out.mp4", given[background], threads=1)
    assert report.frames_out == 6
    assert times(tmp_path / "out.mp4") == times(source)
    assert names(tmp_path) == ["behind.jpg", "behind.mp4", "in.mp4", "out.mp4"]


# photos


def opaque_and_clear(levels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    solid, clear = levels == 255, levels == 0
    assert solid.any() or clear.any()
    return solid, clear


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
@pytest.mark.parametrize("from_suffix", [".png", ".jpg"])
def test_a_photo_comes_through(tmp_path: Path, person: np.ndarray, from_suffix: str, suffix: str) -> None:
    source, target = tmp_path / f"in{from_suffix}", tmp_path / f"out{suffix}"
    write_photo(source, person)
    report = as_replace(source, target)
    assert report.frames_in == report.frames_out == 1
    given, result = read_photo(source).rgb().astype(int), read_photo(target).rgb()
    assert result.shape == person.shape
    solid, clear = opaque_and_clear(Segmenter(threads=1)(read_photo(source)).levels)
    difference = np.abs(result - np.where(solid[..., None], given, (0, 128, 128)))[solid | clear]
    assert difference.max() == 0 if suffix == ".png" else difference.mean() < 6
    assert names(tmp_path) == sorted([source.name, target.name])


def test_the_matte_of_a_photo_is_grey(tmp_path: Path, person: np.ndarray) -> None:
    write_photo(tmp_path / "in.png", person)
    as_matte(tmp_path / "in.png", tmp_path / "out.png")
    with Image.open(tmp_path / "out.png") as image:
        assert image.mode == "L"
        assert np.array_equal(np.asarray(image), Segmenter(threads=1)(person).levels)


@pytest.mark.parametrize("word", ["transparent", "Transparent"])
@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_a_transparent_photo_has_four_channels(
    tmp_path: Path, person: np.ndarray, suffix: str, word: str
) -> None:
    write_photo(tmp_path / "in.png", person)
    livematte.replace(tmp_path / "in.png", tmp_path / f"out{suffix}", word, threads=1)
    with Image.open(tmp_path / f"out{suffix}") as image:
        assert image.mode == "RGBA"
        rgba = np.asarray(image)
    levels = Segmenter(threads=1)(person).levels
    assert np.array_equal(rgba[..., 3], levels)
    solid, _ = opaque_and_clear(levels)
    assert np.abs(rgba[solid][:, :3].astype(int) - person[solid]).mean() < (0.01 if suffix == ".png" else 6)


@pytest.mark.parametrize("background", ["blur", "photo", "video"])
def test_a_photo_before_other_backgrounds(tmp_path: Path, person: np.ndarray, background: str) -> None:
    write_photo(tmp_path / "in.png", person)
    write_photo(tmp_path / "photo.png", picture(0))
    make_clip(tmp_path / "video.mp4", times=FEW)
    behind = {"blur": "blur", "photo": tmp_path / "photo.png", "video": tmp_path / "video.mp4"}
    livematte.replace(tmp_path / "in.png", tmp_path / "out.png", behind[background], threads=1)
    assert read_photo(tmp_path / "out.png").rgb().shape == person.shape


# the report


def test_the_report_says_what_ran(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", sound_tracks=2)
    report = as_replace(source, tmp_path / "out.mp4")
    assert (report.source, report.target) == (str(source), str(tmp_path / "out.mp4"))
    assert (report.frames_in, report.frames_out, report.sound_tracks, report.threads) == (20, 20, 2, 1)
    assert report.network == "best 224×288"
    assert report.runtime.startswith("LiteRT ")
    assert set(report.stages) == STAGES
    assert all(0 < spent < 1000 * report.seconds for spent in report.stages.values())
    assert report.rate == pytest.approx(20 / report.seconds)
    for part in ("out.mp4: 20 frames in ", "2 sound tracks kept", "LiteRT", "best 224×288", "threads 1"):
        assert part in str(report)
    assert "\n" not in str(report)


def test_the_report_of_a_photo(tmp_path: Path) -> None:
    write_photo(tmp_path / "in.png", picture(0))
    report = as_replace(tmp_path / "in.png", tmp_path / "out.png")
    assert (report.frames_in, report.frames_out, report.sound_tracks) == (1, 1, None)
    assert set(report.stages) == STAGES
    assert "out.png: 1 frame in " in str(report)


@both
def test_progress_counts_every_frame(tmp_path: Path, run: Run) -> None:
    source, calls = make_clip(tmp_path / "in.mp4"), []
    run(source, tmp_path / "out.mp4", progress=lambda done, total: calls.append((done, total)))
    assert calls == [(done, 20) for done in range(1, 21)]


def codecs() -> set[int]:
    # by type: isinstance asks the thing itself, and some warn then
    return {id(thing) for thing in gc.get_objects() if issubclass(type(thing), av.CodecContext)}


def test_no_codec_waits_for_the_garbage_collector(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4")
    behind = make_clip(tmp_path / "behind.mp4")
    gc.collect()
    before = codecs()
    gc.disable()
    try:
        livematte.replace(source, tmp_path / "out.mp4", behind, matte=tmp_path / "matte.mp4", network="fast")
        assert codecs() <= before
    finally:
        gc.enable()


@both
def test_a_video_without_a_person_ends_right(tmp_path: Path, run: Run) -> None:
    grey = np.full((48, 64, 3), 120, np.uint8)
    source = tmp_path / "in.mp4"
    with av.open(str(source), "w") as out:
        video = out.add_stream("libx264", 25)
        video.codec_context.width, video.codec_context.height = 64, 48
        video.codec_context.pix_fmt = "yuv420p"
        for _ in range(5):
            out.mux(video.encode(av.VideoFrame.from_ndarray(grey, format="rgb24")))
        out.mux(video.encode(None))
    report = run(source, tmp_path / "out.mp4")
    assert report.frames_out == 5
    assert times(tmp_path / "out.mp4") == times(source)
    assert all("no person was found" in warning for warning in report.warnings)


@both
@pytest.mark.parametrize("part", [0.6, 0.9])
def test_a_cut_off_clip_is_processed_up_to_the_cut(tmp_path: Path, run: Run, part: float) -> None:
    stamps = [Fraction(n, 25) for n in range(40)]
    whole = make_clip(
        tmp_path / "in.mp4", times=stamps, size=(320, 240), container_options={"movflags": "faststart"}
    )
    content = whole.read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(content[: int(len(content) * part)])
    report = run(cut, tmp_path / "out.mp4")
    assert 4 < report.frames_out == report.frames_in < 40
    assert len(times(tmp_path / "out.mp4")) == report.frames_out
    assert any("cut.mp4: it is damaged or cut off" in warning for warning in report.warnings)
    assert names(tmp_path) == ["cut.mp4", "in.mp4", "out.mp4"]


def test_an_older_result_is_replaced_on_request_only(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", times=FEW)
    (tmp_path / "out.mp4").write_bytes(b"old")
    with pytest.raises(OutputError, match=r"out\.mp4 exists already"):
        as_replace(source, tmp_path / "out.mp4")
    assert (tmp_path / "out.mp4").read_bytes() == b"old"
    as_replace(source, tmp_path / "out.mp4", options=livematte.Options(overwrite=True))
    assert len(times(tmp_path / "out.mp4")) == len(FEW)


# what is refused, and that nothing is left then


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_clip(tmp_path / "in.mp4", times=FEW)
    make_clip(tmp_path / "behind.mp4", times=FEW)
    write_photo(tmp_path / "in.png", picture(0))
    write_photo(tmp_path / "behind.png", picture(1))
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("no video at all\n" * 40)
    (tmp_path / "text.png").write_text("no picture at all\n" * 40)
    (tmp_path / "link.mp4").symlink_to(tmp_path / "in.mp4")
    return tmp_path


def refused(folder: Path, error: type[Exception], word: str, call: Callable[[], Report]) -> None:
    """The call fails with one clear line, and the folder is as it was."""
    before = names(folder), contents(folder)
    with pytest.raises(error) as caught:
        call()
    assert word in str(caught.value)
    assert "\n" not in str(caught.value)
    assert (names(folder), contents(folder)) == before


@both
@pytest.mark.parametrize(
    ("source", "target", "error", "word"),
    [
        ("in.mp4", "in.mp4", OutputError, "input itself"),
        ("in.mp4", "link.mp4", OutputError, "input itself"),
        ("in.png", "in.png", OutputError, "input itself"),
        ("in.mp4", "none/out.mp4", OutputError, "none does not exist"),
        ("in.png", "none/out.png", OutputError, "none does not exist"),
        ("in.mp4", "folder.mp4", OutputError, "is a folder"),
        ("in.mp4", "out.png", OutputError, "out.png"),
        ("in.mp4", "out", OutputError, "out"),
        ("in.png", "out.mp4", OutputError, "out.mp4"),
        ("folder.mp4", "out.mp4", InputError, "is a folder"),
        ("empty.mp4", "out.mp4", InputError, "empty"),
        ("text.mp4", "out.mp4", InputError, "text.mp4"),
        ("text.png", "out.png", InputError, "text.png"),
        ("none.mp4", "out.mp4", InputError, "none.mp4 does not exist"),
        ("none.png", "out.png", InputError, "none.png does not exist"),
    ],
)
def test_what_cannot_work_leaves_nothing(
    folder: Path, run: Run, source: str, target: str, error: type[Exception], word: str
) -> None:
    refused(folder, error, word, lambda: run(folder / source, folder / target))


def refused_before(
    folder: Path, error: type[Exception], word: str, source: str, target: str, background: Path | str
) -> None:
    refused(
        folder,
        error,
        word,
        lambda: livematte.replace(folder / source, folder / target, background, threads=1),
    )


@pytest.mark.parametrize(
    ("source", "target", "background", "error", "word"),
    [
        ("in.mp4", "behind.mp4", "behind.mp4", OutputError, "background itself"),
        ("in.png", "behind.png", "behind.png", OutputError, "background itself"),
        ("in.mp4", "out.mp4", "none.jpg", InputError, "none.jpg"),
        ("in.mp4", "out.mp4", "empty.mp4", InputError, "empty"),
        ("in.mp4", "out.mp4", "text.mp4", InputError, "text.mp4"),
        ("in.mp4", "out.mp4", "text.png", InputError, "text.png"),
        ("in.mp4", "out.mp4", "folder.mp4", InputError, "is a folder"),
    ],
)
def test_a_background_that_cannot_work_leaves_nothing(
    folder: Path, source: str, target: str, background: str, error: type[Exception], word: str
) -> None:
    refused_before(folder, error, word, source, target, folder / background)


@pytest.mark.parametrize(
    ("source", "target", "background", "error", "word"),
    [
        ("in.mp4", "out.mp4", "transparent", OptionError, "transparency"),
        ("in.png", "out.jpg", "transparent", OutputError, "transparency"),
        ("in.mp4", "out.mp4", "beech", InputError, "'beech'"),
        ("in.png", "out.png", "#12345", InputError, "'#12345'"),
    ],
)
def test_a_word_that_cannot_work_leaves_nothing(
    folder: Path, source: str, target: str, background: str, error: type[Exception], word: str
) -> None:
    refused_before(folder, error, word, source, target, background)


@pytest.mark.parametrize("kind", ["mp4", "png"])
@pytest.mark.parametrize(
    ("options", "error", "word"),
    [
        ({"network": "nope"}, OptionError, "'nope'"),
        ({"network": "nope.tflite"}, InputError, "nope.tflite"),
        ({"threads": 0}, OptionError, "threads"),
    ],
)
def test_options_that_cannot_work_leave_nothing(
    folder: Path, kind: str, options: dict[str, object], error: type[Exception], word: str
) -> None:
    source, target = folder / f"in.{kind}", folder / f"out.{kind}"
    refused(folder, error, word, lambda: livematte.replace(source, target, **options))
    refused(folder, error, word, lambda: livematte.matte(source, target, **options))


# interruptions


@both
@pytest.mark.parametrize("stop", [KeyboardInterrupt(), RuntimeError()], ids=["ctrl-c", "fault"])
@pytest.mark.parametrize(("at", "older"), [(1, False), (3, False), (3, True), (20, True)])
def test_a_stop_leaves_the_target_as_it_was(
    tmp_path: Path, run: Run, stop: BaseException, at: int, older: bool
) -> None:
    make_clip(tmp_path / "in.mp4")
    if older:
        (tmp_path / "out.mp4").write_bytes(b"old")
    before = contents(tmp_path)

    def progress(done: int, total: int | None) -> None:
        if done == at:
            raise stop

    options = livematte.Options(overwrite=older)
    with pytest.raises(type(stop)):
        run(tmp_path / "in.mp4", tmp_path / "out.mp4", progress=progress, options=options)
    assert names(tmp_path) == sorted(before)
    assert contents(tmp_path) == before


class Fails:
    """A backdrop that fails at its third frame."""

    def __init__(self) -> None:
        self.frames = 0

    def planes(self, frame: Frame, levels: np.ndarray) -> list[np.ndarray]:
        self.frames += 1
        if self.frames == 3:
            raise ZeroDivisionError
        return frame.planes()


def test_a_failing_backdrop_leaves_nothing(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4")
    with pytest.raises(ZeroDivisionError):
        livematte.replace(source, tmp_path / "out.mp4", Fails(), threads=1)
    assert names(tmp_path) == ["in.mp4"]


@both
def test_a_full_disk_is_one_clear_line(tmp_path: Path, run: Run) -> None:
    source = make_clip(tmp_path / "in.mp4", size=(320, 240))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, hard))
    try:
        with pytest.raises(OutputError, match=r"out\.mp4"):
            run(source, tmp_path / "out.mp4")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert names(tmp_path) == ["in.mp4"]
