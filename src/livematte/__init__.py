"""livematte cuts people out of video, live.

import livematte

report = livematte.replace("in.mp4", "out.mp4", background="beach.jpg")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from livematte.benchmark import Bench, bench
    from livematte.errors import InputError, LivematteError, MissingExtraError, OptionError, OutputError
    from livematte.frame import Frame, Matte, Orientation
    from livematte.lab.ablate import ablate
    from livematte.lab.export import export
    from livematte.lab.network import Sizes
    from livematte.lab.previous_mask import Mix
    from livematte.lab.train import Recipe, train
    from livematte.live import camera, devices, replace_live
    from livematte.media import Info, Options, info, read
    from livematte.pipeline import matte, replace
    from livematte.report import Report
    from livematte.scene import Backdrop, Effect, Scene, Style
    from livematte.scoring import Evaluation, Peer, Score, evaluate
    from livematte.segment import Segmenter
    from livematte.showcase import demo

__version__ = "0.1.0"

# imported on first use: `import livematte` itself stays quick
_HOMES = {
    "Backdrop": "scene",
    "Bench": "benchmark",
    "Effect": "scene",
    "Evaluation": "scoring",
    "Frame": "frame",
    "Info": "media",
    "InputError": "errors",
    "LivematteError": "errors",
    "Matte": "frame",
    "MissingExtraError": "errors",
    "OptionError": "errors",
    "Mix": "lab.previous_mask",
    "Options": "media",
    "Orientation": "frame",
    "OutputError": "errors",
    "Peer": "scoring",
    "Recipe": "lab.train",
    "Report": "report",
    "Scene": "scene",
    "Score": "scoring",
    "Segmenter": "segment",
    "Sizes": "lab.network",
    "Style": "scene",
    "ablate": "lab.ablate",
    "bench": "benchmark",
    "camera": "live",
    "devices": "live",
    "demo": "showcase",
    "evaluate": "scoring",
    "export": "lab.export",
    "info": "media",
    "matte": "pipeline",
    "read": "media",
    "replace": "pipeline",
    "replace_live": "live",
    "train": "lab.train",
}

__all__ = [
    "Backdrop",
    "Bench",
    "Effect",
    "Evaluation",
    "Frame",
    "Info",
    "InputError",
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
    "Style",
    "__version__",
    "ablate",
    "bench",
    "camera",
    "demo",
    "devices",
    "evaluate",
    "export",
    "info",
    "matte",
    "read",
    "replace",
    "replace_live",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'livematte' has no attribute {name!r}")
    home = _HOMES[name]
    try:
        return getattr(import_module(f"livematte.{home}"), name)
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        from livematte.errors import MissingExtraError

        raise MissingExtraError(f"livematte.{name}", "export" if name == "export" else "lab") from None


def __dir__() -> list[str]:
    return __all__
