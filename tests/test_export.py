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
            np.testing.assert_allclose(theirs, ours, rtol=0, atol=0.06)
            assert np.abs(theirs - ours).mean() < 0.002
            assert np.mean((ours > 0.5) == (theirs > 0.5)) > 0.999


def test_an_unknown_precision_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(OptionError, match="float16, not 'int4'"):
        livematte.export(tmp_path / "none.pt", tmp_path / "out", precision="int4")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"growth": (4,)},
        {"growth": (3, 5, 2)},
        {"refine": "plain"},
        {"refine": "none"},
        {"previous": False},
    ],
)
def test_what_is_deployed_computes_what_was_trained(changed):
    import torch

    from livematte.lab.export.deployed import Deployed
    from livematte.lab.network import Network, Sizes

    torch.manual_seed(1)
    small = {"widths": (8, 8, 16, 16), "depths": (1, 1, 1, 1), "squeeze": (2, 2, 2, 2)}
    network = Network(Sizes(**small | changed)).train()
    seen = torch.rand(4, 4, 32, 64)
    for _ in range(5):
        network(seen)  # gives the normalisations something to do
    weights = {name: value.clone() for name, value in network.state_dict().items()}
    with torch.no_grad():
        deployed = Deployed(network)(seen[:1].permute(0, 2, 3, 1))[..., 0]
        wanted = network.eval()(seen[:1]).sigmoid()[:, 0]
    torch.testing.assert_close(deployed, wanted, rtol=0, atol=2e-6)
    assert all(torch.equal(value, weights[name]) for name, value in network.state_dict().items())
