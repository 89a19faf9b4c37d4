"""The commands: each is a typed function, its docstring the help, and one public function behind it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from json import dumps
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, CycloptsError, Parameter

import livematte
from livematte.errors import LivematteError, OptionError
from livematte.pipeline import Progress
from livematte.report import Report
from livematte.threads import stop_on_interrupt

app = App(
    name="livematte",
    help="Cut people out of video, live.",
    version=livematte.__version__,
    suppress_keyboard_interrupt=False,
)

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
Network = Annotated[str, Parameter(help="The network that cuts out: best, or the path of a LiteRT file.")]
Threads = Annotated[int | None, Parameter(help="For the network; half of the cores when left out.")]
Keep = Annotated[
    Literal["all", "largest", "middle"],
    Parameter(help="Whom to keep: all, the largest, or whoever is nearest to the middle."),
]
Data = Annotated[Path, Parameter(help="A folder with index.jsonl and the pictures that it names.")]
Sets = Annotated[list[str] | None, Parameter(name="--set", negative="")]
Peers = Annotated[list[str] | None, Parameter(name="--peer", negative="")]

WIDE = 160
"""Columns of a table that goes to a file or a pipe."""


@app.command
def demo(target: Path = Path("livematte-demo.mp4"), /) -> None:
    """Put the clip that comes with livematte before the background that comes with it.

    Parameters
    ----------
    target
        Where the result goes: mp4, mov or mkv.
    """
    with _bar() as progress, stop_on_interrupt() as stop:
        report = livematte.demo(target, progress=progress, stop=stop)
    _say(report)
    print(f"Open {target.resolve()}, then try a clip of yours: livematte replace IN.mp4 OUT.mp4")


@app.command
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
    """
    _refuse_terminal(target)
    with _bar() as progress, stop_on_interrupt() as stop:
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
    _say(report)


@app.command
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
    with _bar() as progress, stop_on_interrupt() as stop:
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
    _say(report)


@app.command
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


@app.command
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


@app.command
def evaluate(
    data: Data,
    /,
    *,
    split: str = "val",
    sets: Sets = None,
    network: Network = "best",
    peers: Peers = None,
    seed: int = 1,
    json: Path | None = None,
    html: Path | None = None,
    threads: Threads = None,
) -> None:
    """Measure masks on annotated pictures: area, outline, alpha, and clips from frame to frame.

    Parameters
    ----------
    split
        The split of the index to measure on.
    sets
        Only this set of the index; may be given several times. stand-in: clips of bodies in action, made
        from the split's own pictures.
    peers
        module:function, which returns something to measure beside the network: it is called on uint8 RGB
        pictures and returns alpha; may be given several times.
    seed
        Which clips are made for the stand-in.
    json
        A file for all the figures, picture by picture.
    html
        A file for one page with tables, plots and the worst pictures, which needs nothing else.
    """
    from rich.console import Console

    from livematte.scoring.table import tables

    with _bar() as progress:
        evaluation = livematte.evaluate(
            data,
            split=split,
            sets=sets or (),
            network=network,
            peers=peers or (),
            seed=seed,
            json=json,
            html=html,
            threads=threads,
            progress=progress,
        )
    # a file or a pipe has no width, and a table cut off at 80 columns would lose figures
    console = Console(width=None if sys.stdout.isatty() else WIDE)
    for table in tables(evaluation):
        console.print(table)


@app.command
def train(
    data: Data,
    out: Path,
    /,
    *,
    network: str = "best",
    phases: str = "128:11500,192:3000,256:3600",
    batch: int = 16,
    rate: float = 2e-3,
    seed: int = 1,
    start: Path | None = None,
    device: str = "cpu",
    threads: int = 1,
    bfloat16: bool = False,
) -> None:
    """Train a network on annotated pictures; run again with the same folder to go on after a stop.

    Parameters
    ----------
    out
        A folder for last.pt (to go on from) and best.pt (weights).
    network
        Which network: best or fast.
    phases
        side:steps, in order, separated by commas; going up in size learns most per hour.
    batch
        Pictures in one step.
    rate
        The highest learning rate.
    seed
        The same seed gives the same result on the same machine.
    start
        Weights to begin with, a best.pt; random ones when left out.
    device
        cpu, cuda or mps.
    threads
        On the CPU.
    bfloat16
        Compute in bfloat16: faster where the processor or GPU knows it.
    """
    recipe = livematte.Recipe(
        data=data,
        out=out,
        network=network,
        phases=_phases(phases),
        batch=batch,
        rate=rate,
        seed=seed,
        start=start,
        device=device,
        threads=threads,
        bfloat16=bfloat16,
    )
    try:
        livematte.train(recipe)
    except KeyboardInterrupt:
        print(f"livematte: stopped; the same command goes on from {out / 'last.pt'}", file=sys.stderr)
        sys.exit(130)
    print(f"weights: {out / 'best.pt'}; livematte export {out / 'best.pt'} FOLDER makes LiteRT files of them")


