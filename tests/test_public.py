"""What `import livematte` gives, what it costs, and what it needs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from clips import CFR, make_clip, picture

import livematte
from livematte.media import write_photo

PUBLIC = [
    "Agreement",
    "Backdrop",
    "BatchReport",
    "Bench",
    "Checked",
    "Effect",
    "Evaluation",
    "Fault",
    "Frame",
    "Imported",
    "Info",
    "InputError",
    "Limits",
    "LivematteError",
    "Matte",
    "MissingExtraError",
    "Mix",
    "OptionError",
    "Options",
    "Orientation",
    "OutputError",
    "Peer",
    "Recipe",
    "Report",
    "Scene",
    "Score",
    "Segmenter",
    "Sizes",
    "Stats",
    "Style",
    "Unsure",
    "__version__",
    "ablate",
    "annotation_agreement",
    "annotation_consensus",
    "batch",
    "bench",
    "camera",
    "check_data",
    "collect_annotation",
    "data_stats",
    "demo",
    "devices",
    "evaluate",
    "export",
    "export_data",
    "import_data",
    "info",
    "matte",
    "next_to_annotate",
    "pack_annotation",
    "read",
    "replace",
    "replace_live",
    "serve",
    "show_data",
    "train",
]
NEED_TORCH = ["Mix", "Recipe", "Sizes", "ablate", "export", "train"]
ERRORS = ["InputError", "MissingExtraError", "OptionError", "OutputError"]


def python(code: str, folder: Path) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_public_names() -> None:
    assert livematte.__all__ == PUBLIC
    assert dir(livematte) == PUBLIC


@pytest.mark.parametrize("name", [name for name in PUBLIC if name not in NEED_TORCH])
def test_every_name_is_there(name: str) -> None:
    thing = getattr(livematte, name)
    assert name == "__version__" or thing.__name__ == name
    assert name == "__version__" or thing.__doc__


@pytest.mark.parametrize("name", NEED_TORCH)
def test_every_name_of_the_lab_is_there(name: str) -> None:
    pytest.importorskip("torch", reason="training needs: pip install 'livematte[lab]'")
    assert getattr(livematte, name).__name__ == name


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'nonsense'"):
        _ = livematte.nonsense
    assert not hasattr(livematte, "nonsense")


@pytest.mark.parametrize("name", ERRORS)
def test_every_error_is_a_livematte_error(name: str) -> None:
    assert issubclass(getattr(livematte, name), livematte.LivematteError)


def test_errors_are_also_what_python_calls_them() -> None:
    assert issubclass(livematte.OptionError, ValueError)
    assert issubclass(livematte.MissingExtraError, ImportError)


def test_importing_is_quick_and_light(tmp_path: Path) -> None:
    code = "import sys, time; t = time.perf_counter(); import livematte; print(time.perf_counter() - t)\n"
    code += "assert not {'torch', 'cv2', 'av', 'numpy', 'PIL'} & set(sys.modules)"
    assert min(float(python(code, tmp_path)) for _ in range(5)) < 0.3


def test_importing_the_commands_leaves_torch_out(tmp_path: Path) -> None:
    assert python("import sys, livematte.cli; print('torch' in sys.modules)", tmp_path) == "False"


def test_running_needs_no_torch(tmp_path: Path) -> None:
    make_clip(tmp_path / "in.mp4", times=CFR[:3])
    write_photo(tmp_path / "in.png", picture(0))
    code = """
import sys
sys.modules["torch"] = None  # as if it were not installed
import numpy as np
import livematte
livematte.Segmenter(threads=1)(np.zeros((20, 30, 3), np.uint8))
livematte.replace("in.mp4", "out.mp4", "teal", threads=1)
livematte.replace("in.png", "out.png", "transparent", threads=1)
livematte.matte("in.mp4", "matte.mp4", threads=1)
import livematte.scoring
heavy = {name.split(".")[0] for name in sys.modules} & {"torch", "torchvision", "tensorflow", "jax"}
print(heavy, "livematte.lab" in sys.modules)
"""
    assert python(code, tmp_path) == "{'torch'} False"
    assert (tmp_path / "matte.mp4").exists()


@pytest.mark.parametrize("name", NEED_TORCH)
def test_without_torch_the_command_that_installs_it_is_named(tmp_path: Path, name: str) -> None:
    code = f"""
import sys
sys.modules["torch"] = None
import livematte
try:
    livematte.{name}
except livematte.MissingExtraError as error:
    print(error)
"""
    message = python(code, tmp_path)
    assert f"livematte.{name}" in message
    assert "pip install 'livematte[" in message


def test_a_fault_inside_the_lab_is_not_taken_for_a_missing_extra(tmp_path: Path) -> None:
    code = """
import sys
sys.modules["livematte.lab"] = None
import livematte
try:
    livematte.train
except livematte.MissingExtraError:
    print("hidden")
except ModuleNotFoundError as error:
    print(error.name)
"""
    assert python(code, tmp_path).startswith("livematte.lab")
