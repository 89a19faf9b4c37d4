"""Several processes that train one network, started by torchrun on this machine's processor."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch")

from livematte.errors import InputError  # noqa: E402
from livematte.lab.network import Sizes  # noqa: E402
from livematte.lab.train import Recipe, train  # noqa: E402

SCRIPT = Path(__file__).parent / "ranked.py"
TINY = Sizes(widths=(8, 8, 16, 16), depths=(1, 1, 1, 1), squeeze=(2, 2, 2, 2), kernels=(3, 3, 3, 3))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder, random, rows = tmp_path_factory.mktemp("data"), np.random.default_rng(1), []
    for number in range(16):
        picture = random.integers(60, 200, (48, 64, 3), dtype=np.uint8)
        name, row = f"{number}.png", {"set": "picsart", "split": "val" if number > 13 else "train"}
        row |= {"image": name, "truth": "none" if number > 11 and number < 14 else "person"}
        if row["truth"] == "person":
            mask = cv2.ellipse(np.zeros((48, 64), np.uint8), (20 + number, 24), (13, 17), 0, 0, 360, 255, -1)
            picture[mask > 0] = (40, 40, 200)
            cv2.imwrite(str(folder / f"mask-{name}"), mask)
            row["mask"] = f"mask-{name}"
        cv2.imwrite(str(folder / name), picture)
        rows.append(json.dumps(row))
    (folder / "index.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


def run(data, out, stop_at=0):
    """Train by two processes; what each says of itself at its end. stop_at: when the second is stopped."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*command, str(SCRIPT), str(data), str(out), str(stop_at)],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads((out / f"rank-{number}.json").read_text()) for number in (0, 1)]


def test_two_processes_train_one_network_and_go_on_after_a_stop(data, tmp_path):
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    first, second = run(data, whole)
    assert first["mean"] == second["mean"] == [0.5, 1.0]
    assert first["step"] == second["step"] == 12
    assert first["weights"] == second["weights"]
    assert first["batch"] != second["batch"]

    cut_off = run(data, stopped, stop_at=5)
    assert [one["step"] for one in cut_off] == [5, 5]
    assert torch.load(stopped / "last.pt", weights_only=True)["step"] == 5
    assert [one["weights"] for one in run(data, stopped)] == [first["weights"]] * 2

    with pytest.raises(InputError, match="by 2 processes, not by 1"):
        train(Recipe(data, whole, TINY, phases=((32, 12),)), quiet=True)