@app.command
def ablate(
    data: Data,
    out: Path,
    /,
    *,
    network: str = "best",
    only: Annotated[list[str] | None, Parameter(negative="")] = None,
    steps: int = 4000,
    side: int = 128,
    seeds: int = 3,
    batch: int = 16,
    device: str = "cpu",
    threads: int = 1,
) -> None:
    """Train variants of a network on equal terms, to see what each idea is worth; resumes after a stop.

    Parameters
    ----------
    out
        A folder for the trainings, and for table.md and table.json, which grow with each.
    network
        The network that the variants differ from: best or fast.
    only
        Only this variant; may be given several times.
    steps
        Of each training.
    side
        Of the pictures in training and measuring, a multiple of 32.
    seeds
        How often each variant is trained: the spread between seeds is what chance does.
    batch
        Pictures in one step.
    device
        cpu, cuda or mps.
    threads
        On the CPU.
    """
    try:
        table = livematte.ablate(
            data,
            out,
            network=network,
            only=only or (),
            steps=steps,
            side=side,
            seeds=seeds,
            batch=batch,
            device=device,
            threads=threads,
        )
    except KeyboardInterrupt:
        print(f"livematte: stopped; the same command goes on in {out}", file=sys.stderr)
        sys.exit(130)
    print(table.read_text(encoding="utf-8"), end="")


@app.command
def export(
    checkpoint: Path,
    folder: Path,
    /,
    *,
    name: str = "best",
    precision: Literal["float32", "float16"] = "float32",
) -> None:
    """Make the LiteRT files of a checkpoint: one each for square, landscape and portrait pictures.

    Parameters
    ----------
    checkpoint
        A best.pt of `livematte train`.
    folder
        Where the files go.
    name
        What the files' names begin with.
    precision
        Of the weights in the files; float16 halves them and changes no mask that an eye could tell.
    """
    for file in livematte.export(checkpoint, folder, name=name, precision=precision):
        print(f"{file}  {file.stat().st_size / 1e6:.1f} MB")


def main() -> None:
    """Run a command; a user's mistake ends with one line and exit code 2."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a polite kill cleans up as Ctrl-C does
    try:
        app(exit_on_error=False, print_error=False)
    except (CycloptsError, LivematteError) as error:
        print(f"livematte: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # impatience changes nothing any more
        print("livematte: stopped; no output was written", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:  # what read the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains at its end
        sys.exit(141)


def _phases(text: str) -> tuple[tuple[int, int], ...]:
    try:
        phases = tuple(
            (int(side), int(steps)) for side, steps in (part.split(":") for part in text.split(","))
        )
    except ValueError:
        raise OptionError(f"--phases is side:steps,side:steps,…, not {text!r}") from None
    if any(side < 32 or side % 64 or steps < 1 for side, steps in phases):
        raise OptionError(f"--phases: each side is a multiple of 64 and each count at least 1, not {text!r}")
    return phases


@contextmanager
def _bar() -> Iterator[Progress | None]:
    """A progress bar with frames per second and time left on a terminal; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich import progress as rich
    from rich.console import Console

    columns = (
        rich.BarColumn(),
        rich.MofNCompleteColumn(),
        rich.TextColumn("{task.fields[rate]:.0f} a second,"),
        rich.TimeRemainingColumn(),
        rich.TextColumn("left"),
    )
    with rich.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None, rate=0.0)

        def show(done: int, total: int | None) -> None:
            bar.update(task, completed=done, total=total, rate=bar.tasks[0].speed or 0.0)

        yield show


def _refuse_terminal(target: str) -> None:
    if target == "-" and sys.stdout.isatty():
        raise OptionError("standard output is a terminal; send it to a file or another program")


def _say(report: Report) -> None:
    for warning in report.warnings:
        print(f"livematte: warning: {warning}", file=sys.stderr)
    # standard output may be the video itself
    print(report, file=sys.stderr if report.target == "-" else sys.stdout)
    if report.stopped:
        sys.exit(130)
