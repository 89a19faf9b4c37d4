"""The virtual camera that call programs see: v4l2loopback, OBS or Unity Capture, through pyvirtualcam."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from livematte.errors import MissingExtraError, OutputError
from livematte.frame import Frame
from livematte.live.canvas import Canvas
from livematte.live.sinks import Outlet, Sink

VIRTUAL = "virtual"
"""The target that stands for a virtual camera."""


def virtual_camera(device: str | None = None) -> Outlet:
    """The outlet of a virtual camera; device: its name, any when left out. Raises MissingExtraError."""
    try:
        import pyvirtualcam
    except ModuleNotFoundError:
        raise MissingExtraError("a virtual camera", "camera") from None

    @contextlib.contextmanager
    def opened(canvas: Canvas, rate: float) -> Iterator[Sink]:
        width, height = canvas.size
        try:
            camera = pyvirtualcam.Camera(
                width, height, rate, fmt=pyvirtualcam.PixelFormat.I420, device=device
            )
        except RuntimeError as error:
            raise OutputError(f"no virtual camera can be used: {' '.join(str(error).split())}") from error
        with camera:
            yield _Camera(camera)

    return Outlet(VIRTUAL if device is None else f"{VIRTUAL}:{device}", opened, comes_back=False)


class _Camera:
    def __init__(self, camera: Any) -> None:
        self._camera = camera

    def write(self, frame: Frame) -> bool:
        try:
            self._camera.send(frame.image.to_ndarray())
        except RuntimeError as error:
            raise OutputError(f"the virtual camera is gone: {error}") from error
        return True
