"""What several commands take and say."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, TextIO

from cyclopts import Parameter

from livematte.pipeline import Progress
from livematte.report import Report

if TYPE_CHECKING:
    from rich.console import Console

Network = Annotated[
    str,
    Parameter(
        help="The network that cuts out: best, fast, parts (for --hair), or the path of a LiteRT file."
    ),
]
Threads = Annotated[int | None, Parameter(help="For the network; half of the cores when left out.")]


def tables_to(stream: TextIO) -> Console:
    """Where tables are printed: as wide as the terminal; a file or a pipe has room for every name in full."""
    from rich.console import Console

    return Console(file=stream, width=None if stream.isatty() else 10_000, highlight=False)


@contextmanager
def bar() -> Iterator[Progress | None]:
    """A progress bar with frames per second and time left on a terminal; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich import progress as rich
    from rich.console import Console

    columns = (
        rich.BarColumn(),
        rich.MofNCompleteColumn(),
        rich.TextColumn("{task.fields[rate]:.3g} a second,"),
        rich.TimeRemainingColumn(),
        rich.TextColumn("left"),
    )
    with rich.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None, rate=0.0)

        def show(done: int, total: int | None) -> None:
            bar.update(task, completed=done, total=total, rate=bar.tasks[0].speed or 0.0)

        yield show


def say(report: Report) -> None:
    """Print what a run did; a run stopped on request ends with exit code 130."""
    for warning in report.warnings:
        print(f"livematte: warning: {warning}", file=sys.stderr)
    # standard output may be the video itself
    print(report, file=sys.stderr if report.target == "-" else sys.stdout)
    if report.stopped:
        sys.exit(130)
