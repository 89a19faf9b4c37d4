"""Transparent results and mattes."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import av
import numpy as np
import pytest
from clips import make_clip
from PIL import Image
from runs import MAIN, SAMPLE, names

import livematte
from livematte import OptionError, Options, OutputError
from livematte.media import read

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
        # the same levels, but an encoder of several threads may decide otherwise
        assert np.abs(one.planes()[0].astype(int) - other.planes()[0]).mean() < 0.3


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
