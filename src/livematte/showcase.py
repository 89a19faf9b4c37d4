"""The clip that comes with the package, put before the background that comes with it."""

from __future__ import annotations

from importlib.resources import as_file, files
from threading import Event

from livematte.media import AnyPath, Options
from livematte.pipeline import Progress, replace
from livematte.report import Report


def demo(
    target: AnyPath = "livematte-demo.mp4", *, progress: Progress | None = None, stop: Event | None = None
) -> Report:
    """Replace the background of the shipped clip and write the result to `target`, over an older one.

    progress, stop: as in `replace`. Raises OutputError where it cannot be written.
    """
    sample = files("livematte.sample")
    with as_file(sample / "clip.mp4") as clip, as_file(sample / "background.jpg") as background:
        return replace(
            clip, target, background, options=Options(overwrite=True), progress=progress, stop=stop
        )
