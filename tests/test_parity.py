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
    """In step by step, and each fed its own masks, where rounding adds up from frame to frame."""
    from livematte.lab.checkpoint import load_weights

    network, file = load_weights(CHECKPOINT).double(), load("best", width, height, threads=1)
    assert (file.height, file.width) == (height, width)

    def checked(picture: np.ndarray, previous: np.ndarray) -> np.ndarray:
        seen = torch.from_numpy(np.dstack([picture / 255.0, previous])).permute(2, 0, 1)[None]
        with torch.no_grad():
            return network(seen).sigmoid()[0, 0].numpy()

    ours, theirs = np.zeros((height, width), np.float32), np.zeros((height, width))
    with as_file(files("livematte.sample") / "clip.mp4") as clip:
        for frame in islice(livematte.read(clip), 10):
            picture = frame.rgb(width, height)
            before, ours = ours, file.run(picture, ours)
            theirs = checked(picture, theirs)
            assert 0.05 < ours.mean() < 0.95
            np.testing.assert_allclose(ours, checked(picture, before), rtol=0, atol=2e-5)
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-4)
