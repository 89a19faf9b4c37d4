"""A preview window: SDL shows the planes as they are."""

from __future__ import annotations

import ctypes
import warnings
from typing import Any, Self

import numpy as np

from livematte.errors import MissingExtraError, OutputError
from livematte.frame import Frame


class Window:
    """A window that shows frames; opened with the first one. To be used from the main thread alone.

    Raises MissingExtraError where the extra is not installed.
    """

    def __init__(self, title: str = "livematte") -> None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # it tells which SDL it found
                import sdl2
        except (ModuleNotFoundError, ImportError):
            raise MissingExtraError("a preview window", "camera") from None
        self._sdl: Any = sdl2
        self._title = title.encode()
        self._size: tuple[int, int] | None = None
        self.closed = False
        if sdl2.SDL_InitSubSystem(sdl2.SDL_INIT_VIDEO):
            raise OutputError(f"no preview window can be opened: {self._why()}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._close()
        self._sdl.SDL_QuitSubSystem(self._sdl.SDL_INIT_VIDEO)

    def show(self, frame: Frame) -> None:
        """Show a yuv420p frame."""
        if (frame.width, frame.height) != self._size:
            self._open(frame.width, frame.height)
        planes = [np.ascontiguousarray(plane) for plane in frame.planes()]
        given = []
        for plane in planes:
            given += [plane.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8)), plane.shape[1]]
        sdl = self._sdl
        sdl.SDL_UpdateYUVTexture(self._texture, None, *given)
        sdl.SDL_RenderClear(self._renderer)
        sdl.SDL_RenderCopy(self._renderer, self._texture, None, None)
        sdl.SDL_RenderPresent(self._renderer)

    def keys(self) -> str:
        """The characters typed into the window since the last call; sets `closed` when it is closed."""
        sdl, typed = self._sdl, []
        event = sdl.SDL_Event()
        while sdl.SDL_PollEvent(ctypes.byref(event)):
            if event.type == sdl.SDL_QUIT:
                self.closed = True
            elif event.type == sdl.SDL_KEYDOWN and 32 <= event.key.keysym.sym < 127:
                typed.append(chr(event.key.keysym.sym))
        return "".join(typed)

    def _open(self, width: int, height: int) -> None:
        self._close()
        sdl = self._sdl
        middle = sdl.SDL_WINDOWPOS_CENTERED
        flags = sdl.SDL_WINDOW_RESIZABLE | sdl.SDL_WINDOW_ALLOW_HIGHDPI
        self._window = sdl.SDL_CreateWindow(self._title, middle, middle, width, height, flags)
        self._renderer = self._window and sdl.SDL_CreateRenderer(self._window, -1, 0)
        if not self._renderer:
            raise OutputError(f"no preview window can be opened: {self._why()}")
        sdl.SDL_RenderSetLogicalSize(self._renderer, width, height)
        kind, streaming = sdl.SDL_PIXELFORMAT_IYUV, sdl.SDL_TEXTUREACCESS_STREAMING
        self._texture = sdl.SDL_CreateTexture(self._renderer, kind, streaming, width, height)
        self._size = width, height

    def _close(self) -> None:
        if self._size is not None:
            self._sdl.SDL_DestroyTexture(self._texture)
            self._sdl.SDL_DestroyRenderer(self._renderer)
            self._sdl.SDL_DestroyWindow(self._window)
            self._size = None

    def _why(self) -> str:
        return str(self._sdl.SDL_GetError().decode(errors="replace")) or "no display"
