"""The process that works on one uploaded clip: `python -m livematte.web.worker` in the job's folder.

It reads one line of JSON, works, and writes lines of JSON: `{"done": 3, "total": 90}`, and in the end
`{"report": "…", "warnings": […]}` or `{"error": "…"}`. When its standard input ends, so does it: the server
is gone then.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import livematte
from livematte.errors import InputError, LivematteError, OptionError
from livematte.media import confine, read_photo
from livematte.web.limits import MEGA, Limits
from livematte.web.order import PHOTO, Order

CLIP = "clip"
"""The uploaded clip's name in the job's folder; the photo is called PHOTO."""

_PAUSE = 0.2  # seconds between two words of progress


def main() -> None:
    """Do what the line says."""
    given = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_server, daemon=True).start()
    limits = Limits(**given["limits"])
    confine()
    _bound_memory(int(limits.memory_megabytes * MEGA))
    try:
        tell = work(Order.of(given["order"]), limits, _told())
    except LivematteError as error:
        tell = {"error": str(error)}
    except (MemoryError, RuntimeError) as error:
        # a thread whose stack finds no room is a RuntimeError
        if isinstance(error, RuntimeError) and "new thread" not in str(error):
            raise
        tell = {"error": f"the clip takes more than {limits.memory_megabytes:g} MB to work on"}
    _tell(tell)


def work(order: Order, limits: Limits, progress: Callable[[int, int | None], None]) -> dict[str, Any]:
    """Change the clip in the current folder: the last line to tell. Raises LivematteError."""
    _check_clip(order, limits)
    report = livematte.replace(
        CLIP,
        f"result.{order.format}",
        _photo(limits) if order.background == PHOTO else order.background,
        look=order.look,
        style=order.style,
        options=order.options,
        progress=progress,
    )
    return {"report": str(report), "warnings": report.warnings}


def _bound_memory(most: int) -> None:
    """Have a clip made to fill the memory fail, and not the whole machine."""
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def _check_clip(order: Order, limits: Limits) -> None:
    info = livematte.info(CLIP)
    if info.video is None:
        raise InputError("the clip is a photo; a video is needed")
    if info.video.timing.duration > limits.clip_seconds:
        raise InputError(f"the clip plays for more than {limits.clip_seconds:g} seconds")
    size = info.video.stored[::-1] if info.video.orientation.swaps_sides else info.video.stored
    _check_size("the clip's picture", size, limits, InputError)
    _check_size("the result's picture", order.options.shown_size(*size), limits, OptionError)


def _photo(limits: Limits) -> Any:
    info = livematte.info(PHOTO)
    if info.photo is None:
        raise InputError("the background is not a photo")
    _check_size("the background", info.photo.shown, limits, InputError)
    return read_photo(PHOTO).planes()[0]


def _check_size(what: str, size: tuple[int, int], limits: Limits, error: type[LivematteError]) -> None:
    width, height = size
    if width * height > limits.megapixels * MEGA:
        raise error(f"{what} has {width}×{height} pixels; at most {limits.megapixels:g} million are allowed")


def _told() -> Callable[[int, int | None], None]:
    last = 0.0

    def progress(done: int, total: int | None) -> None:
        nonlocal last
        if time.monotonic() - last >= _PAUSE:
            last = time.monotonic()
            _tell({"done": done, "total": total})

    return progress


def _tell(what: dict[str, Any]) -> None:
    print(json.dumps(what), flush=True)


def _end_with_server() -> None:
    while os.read(0, 1):  # not sys.stdin, which Python could not close at its end meanwhile
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
