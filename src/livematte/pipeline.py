"""Reader, segmenter, compositor and writer, working side by side."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from importlib.metadata import version
from os import PathLike, fspath
from pathlib import Path
from typing import TypeAlias

import av
import numpy as np
from av.packet import Packet
from av.stream import Stream

from livematte.errors import OptionError, OutputError
from livematte.frame import Frame, Matte, Picture, Plane
from livematte.media import Reader, Writer, check_input, check_photo_target, is_photo, read_photo, write_photo
from livematte.media.reader import Item
from livematte.report import Report, Stopwatch
from livematte.scene import Backdrop, Effect, Scene, Selection, Style, cut_out
from livematte.segment import Segmenter
from livematte.threads import Behind, ahead

AnyPath: TypeAlias = str | PathLike[str]
Progress: TypeAlias = Callable[[int, int | None], None]
"""Called with the frames done and their number in all, or None where it is not known."""

DEPTH = 4
"""Frames that wait between two stages at the most."""


def replace(
    source: AnyPath,
    target: AnyPath,
    background: AnyPath | Picture | Backdrop | None = None,
    *,
    look: str | None = None,
    style: Style | None = None,
    effects: Sequence[Effect] = (),
    network: AnyPath = "best",
    threads: int | None = None,
    progress: Progress | None = None,
) -> Report:
    """Put the people of a video or a photo before another background.

    source, target: both videos (mp4, mov, mkv) or both photos. Times, sound and orientation are kept.
    background: `blur`, `bokeh` or `pixelate`, each with a strength as in `blur:0.05`; `grey` or `own`;
    `gradient:COLOUR,COLOUR`; `green`; a CSS colour name or `#rrggbb`; the path of a photo, video or animated
    picture; `transparent` (photos); an uint8 RGB H×W×3 picture; or a Backdrop. Left out: the look's, or blur.
    look: the name of a ready background and style; style: all else about the picture, before the look's;
    effects: run in order on every composed frame.
    network: `best`, or the path of a LiteRT file. threads: for the network.
    Raises InputError, OutputError or OptionError; the target then is as it was before.
    """
    check_input(Path(source))
    _refuse_overwriting(target, background)
    if isinstance(background, str) and background.lower() == "transparent":
        if not is_photo(source):
            raise OptionError(
                "background 'transparent' needs a photo; for a video, `livematte matte` writes the mask"
            )
        check_photo_target(target, source=source, transparent=True)
        select = Selection(style or Style())
        return _photo(
            source, target, network, threads, lambda frame, matte: cut_out(frame, select(matte).levels)
        )
    with ExitStack() as stack:
        scene = Scene(background, style, look=look, effects=effects)
        stack.callback(scene.close)
        if is_photo(source):
            report = _photo(source, target, network, threads, lambda *given: scene(*given).planes()[0])
        else:
            reader = stack.enter_context(Reader(source))
            report = _video(reader, Writer(target, reader), network, threads, scene, progress)
    return dataclasses.replace(report, warnings=(*report.warnings, *scene.warnings))


def matte(
    source: AnyPath,
    target: AnyPath,
    *,
    style: Style | None = None,
    network: AnyPath = "best",
    threads: int | None = None,
    progress: Progress | None = None,
) -> Report:
    """Write the people's mask of a video as grey video, of a photo as a grey picture: white where they are.

    Arguments and errors are those of `replace`; of the style keep, threshold, shrink and feather count.
    """
    select = Selection(style or Style())
    if is_photo(source):
        return _photo(source, target, network, threads, lambda _, matte: select(matte).levels)
    with Reader(source) as reader:
        return _video(
            reader,
            Writer(target, reader, grey=True),
            network,
            threads,
            lambda frame, matte: _grey(frame, select(matte)),
            progress,
        )


def _video(
    reader: Reader,
    writer: Writer,
    network: AnyPath,
    threads: int | None,
    compose: Callable[[Frame, Matte], Frame],
    progress: Progress | None,
) -> Report:
    begin = time.perf_counter()
    segmenter = Segmenter(network, threads=threads)
    watch = segmenter.watch
    frames_in, frames_out, anybody = 0, 0, False

    def write(item: Item) -> None:
        nonlocal frames_out
        if isinstance(item, Frame):
            with watch("encode"):
                writer.write(item)
            frames_out += 1
        else:
            writer.copy(item)

    decoded = ahead(_timed(reader.items(), watch), DEPTH)
    matted = closing(ahead(_matted(decoded, segmenter), DEPTH))
    with writer, Behind(write, DEPTH) as behind, matted as items:
        for item in items:
            if not isinstance(item, tuple):
                behind.put(item)
                continue
            frame, matte = item
            frames_in += 1
            anybody = anybody or bool(matte.mask.max() > 0.5)
            with watch("composite"):
                result = compose(frame, matte)
            behind.put(result)
            if progress:
                progress(frames_in, reader.frame_count)
    warnings = [*reader.warnings, *writer.warnings]
    if not anybody:
        warnings.append(f"{reader.path.name}: no person was found in any frame")
    return Report(
        reader.path,
        writer.path,
        frames_in,
        frames_out,
        time.perf_counter() - begin,
        _runtime(),
        segmenter.network,
        segmenter.threads,
        writer.sound_tracks,
        watch.per_frame(frames_in),
        tuple(warnings),
    )


def _photo(
    source: AnyPath,
    target: AnyPath,
    network: AnyPath,
    threads: int | None,
    compose: Callable[[Frame, Matte], Plane],
) -> Report:
    begin = time.perf_counter()
    check_photo_target(target, source=source)
    segmenter = Segmenter(network, threads=threads)
    watch = segmenter.watch
    with watch("decode"):
        frame = read_photo(source)
    matte = segmenter(frame)
    with watch("composite"):
        picture = compose(frame, matte)
    with watch("encode"):
        write_photo(target, picture)
    found = bool(matte.mask.max() > 0.5)
    return Report(
        Path(source),
        Path(target),
        1,
        1,
        time.perf_counter() - begin,
        _runtime(),
        segmenter.network,
        segmenter.threads,
        stages=watch.per_frame(1),
        warnings=() if found else (f"{Path(source).name}: no person was found",),
    )


def _timed(items: Iterator[Item], watch: Stopwatch) -> Iterator[Item]:
    while True:
        with watch("decode"):
            item = next(items, None)
        if item is None:
            return
        yield item


def _matted(
    items: Generator[Item, None, None], segmenter: Segmenter
) -> Generator[Packet[Stream] | tuple[Frame, Matte], None, None]:
    with closing(items):
        for item in items:
            yield (item, segmenter(item)) if isinstance(item, Frame) else item


def _grey(frame: Frame, matte: Matte) -> Frame:
    image = av.VideoFrame.from_ndarray(np.ascontiguousarray(matte.levels), format="gray")
    return Frame(image, frame.time, frame.orientation)


def _refuse_overwriting(target: AnyPath, background: AnyPath | Picture | Backdrop | None) -> None:
    if isinstance(background, str | PathLike):
        path, behind = Path(target), Path(fspath(background))
        if path.exists() and behind.exists() and path.samefile(behind):
            raise OutputError(f"{path} is the background itself; give the result another name")


def _runtime() -> str:
    return f"LiteRT {version('ai-edge-litert')}"
