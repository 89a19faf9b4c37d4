"""Real clips and annotated photos, where they are at hand: $LIVEMATTE_DATA, or a folder beside this one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from clips import packets_of

import livematte

DATA = Path(os.environ.get("LIVEMATTE_DATA", Path(__file__).parents[2] / "shared" / "data"))
CLIPS = sorted((DATA / "try").glob("*.m*"))

pytestmark = pytest.mark.skipif(not CLIPS, reason="needs a data folder with real clips: set LIVEMATTE_DATA")


@pytest.mark.parametrize("clip", CLIPS, ids=lambda path: path.stem)
def test_a_real_clip_keeps_its_times_and_its_sound(clip: Path, tmp_path: Path) -> None:
    target = tmp_path / clip.name
    report = livematte.replace(clip, target, "blur")
    assert [frame.time for frame in livematte.read(target)] == [frame.time for frame in livematte.read(clip)]
    assert packets_of(target) == packets_of(clip)
    assert report.frames_in == report.frames_out
    assert not report.warnings


def test_selfies_are_cut_out() -> None:
    (score,) = livematte.evaluate(DATA, split="val", sets=["picsart"]).scores
    assert score.pictures == 150
    assert score.iou >= 0.90
