"""The cost of every stage, and that buffers and shared planes change nothing."""

from __future__ import annotations

import re
from importlib.resources import as_file, files
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from clips import CFR, make_clip

import livematte
from livematte.frame import Frame, Plane
from livematte.report import STAGES

SIZES = ((320, 180), (130, 98), (320, 180), (258, 146))


@pytest.fixture(scope="module")
def people() -> list[Frame]:
    """Frames of real people, their size changing."""
    with as_file(files("livematte.sample") / "clip.mp4") as clip:
        frames = list(islice(livematte.read(clip), 4))
    return [Frame(frame.image.reformat(*size)) for frame, size in zip(frames, SIZES, strict=True)]


def copies(frame: Frame) -> list[Plane]:
    return [plane.copy() for plane in frame.planes()]


def same(one: list[Plane], other: list[Plane]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_every_stage_of_a_clip_is_in_the_table(tmp_path: Path) -> None:
    make_clip(tmp_path / "in.mp4", times=CFR[:10])
    found = livematte.bench(tmp_path / "in.mp4", frames=9, background="teal", threads=1)
    assert (found.width, found.height, found.frames) == (64, 48, 9)
    assert tuple(found.stages) == STAGES
    assert all(cost.clock > 0 and cost.cpu >= 0 for cost in found.stages.values())
    assert found.rate > 0
    assert found.report.threads == 1
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]
    table = str(found)
    assert all(re.search(rf"^{stage} +\d+\.\d+ +\d+\.\d+$", table, re.MULTILINE) for stage in STAGES)


def test_a_short_clip_is_measured_whole(tmp_path: Path) -> None:
    make_clip(tmp_path / "in.mp4", times=CFR[:3])
    assert livematte.bench(tmp_path / "in.mp4", threads=1).frames == 3


def test_frames_are_made_at_the_size_that_is_asked_for() -> None:
    found = livematte.bench(size="128x96", frames=3, background="blur", threads=1)
    assert (found.width, found.height, found.frames) == (128, 96, 3)
    assert "synthetic" in str(found)


def test_interleaved_segmenters_and_scenes_give_what_each_gives_alone(people: list[Frame]) -> None:
    def alone(background: str) -> list[list[Plane]]:
        segmenter, scene = livematte.Segmenter(threads=1), livematte.Scene(background)
        return [copies(scene(frame, segmenter(frame))) for frame in people]

    expected = {background: alone(background) for background in ("gradient:red,blue", "blur")}
    pairs = {name: (livematte.Segmenter(threads=1), livematte.Scene(name)) for name in expected}
    for number, frame in enumerate(people):
        for name, (segmenter, scene) in pairs.items():
            assert same(scene(frame, segmenter(frame)).planes(), expected[name][number])


def test_what_a_caller_keeps_is_not_written_to_again(people: list[Frame]) -> None:
    segmenter, scene = livematte.Segmenter(threads=1), livematte.Scene("gradient:red,blue")
    kept = []
    for frame in [people[0], people[2], people[0]]:
        matte = segmenter(frame)
        composed = scene(frame, matte)
        kept.append(
            (matte, composed, matte.levels.copy(), matte.mask.copy(), copies(composed), copies(frame))
        )
    for (matte, composed, levels, mask, planes, own), frame in zip(
        kept, [people[0], people[2], people[0]], strict=True
    ):
        assert np.array_equal(matte.levels, levels)
        assert np.array_equal(matte.mask, mask)
        assert same(composed.planes(), planes)
        assert same(frame.planes(), own)


def test_padded_rows_are_composed_like_others(people: list[Frame]) -> None:
    frame = people[3]  # 258 wide: FFmpeg pads its rows
    assert not frame.blank_like().planes()[0].flags.c_contiguous
    levels = np.zeros((146, 258), np.uint8)
    levels[:, 100:] = 255
    levels[:, 98:100] = 128
    composed = livematte.Scene("black")(frame, livematte.Matte(levels, levels[:9, :16].astype(np.float32)))
    for out, own, at in zip(composed.planes(), frame.planes(), (100, 50, 50), strict=True):
        assert np.array_equal(out[:, at:], own[:, at:])
        assert out[:, : at - 2].std() == 0
