"""The files that ship compute what the checkpoint computes, with the previous mask fed back."""

from importlib.resources import as_file, files
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

import livematte
from livematte.segment.runtime import SHAPES, load

torch = pytest.importorskip("torch", reason="the checkpoint needs torch")

CHECKPOINT = Path(__file__).parents[1] / "checkpoints" / "best.pt"


@pytest.mark.parametrize(("height", "width"), SHAPES)
def test_a_litert_file_agrees_with_the_checkpoint_for_ten_frames(height: int, width: int) -> None:
    from livematte.lab.checkpoint import load_weights

    network, file = load_weights(CHECKPOINT), load("best", width, height, threads=1)
    assert (file.height, file.width) == (height, width)
    ours, theirs = None, np.zeros((height, width), np.float32)
    with as_file(files("livematte.sample") / "clip.mp4") as clip:
        for frame in islice(livematte.read(clip), 10):
            picture = frame.rgb(width, height)
            ours = file.run(picture, ours)
            seen = np.dstack([picture.astype(np.float32) / 255, theirs])
            with torch.no_grad():
                logits = network(torch.from_numpy(seen).permute(2, 0, 1)[None])
            theirs = logits.sigmoid()[0, 0].numpy()
            assert 0.05 < ours.mean() < 0.95
            np.testing.assert_allclose(ours, theirs, atol=1e-4)
