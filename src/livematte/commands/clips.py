"""Commands for a clip or a photo."""

from __future__ import annotations

import sys
from json import dumps
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

import livematte
from livematte.commands.common import Network, Threads, bar, say
from livematte.commands.live import replace as run_live
from livematte.errors import OptionError
from livematte.threads import stop_on_interrupt

Source = Annotated[
    str,
    Parameter(
        help="A video or photo, an address, numbered pictures (in/%05d.png), or - for standard input.",
        allow_leading_hyphen=True,
    ),
]
Target = Annotated[
    str,
    Parameter(
        help="The result: mp4, mov, mkv, webm, … or numbered pictures (out/%05d.png) for a video, - for "
        "standard output; png, jpg or webp for a photo.",
        allow_leading_hyphen=True,
    ),
]
Settings = Annotated[livematte.Options | None, Parameter(name="*")]
Keep = Annotated[
    Literal["all", "largest", "middle"],
    Parameter(help="Whom to keep: all, the largest, or whoever is nearest to the middle."),
]


def demo(target: Path = Path("livematte-demo.mp4"), /) -> None:
    """Put the clip that comes with livematte before the background that comes with it.

    Parameters
    ----------
    target
        Where the result goes: mp4, mov or mkv.
    """
    with bar() as progress, stop_on_interrupt() as stop:
        report = livematte.demo(target, progress=progress, stop=stop)
    say(report)
    print(f"Open {target.resolve()}, then try a clip of yours: livematte replace IN.mp4 OUT.mp4")


def replace(
    source: Source,
    target: Target,
    /,
    *,
    background: str | None = None,
    look: str | None = None,
    style: Annotated[livematte.Style | None, Parameter(name="*")] = None,
    matte: str | None = None,
    options: Settings = None,
    live: Annotated[bool, Parameter(negative="")] = False,
    network: Network = "best",
    threads: Threads = None,
) -> None:
    """Put the people of a video or photo before another background; sound and times are kept.

    Ctrl-C ends a video with the frame at work and keeps it; a second one stops at once and keeps nothing.

    Parameters
    ----------
    background
        A photo, video or animated picture; a colour (CSS name or #rrggbb), green or gradient:COLOUR,COLOUR;
        the clip's own as blur, bokeh or pixelate (with a strength: blur:0.05), grey or own; or transparent.
        Left out: blur, or the look's.
    look
        A ready background and style: portrait, noir, spotlight, golden, midnight, studio or mosaic.
    matte
        Where the mask goes as a video of its own, beside the result.
    live
        The newest picture of a stream first, what is late dropped, the source and the target opened again
        when they go away; the background alone where anything fails. Keys as for `livematte camera`.
    """
    _refuse_terminal(target)
    if live:
        if matte is not None:
            raise OptionError("matte is not for live pictures; leave it out")
        run_live(source, target, background, look, style, options, network, threads)
        return
    with bar() as progress, stop_on_interrupt() as stop:
        report = livematte.replace(
            source,
            target,
            background,
            look=look,
            style=style,
            matte=matte,
            options=options,
            network=network,
            threads=threads,
            progress=progress,
            stop=stop,
        )
    say(report)


def matte(
    source: Source,
    target: Target,
    /,
    *,
    keep: Keep = "all",
    options: Settings = None,
    network: Network = "best",
    threads: Threads = None,
) -> None:
    """Write the mask itself, white where people are: grey video for a video, grey picture for a photo."""
    _refuse_terminal(target)
    style = livematte.Style(keep=keep)
    with bar() as progress, stop_on_interrupt() as stop:
        report = livematte.matte(
            source,
            target,
            style=style,
            options=options,
            network=network,
            threads=threads,
            progress=progress,
            stop=stop,
        )
    say(report)


def info(source: Source, /, *, json: Annotated[bool, Parameter(negative="")] = False) -> None:
    """Say what livematte understands of a file: times, orientation, colours, sound, and what is wrong.

    Parameters
    ----------
    json
        For machines: the fields of livematte.Info, times in seconds.
    """
    found = livematte.info(source)
    if json or not sys.stdout.isatty():
        print(dumps(found.as_dict(), ensure_ascii=False, indent=2) if json else found, flush=True)
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False)
    for name, value in found.rows():
        table.add_row(Text(name, "bold"), Text(value))
    Console().print(table)


def bench(
    source: Annotated[
        str | None, Parameter(help="A clip; left out, frames are made.", allow_leading_hyphen=True)
    ] = None,
    /,
    *,
    size: str | None = None,
    frames: int = 120,
    background: str = "blur",
    network: Network = "best",
    threads: Threads = None,
) -> None:
    """Measure what every stage costs on this machine; nothing is kept.

    Parameters
    ----------
    size
        Of the frames that are made: 1280x720 when left out.
    frames
        How many, at most.
    background
        As for `livematte replace`.
    """
    print(
        livematte.bench(
            source, size=size, frames=frames, background=background, network=network, threads=threads
        )
    )


def _refuse_terminal(target: str) -> None:
    if target == "-" and sys.stdout.isatty():
        raise OptionError("standard output is a terminal; send it to a file or another program")
