"""The command for many clips."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

import livematte
from livematte.commands.clips import Settings
from livematte.commands.common import Network, bar, tables_to
from livematte.jobs import BatchReport
from livematte.threads import stop_on_interrupt


def batch(
    inputs: Annotated[
        list[str],
        Parameter(
            help="Files, folders, patterns ('clips/**/*.mp4'), lists (.txt: one path or address a line) or "
            "addresses in a store (s3://bucket/clips).",
            negative="",
        ),
    ],
    /,
    *,
    out: str,
    background: str | None = None,
    look: str | None = None,
    style: Annotated[livematte.Style | None, Parameter(name="*")] = None,
    options: Settings = None,
    network: Network = "best",
    suffix: str | None = None,
    workers: int | None = None,
    ray: str | None = None,
    split: float = 120,
    retries: int = 3,
    manifest: Path | None = None,
) -> None:
    """Put the people of many videos and photos before another background; run again to go on.

    A clip that fails stops no other. Exit code: 0 all went well, 1 some failed or are left, 2 nothing begun.

    Parameters
    ----------
    out
        The folder of results, or an address in a store; it takes over the tree that the inputs are in.
    background
        As for `livematte replace`.
    look
        As for `livematte replace`.
    suffix
        Of every video's result, as .webm; the input's own where it can be written, else .mp4, when left out.
    workers
        How many clips at once; as many as there are cores when left out.
    ray
        The address of a Ray cluster that does the work: auto, or ray://HOST:10001.
    split
        Videos at least twice as long are done in parts of about so many seconds, cut at changes of scene;
        0: never.
    retries
        How often what can pass (a store that times out, a worker that was killed) is tried again.
    manifest
        The file that remembers what is done; livematte-batch.jsonl in the folder of results when left out.
    """
    with _interruptible(), bar() as progress, stop_on_interrupt() as stop:
        report = livematte.batch(
            inputs,
            out,
            background,
            look=look,
            style=style,
            options=options,
            network=network,
            suffix=suffix,
            workers=workers,
            ray=ray,
            split=split or None,
            retries=retries,
            manifest=manifest,
            progress=progress,
            stop=stop,
        )
    _say(report)
    if stop.is_set():
        sys.exit(130)
    sys.exit(0 if report.whole else 1)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Say how to go on where a second Ctrl-C or SIGTERM leaves no time for a table."""
    try:
        yield
    except KeyboardInterrupt:
        print("livematte: stopped; the same command goes on", file=sys.stderr)
        sys.exit(130)


def _say(report: BatchReport) -> None:
    from rich.table import Column, Table
    from rich.text import Text

    if report.failures:
        source = Column("failed", overflow="fold")
        failed = Table(source, "tries", "why", box=None, pad_edge=False)
        for failure in report.failures:
            failed.add_row(Text(failure.source), str(failure.attempts), Text(failure.error))
        tables_to(sys.stderr).print(failed)
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, value in report.rows():
        table.add_row(Text(name, "bold"), Text(value))
    tables_to(sys.stdout).print(table)
    if report.stopped:
        print(f"livematte: {report.stopped}; the same command goes on", file=sys.stderr)
