"""What `export` writes and what it says of it; tests/test_parity.py holds the numbers."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sys
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import pytest
import reference
import told

import livematte
from livematte.errors import InputError, MissingExtraError, OptionError, OutputError
from livematte.segment.runtime import NETWORKS, Network, file_name

torch = pytest.importorskip("torch", reason="exporting needs torch")

SQUARE = (256, 256)
SMALL = {"widths": (8, 8, 16, 16), "depths": (1, 1, 1, 1), "squeeze": (2, 2, 2, 2)}
EXPORT = "needs: pip install 'livematte[export]'"

torch.set_num_threads(1)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A small network's."""
    from livematte.lab import network
    from livematte.lab.checkpoint import save_weights

    torch.manual_seed(1)
    path = tmp_path / "small.pt"
    save_weights(network.Network(network.Sizes(**SMALL)).eval(), path)
    return path


@pytest.fixture(params=NETWORKS)
def shipped(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of a network file that ships."""
    path = tmp_path / file_name(request.param, *SQUARE)
    with as_file(files("livematte.segment") / "weights" / path.name) as there:
        shutil.copy(there, path)
    return path


def test_a_web_folder_says_all_that_a_page_must_know(checkpoint, tmp_path, monkeypatch) -> None:
    pytest.importorskip("litert_torch", reason=EXPORT)
    pytest.importorskip("ai_edge_quantizer", reason=EXPORT)
    from livematte.lab import export

    monkeypatch.setattr(export, "shapes_of", lambda _: [(64, 32)])  # each takes the converter long
    (file,) = livematte.export(checkpoint, tmp_path / "site", format="web")
    networks = tmp_path / "site" / "networks"
    assert {path.name for path in networks.iterdir()} == {file.name, f"{file.name}.json", "index.json"}
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert json.loads((networks / "index.json").read_text(encoding="utf-8")) == [
        {
            "name": "small",
            "height": 64,
            "width": 32,
            "file": "small-64x32.tflite",
            "bytes": file.stat().st_size,
            "sha256": digest,
        }
    ]
    described = json.loads((networks / f"{file.name}.json").read_text(encoding="utf-8"))
    assert described["sha256"] == digest
    assert described["checkpoint"]["file"] == "small.pt"
    assert described["checkpoint"]["sha256"] == hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    assert (described["precision"], described["licence"]) == ("float32", "Apache-2.0")
    assert described["livematte"] == livematte.__version__
    (mask,) = told.masks(networks / f"{file.name}.json", reference.frames(64, 32, count=1))
    assert mask.shape == (64, 32)


def test_the_page_goes_along_where_it_is_installed(tmp_path: Path) -> None:
    from livematte.lab.export import web

    page = files("livematte") / "web" / "page"
    if not page.is_dir():
        pytest.skip("this installation has no page")
    (tmp_path / "networks").mkdir()
    web.finish(tmp_path, "one", [])
    assert {one.name for one in page.iterdir()} <= {one.name for one in tmp_path.iterdir()}
    assert json.loads((tmp_path / "networks" / "index.json").read_text(encoding="utf-8")) == []


def test_the_json_in_the_documentation_is_what_is_written(tmp_path: Path) -> None:
    from livematte.lab.export import contract

    page = (Path(__file__).parents[1] / "docs" / "export.md").read_text(encoding="utf-8")
    (shown,) = (json.loads(text) for text in re.findall(r"```json\n(.*?)```", page, re.DOTALL))
    file = tmp_path / shown["file"]
    file.write_bytes(b"weights")
    about = {key: shown[key] for key in ("network", "format", "precision", "checkpoint", "licence")}
    described = contract.write(file, contract.tensors(144, 256, "args_0", "output_0", contract.MASK), about)
    written = json.loads(described.read_text(encoding="utf-8"))
    assert written == shown | {"bytes": 7, "sha256": hashlib.sha256(b"weights").hexdigest()}
    assert list(written) == list(shown)
    for key in (*shown, *shown["inputs"][0], *shown["output"], *shown["previous_mask"]):
        assert f"`{key}`" in page


def test_onnx_files_load_anywhere_and_keep_no_traces(checkpoint, tmp_path, monkeypatch) -> None:
    pytest.importorskip("onnxscript", reason=EXPORT)
    import onnx

    from livematte.lab import export

    shapes = [(64, 32), (32, 64)]
    monkeypatch.setattr(export, "shapes_of", lambda _: shapes)
    written = livematte.export(checkpoint, tmp_path / "out", name="mine", format="onnx")
    assert [file.name for file in written] == ["mine-64x32.onnx", "mine-32x64.onnx"]
    for file, (height, width) in zip(written, shapes, strict=True):
        model = onnx.load(str(file))
        assert [(one.domain, one.version) for one in model.opset_import] == [("", 18)]
        assert model.ir_version <= 10
        assert not model.functions
        assert str(Path(__file__).parents[1]).encode() not in file.read_bytes()
        (found,) = told.masks(file.with_name(f"{file.name}.json"), reference.frames(height, width, count=1))
        assert found.shape == (height, width)
    assert len(list((tmp_path / "out").iterdir())) == 4


def test_an_index_keeps_other_networks_and_replaces_its_own(tmp_path: Path) -> None:
    from livematte.lab.export import web

    (tmp_path / "networks").mkdir()
    made = {name: tmp_path / "networks" / file_name(name, 16, 32) for name in ("one", "two")}
    for name in ("one", "two", "one"):
        made[name].write_bytes(name.encode() + made[name].read_bytes() if made[name].exists() else b"first")
        web.finish(tmp_path, name, [made[name]])
    listed = json.loads((tmp_path / "networks" / "index.json").read_text(encoding="utf-8"))
    assert [(one["name"], one["height"], one["width"], one["bytes"]) for one in listed] == [
        ("two", 16, 32, 5),
        ("one", 16, 32, 8),
    ]


@pytest.mark.parametrize("content", ["", "[1]", '[{"file": "x"}]', '{"name": 1}'])
def test_an_index_of_something_else_is_not_touched(tmp_path: Path, content: str) -> None:
    from livematte.lab.export import web

    index = tmp_path / "networks" / "index.json"
    index.parent.mkdir()
    index.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=r"index\.json"):
        web.finish(tmp_path, "one", [])
    assert index.read_text(encoding="utf-8") == content


def test_a_file_that_computes_something_else_is_refused(shipped: Path) -> None:
    from livematte.lab.checkpoint import load_weights
    from livematte.lab.export import agreement

    network = load_weights(Path(__file__).parents[1] / "checkpoints" / f"{shipped.name.split('-')[0]}.pt")
    run = Network(shipped, threads=1).run
    agreement.check(network, run, shipped.name, *SQUARE, "float32")
    wrong = {
        "colours swapped": lambda picture, previous: run(np.ascontiguousarray(picture[..., ::-1]), previous),
        "no previous mask": lambda picture, previous: run(picture, None),
        "no numbers": lambda picture, previous: run(picture, previous) * np.float32("nan"),
    }
    for other in wrong.values():
        with pytest.raises(OutputError, match="not kept"):
            agreement.check(network, other, shipped.name, *SQUARE, "float32")


def test_what_is_trimmed_changes_nothing_else(shipped: Path, tmp_path: Path) -> None:
    from ai_edge_litert.tools import flatbuffer_utils

    from livematte.lab.export import contract, litert

    short = tmp_path / "short.tflite"
    shutil.copy(shipped, short)
    litert.trim(short)
    assert short.stat().st_size <= shipped.stat().st_size
    before, after = (flatbuffer_utils.read_model(path) for path in (shipped, short))
    assert max(len(tensor.name) for tensor in after.subgraphs[0].tensors) < 40
    assert litert.signature(short, *SQUARE, contract.MASK) == litert.signature(
        shipped, *SQUARE, contract.MASK
    )
    content = short.read_bytes()
    for one, other in zip(before.buffers, after.buffers, strict=True):
        data = b"" if one.data is None else bytes(one.data)
        assert data == (b"" if other.data is None else bytes(other.data))
        assert len(data) < 1000 or content.index(data) % litert.ALIGNMENT == 0
    pictures = reference.frames(*SQUARE, count=3)
    first, second = (Network(path, threads=1) for path in (shipped, short))
    for picture in pictures:
        np.testing.assert_array_equal(first.run(picture, None), second.run(picture, None))


def test_fast_in_float16_is_below_400_kib(tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_quantizer", reason=EXPORT)
    from livematte.lab.export import litert

    file = tmp_path / "fast.tflite"
    with as_file(files("livematte.segment") / "weights" / "fast-144x256.tflite") as whole:
        shutil.copy(whole, file)
    litert.store(file, "float16")
    litert.trim(file)
    assert file.stat().st_size < 400 * 1024


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"precision": "int4"}, "float16 or int8, not 'int4'"),
        ({"format": "onnx", "precision": "int8"}, "precision of onnx is float32 or float16, not 'int8'"),
        ({"format": "web", "precision": "float16"}, "precision of web is float32"),
        ({"format": "tflite"}, "litert or onnx or coreml or web, not 'tflite'"),
        ({"name": "a/b"}, "name 'a/b'"),
        ({"name": ""}, "name ''"),
    ],
)
def test_what_is_not_offered_is_refused_before_anything_is_read(tmp_path, asked, message) -> None:
    with pytest.raises(OptionError, match=message):
        livematte.export(tmp_path / "none.pt", tmp_path / "out", **asked)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("format", "package"),
    [("litert", "litert_torch"), ("onnx", "onnxscript"), ("coreml", "coremltools"), ("web", "litert_torch")],
)
def test_a_missing_converter_is_named_with_its_command(
    checkpoint, tmp_path, monkeypatch, format, package
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'livematte\[export\]'"):
        livematte.export(checkpoint, tmp_path / "out", format=format)
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]


def test_a_folder_that_cannot_be_is_named(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("", encoding="utf-8")
    with pytest.raises(OutputError, match="taken"):
        livematte.export(checkpoint, tmp_path / "taken")


def test_files_are_called_after_the_preset() -> None:
    from livematte.lab import network
    from livematte.lab.export import name_of

    for name, sizes in network.PRESETS.items():
        assert name_of(network.Network(sizes), Path("run7.pt")) == name
    assert name_of(network.Network(network.Sizes(**SMALL)), Path("run7.pt")) == "run7"


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"growth": (4,)},
        {"growth": (3, 5, 2)},
        {"refine": "plain"},
        {"refine": "none"},
        {"previous": False},
        {"activation": "prelu"},
    ],
)
def test_what_is_deployed_computes_what_was_trained(changed):
    from livematte.lab import network as lab
    from livematte.lab.export.deployed import Deployed

    torch.manual_seed(1)
    network = lab.Network(lab.Sizes(**SMALL | changed)).train()
    seen = torch.rand(4, 4, 32, 64)
    for _ in range(5):
        network(seen)  # gives the normalisations something to do
    for layer in slopes_of(network):
        layer.weight.data.uniform_(-1, 2)
    weights = {name: value.clone() for name, value in network.state_dict().items()}
    with torch.no_grad():
        deployed = Deployed(network)(seen[:1].permute(0, 2, 3, 1))[..., 0]
        wanted = network.eval()(seen[:1]).sigmoid()[:, 0]
    torch.testing.assert_close(deployed, wanted, rtol=0, atol=2e-6)
    assert all(torch.equal(value, weights[name]) for name, value in network.state_dict().items())


def slopes_of(network: torch.nn.Module) -> list[torch.nn.PReLU]:
    """The layers with slopes."""
    return [layer for layer in network.modules() if isinstance(layer, torch.nn.PReLU)]


def test_a_litert_file_without_prelu_does_not_ask_for_it(checkpoint, tmp_path, monkeypatch):
    pytest.importorskip("litert_torch", reason=EXPORT)
    from ai_edge_litert.schema_py_generated import BuiltinOperator
    from ai_edge_litert.tools import flatbuffer_utils

    from livematte.lab import export

    monkeypatch.setattr(export, "shapes_of", lambda _: [(64, 32)])
    (file,) = livematte.export(checkpoint, tmp_path / "out")
    codes = {code.builtinCode for code in flatbuffer_utils.read_model(file).operatorCodes}
    assert BuiltinOperator.CONV_2D in codes
    assert BuiltinOperator.PRELU not in codes


@pytest.mark.parametrize(("precision", "off"), [("float32", 1e-5), ("float16", 1e-3), ("int8", 0.02)])
def test_each_prelu_is_one_operation_of_a_litert_file(precision, off, tmp_path, monkeypatch):
    pytest.importorskip("litert_torch", reason=EXPORT)
    pytest.importorskip("ai_edge_quantizer", reason=EXPORT)
    from ai_edge_litert.schema_py_generated import BuiltinOperator
    from ai_edge_litert.tools import flatbuffer_utils

    from livematte.lab import export
    from livematte.lab import network as lab
    from livematte.lab.checkpoint import save_weights

    torch.manual_seed(1)
    network = lab.Network(lab.Sizes(**SMALL, activation="prelu")).eval()
    for layer in slopes_of(network):
        layer.weight.data.uniform_(-1, 2)
    save_weights(network, tmp_path / "small.pt")
    monkeypatch.setattr(export, "shapes_of", lambda _: [(64, 32)])
    (file,) = livematte.export(tmp_path / "small.pt", tmp_path, precision=precision)
    model = flatbuffer_utils.read_model(file)
    (graph,) = model.subgraphs
    kinds = [model.operatorCodes[operator.opcodeIndex].builtinCode for operator in graph.operators]
    assert kinds.count(BuiltinOperator.PRELU) == len(slopes_of(network)) > 10
    assert not {BuiltinOperator.MUL, BuiltinOperator.SUB} & {*kinds}
    used = {number for operator in graph.operators for number in (*operator.inputs, *operator.outputs)}
    assert used - {-1} == set(range(len(graph.tensors)))
    picture = np.random.default_rng(1).integers(0, 256, (64, 32, 3), np.uint8)
    previous = np.zeros((64, 32), np.float32)
    seen = torch.from_numpy(np.dstack([picture / np.float32(255), previous])).permute(2, 0, 1)
    with torch.no_grad():
        wanted = network(seen[None]).sigmoid()[0, 0].numpy()
    got = Network(file, threads=1).run(picture, previous)
    np.testing.assert_allclose(got, wanted, rtol=0, atol=off)
    assert wanted.std() > 2 * off, "a network that says nothing proves nothing"
