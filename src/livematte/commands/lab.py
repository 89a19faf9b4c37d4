"""Commands that measure, train and export the network."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

import livematte
from livematte.commands.common import Network, Threads, bar, tables_to
from livematte.errors import OptionError

Data = Annotated[Path, Parameter(help="A folder with index.jsonl and the pictures that it names.")]
Sets = Annotated[list[str] | None, Parameter(name="--set", negative="")]
Peers = Annotated[list[str] | None, Parameter(name="--peer", negative="")]


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
    from livematte.scoring.table import tables

    with bar() as progress:
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
    console = tables_to(sys.stdout)
    for table in tables(evaluation):
        console.print(table)


def train(
    data: Data,
    out: Path,
    /,
    *,
    network: str = "best",
    phases: str = "128:11500,192:3000,256:3600",
    batch: int = 16,
    rate: float = 2e-2,
    seed: int = 1,
    start: Path | None = None,
    teacher: Path | None = None,
    device: str = "cpu",
    threads: int = 1,
    bfloat16: bool = False,
    any_licence: Annotated[bool, Parameter(negative="")] = False,
    keep_person: Annotated[bool, Parameter(negative="")] = False,
    gentle: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Train a network on annotated pictures; run again with the same folder to go on after a stop.

    Parameters
    ----------
    out
        A folder for last.pt (to go on from) and best.pt (weights).
    network
        Which network: best, fast, parts, which tells the classes of a person apart, or for --teacher a wide
        one that begins with what ImageNet taught: teacher, or parts-teacher.
    phases
        side:steps, in order, separated by commas; going up in size learns most per hour.
    batch
        Pictures in one step.
    rate
        The highest learning rate.
    seed
        The same seed gives the same result on the same machine.
    start
        Weights to begin with, a best.pt, whose activation then stays; random ones when left out.
    teacher
        A wider network's best.pt, whose masks, classes and features are a second target.
    device
        cpu, cuda or mps.
    threads
        On the CPU.
    bfloat16
        Compute in bfloat16: faster where the processor or GPU knows it.
    any_licence
        Use data that forbids commercial use, too; its licence then binds the weights.
    keep_person
        With --network parts: leave the layers of the person as --start has them, so that masks stay the same.
    gentle
        Change the pictures far less: for the last phase of a training, at a low rate.
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
        teacher=teacher,
        device=device,
        threads=threads,
        bfloat16=bfloat16,
        any_licence=any_licence,
        keep_person=keep_person,
        gentle=gentle,
    )
    try:
        livematte.train(recipe)
    except KeyboardInterrupt:
        print(f"livematte: stopped; the same command goes on from {out / 'last.pt'}", file=sys.stderr)
        sys.exit(130)
    print(f"weights: {out / 'best.pt'}; livematte export {out / 'best.pt'} FOLDER makes LiteRT files of them")


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


def export(
    checkpoint: Path,
    folder: Path,
    /,
    *,
    name: str | None = None,
    format: Literal["litert", "onnx", "coreml", "web"] = "litert",
    precision: Literal["float32", "float16", "int8"] | None = None,
) -> None:
    """Make the files of a checkpoint that apps and browsers load, each with a JSON that says how to feed it.

    There is one each for square, landscape and portrait pictures.

    Parameters
    ----------
    checkpoint
        A best.pt of `livematte train`.
    folder
        Where the files go.
    name
        What the files' names begin with; the preset that has the checkpoint's sizes when left out.
    format
        litert: Android, browsers and livematte itself; onnx: ONNX Runtime; coreml: iPhones and Macs; web: a
        folder that any web server can serve.
    precision
        Of the weights. float16 halves the files and changes no mask that an eye could tell: coreml has it
        unless asked otherwise, web never, where it is slow. int8, for litert alone, makes them a third.
    """
    from livematte.lab.export.contract import size_of

    for file in livematte.export(checkpoint, folder, name=name, format=format, precision=precision):
        print(f"{file}  {size_of(file) / 1e3:.0f} kB")


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
