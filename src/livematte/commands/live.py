"""Commands for what happens now: cameras and streams."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

import livematte
from livematte.commands.common import Network, Threads, say
from livematte.threads import stop_on_interrupt

Target = Annotated[
    str,
    Parameter(
        help="Where the result goes: virtual (a camera for call programs; virtual:NAME), a file, rtmp://…, "
        "srt://…, rtsp://…, or a folder or .m3u8 for HLS. Left out: a preview window alone."
    ),
]


def camera(
    *targets: Target,
    device: str | None = None,
    background: str | None = None,
    look: str | None = None,
    style: Annotated[livematte.Style | None, Parameter(name="*")] = None,
    size: str | None = None,
    rate: float | None = None,
    codec: str | None = None,
    quality: int | None = None,
    overwrite: Annotated[bool, Parameter(negative="")] = False,
    preview: bool | None = None,
    network: Network = "best",
    threads: Threads = None,
) -> None:
    """Put whoever is before the camera before another background, live; the room is never shown.

    Keys, in the terminal or the preview: b background, l look, k whom to keep, space hide, q quit. Where
    anything fails, the background alone is shown until it works again. Ctrl-C ends it; a file is kept.

    Parameters
    ----------
    device
        A number or name as `livematte devices` lists them; the first camera when left out.
    background
        As for `livematte replace`, but not transparent.
    look
        As for `livematte replace`.
    size
        What the camera is asked for, and what is sent: 1280x720 when left out.
    rate
        Pictures a second that the camera is asked for: 30 when left out.
    codec, quality
        Of a file or stream, as for `livematte replace`.
    overwrite
        Replace a file that is there already.
    preview
        Show a window; on when no target is given.
    """
    options = livematte.Options(size=size, rate=rate, codec=codec, quality=quality, overwrite=overwrite)
    shown = not targets if preview is None else preview
    from livematte.live.desk import desk

    with stop_on_interrupt() as stop, desk(background, look, shown) as watch:
        report = livematte.camera(
            targets,
            background,
            device=device,
            look=look,
            style=style,
            options=options,
            network=network,
            threads=threads,
            watch=watch,
            stop=stop,
        )
    say(report)


def replace(
    source: str,
    target: str,
    background: str | None,
    look: str | None,
    style: livematte.Style | None,
    options: livematte.Options | None,
    network: str,
    threads: int | None,
) -> None:
    """`livematte replace --live`."""
    from livematte.live.desk import desk

    with stop_on_interrupt() as stop, desk(background, look, preview=False) as watch:
        report = livematte.replace_live(
            source,
            target,
            background,
            look=look,
            style=style,
            options=options,
            network=network,
            threads=threads,
            watch=watch,
            stop=stop,
        )
    say(report)


def devices() -> None:
    """List the cameras of this machine: what to give to `livematte camera --device`, and their own names."""
    found = livematte.devices()
    for number, device in enumerate(found):
        print(f"{number}  {device}")
    if not found:
        print("no camera was found")
