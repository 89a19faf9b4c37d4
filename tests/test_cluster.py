"""A batch on a Ray cluster: a real one of several nodes on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import livematte

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "batch_cluster.py"


def test_every_clip_ends_once_although_a_node_and_the_driver_are_killed() -> None:
    pytest.importorskip("ray", reason="a cluster needs: pip install 'livematte[cluster]'")
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--clips", "8", "--nodes", "2", "--frames", "8"],
        capture_output=True,
        text=True,
        timeout=900,
        env=os.environ | {"RAY_USAGE_STATS_ENABLED": "0"},
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "a node killed after" in done.stdout
    assert "the driver killed after" in done.stdout
    assert "done exactly once: True" in done.stdout
    assert "8 by frame, of 8" in done.stdout


def test_a_cluster_that_does_not_answer_is_an_error_of_one_line(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="a cluster needs: pip install 'livematte[cluster]'")
    (tmp_path / "a.mp4").write_bytes(b"anything")
    for address in ("auto", "127.0.0.1:9", "ray://127.0.0.1:9"):
        with pytest.raises(livematte.OptionError, match=f"no Ray cluster answers at '{address}'"):
            livematte.batch(tmp_path / "a.mp4", tmp_path / "out", "grey", ray=address)
    assert not (tmp_path / "out").exists()


def test_without_ray_the_command_that_installs_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.mp4").write_bytes(b"anything")
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(livematte.MissingExtraError, match=r"pip install 'livematte\[cluster\]'"):
        livematte.batch(tmp_path / "a.mp4", tmp_path / "out", "grey", ray="auto")
