"""The scripts that damage files and kill processes, in their short versions."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from clips import CFR, make_clip

import livematte

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
sys.path.append(str(BENCHMARKS))

import fuzz  # noqa: E402  (the folder of the scripts is no package)
import kill  # noqa: E402


def script(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, BENCHMARKS / name, *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_damaged_files_end_in_a_whole_result_or_a_clear_refusal() -> None:
    done = script("fuzz.py", "--files", "60")
    assert done.returncode == 0, done.stdout + done.stderr
    total = next(line.split() for line in done.stdout.splitlines() if line.startswith("all 60"))
    assert min(map(int, total[2:4])) > 10  # of both: the damage is neither harmless nor always deadly


def test_the_same_number_is_the_same_damage() -> None:
    content = bytes(range(256)) * 20
    assert fuzz.damaged(content, random.Random("1/5")) == fuzz.damaged(content, random.Random("1/5"))
    spoilt = [fuzz.damaged(content, random.Random(f"1/{number}"))[0] for number in range(40)]
    assert len(set(spoilt) - {content}) > 35


def die(source: Path, target: Path) -> tuple[str, str]:
    os.abort()


def sleep(source: Path, target: Path) -> tuple[str, str]:
    time.sleep(60)
    return "whole result", ""


def fail(source: Path, target: Path) -> tuple[str, str]:
    raise ValueError(source)


def leave_a_part(source: Path, target: Path) -> tuple[str, str]:
    target.write_bytes(b"part")
    return "clear refusal", ""


def leave_a_temporary_file(source: Path, target: Path) -> tuple[str, str]:
    target.write_bytes(b"whole")
    target.with_name(".livematte-left").touch()
    return "whole result", ""


def write_into_the_input(source: Path, target: Path) -> tuple[str, str]:
    source.write_bytes(b"")
    return "clear refusal", ""


@pytest.mark.parametrize(
    ("attempt", "outcome"),
    [
        (die, "crash"),
        (sleep, "hang"),
        (fail, "traceback"),
        (leave_a_part, "wrong files"),
        (leave_a_temporary_file, "wrong files"),
        (write_into_the_input, "input touched"),
    ],
)
def test_the_fuzzer_sees_every_kind_of_fault(tmp_path: Path, attempt: fuzz.Attempt, outcome: str) -> None:
    with fuzz.Worker(2 if outcome == "hang" else 60, attempt) as worker:
        assert fuzz.run(worker, tmp_path, b"content", ".mp4")[0] == outcome


def test_fields_of_a_size_and_format_that_change(tmp_path: Path) -> None:
    fields = {"x264-params": "tff=1"}
    kinds = [{"options": fields}, {"size": (96, 64)}, {"pix_fmt": "yuv422p10le", "options": fields}]
    clips = [
        make_clip(tmp_path / f"{number}.ts", times=CFR[:8], sound_tracks=0, **kind)  # type: ignore[arg-type]
        for number, kind in enumerate(kinds)
    ]
    (tmp_path / "in.ts").write_bytes(b"".join(clip.read_bytes() for clip in clips))
    report = livematte.replace(tmp_path / "in.ts", tmp_path / "out.mp4", "teal", threads=1)
    assert report.frames_in == report.frames_out == len(list(livematte.read(tmp_path / "out.mp4")))
    assert report.frames_in >= 20  # the pictures at the seams may be damaged
    assert any("size changes" in warning for warning in report.warnings)


def test_a_killed_run_leaves_nothing_partial() -> None:
    if os.name == "nt":
        pytest.skip("leftovers are cleaned where files can be locked (flock)")
    done = script("kill.py", "--kills", "5", "--frames", "20")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_killer_knows_a_partial_file(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "in.mp4")
    assert kill.state_of(clip, False, len(CFR)) == "whole"
    assert kill.state_of(clip, False, len(CFR) + 1) == "PARTIAL"
    assert kill.state_of(tmp_path / "none.mp4", False, len(CFR)) == "absent"
    assert kill.state_of(tmp_path / "none.mp4", True, len(CFR)) == "LOST"
    clip.write_bytes(clip.read_bytes()[:2000])
    assert kill.state_of(clip, False, len(CFR)) == "PARTIAL"
    clip.write_bytes(kill.OLD)
    assert kill.state_of(clip, True, len(CFR)) == "old"
