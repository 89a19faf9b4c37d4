"""livematte cuts people out of video, live.

import livematte

report = livematte.replace("in.mp4", "out.mp4", background="beach.jpg")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from livematte.annotate.agreement import Agreement, annotation_agreement, annotation_consensus
    from livematte.annotate.collect import collect_annotation
    from livematte.annotate.pack import pack_annotation
    from livematte.annotate.unsure import Unsure, next_to_annotate
    from livematte.benchmark import Bench, bench
    from livematte.dataset.check import Checked, Fault, check_data
    from livematte.dataset.show import show_data
    from livematte.dataset.stats import Stats, data_stats
    from livematte.dataset.transfer import Imported, export_data, import_data
    from livematte.errors import InputError, LivematteError, MissingExtraError, OptionError, OutputError
    from livematte.frame import Frame, Matte, Orientation
    from livematte.jobs import BatchReport, batch
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
    from livematte.web import Limits, serve

__version__ = "0.1.0"

# imported on first use: `import livematte` itself stays quick
_HOMES = {
    "Agreement": "annotate.agreement",
    "Backdrop": "scene",
    "BatchReport": "jobs",
    "Bench": "benchmark",
    "Checked": "dataset.check",
    "Effect": "scene",
    "Evaluation": "scoring",
    "Fault": "dataset.check",
    "Frame": "frame",
    "Imported": "dataset.transfer",
    "Info": "media",
    "InputError": "errors",
    "LivematteError": "errors",
    "Limits": "web",
    "Matte": "frame",
    "MissingExtraError": "errors",
    "Mix": "lab.previous_mask",
    "OptionError": "errors",
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
    "Stats": "dataset.stats",
    "Style": "scene",
    "Unsure": "annotate.unsure",
    "ablate": "lab.ablate",
    "annotation_agreement": "annotate.agreement",
    "annotation_consensus": "annotate.agreement",
    "batch": "jobs",
    "bench": "benchmark",
    "camera": "live",
    "devices": "live",
    "check_data": "dataset.check",
    "collect_annotation": "annotate.collect",
    "data_stats": "dataset.stats",
    "demo": "showcase",
    "evaluate": "scoring",
    "export": "lab.export",
    "export_data": "dataset.transfer",
    "import_data": "dataset.transfer",
    "info": "media",
    "matte": "pipeline",
    "next_to_annotate": "annotate.unsure",
    "pack_annotation": "annotate.pack",
    "read": "media",
    "replace": "pipeline",
    "replace_live": "live",
    "serve": "web",
    "show_data": "dataset.show",
    "train": "lab.train",
}

__all__ = [
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
