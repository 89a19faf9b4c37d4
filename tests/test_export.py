"""What exporting does to a file beyond the conversion, which tests/test_parity.py holds."""

from importlib.resources import as_file, files
from itertools import islice

import numpy as np
import pytest

import livematte
from livematte.errors import OptionError
from livematte.segment.runtime import Network

pytest.importorskip("torch", reason="exporting needs torch")


def test_float16_halves_a_file_and_keeps_the_masks(tmp_path):
    pytest.importorskip("ai_edge_quantizer", reason="needs: pip install 'livematte[export]'")
    from livematte.lab.export import store_as_float16

    half = tmp_path / "half.tflite"
    with as_file(files("livematte.segment") / "weights" / "best-144x256.tflite") as whole:
        half.write_bytes(whole.read_bytes())
        store_as_float16(half)
        assert 0.5 < half.stat().st_size / whole.stat().st_size < 0.65
        first, second = (Network(path, threads=1) for path in (whole, half))
    ours = theirs = None
    with as_file(files("livematte.sample") / "clip.mp4") as clip:
        for frame in islice(livematte.read(clip), 5):
            picture = frame.rgb(256, 144)
            ours, theirs = first.run(picture, ours), second.run(picture, theirs)
            assert np.abs(ours - theirs).max() > 0
            np.testing.assert_allclose(theirs, ours, rtol=0, atol=0.03)
            assert np.mean((ours > 0.5) == (theirs > 0.5)) > 0.999


def test_an_unknown_precision_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(OptionError, match="float16, not 'int4'"):
        livematte.export(tmp_path / "none.pt", tmp_path / "out", precision="int4")
    assert not (tmp_path / "out").exists()
