"""Reader, segmenter, compositor and writer, working side by side."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, closing
from fractions import Fraction
from functools import partial
from os import PathLike, fspath
from pathlib import Path
from threading import Event
from typing import TypeAlias

import av
import numpy as np
from av.packet import Packet
from av.stream import Stream

from livematte.errors import OptionError, OutputError
from livematte.frame import Frame, Matte, Picture, Plane
from livematte.media import (
    AnyPath,
    BackdropSound,
    Options,
    Reader,
    SoundFile,
    Writer,
    check_input,
    check_photo_target,
    is_file,
    is_photo,
    read_photo,
    read_profile,
    write_photo,
)
from livematte.media.codecs import Kind
from livematte.media.reader import Item
from livematte.report import Report, runtime, timed
from livematte.scene import Backdrop, Effect, People, Scene, Selection, Style, cut_out, with_alpha
from livematte.scene.dye import check_parts
from livematte.segment import Segmenter
from livematte.threads import Behind, ahead, filter_threads

Progress: TypeAlias = Callable[[int, int | None], None]
"""Called with the frames done and their number in all, or None where it is not known."""

Compose: TypeAlias = Callable[[Frame, Matte], Frame]

DEPTH, PIXELS = 4, 1920 * 1080 * 4
"""Frames, and pixels of frames, that wait between two stages at the most (but never less than one frame)."""


def replace(
    source: AnyPath,
    target: AnyPath,
    background: AnyPath | Picture | Backdrop | None = None,
    *,
    look: str | None = None,
    style: Style | None = None,
    effects: Sequence[Effect] = (),
    matte: AnyPath | None = None,
    options: Options | None = None,
    network: AnyPath = "best",
    threads: int | None = None,
    codec_threads: int = 0,
    progress: Progress | None = None,
    stop: Event | None = None,
) -> Report:
    """Put the people of a video or a photo before another background.

    source, target: both photos, or both videos: a file, numbered pictures (`frames/%05d.png`), or `-` for
    standard input and output; the source may be an address, too. Times, sound and orientation are kept.
    background: `blur`, `bokeh` or `pixelate`, each with a strength as in `blur:0.05`; `grey` or `own`;
    `gradient:COLOUR,COLOUR`; `green`; a CSS colour name or `#rrggbb`; the path of a photo, video or animated
    picture; `transparent`; a uint8 RGB H×W×3 picture; or a Backdrop. Left out: the look's, or blur.
    Transparent video goes into .mov, .webm, .mkv, .apng, .webp or numbered pictures.
    look: the name of a ready background and style; style: all else about the picture, before the look's;
    effects: run in order on every composed frame.
    matte: where the mask goes as a video of its own, if anywhere. options: what to read and how to write it.
    network: `best`, `fast`, `parts`, or the path of a LiteRT file. threads: for the network.
    codec_threads: for decoding and for encoding each; 0 lets FFmpeg choose.
    stop: once it is set, the video ends with the frame at work, and what is written so far is kept.
    Raises InputError, OutputError or OptionError; the target then is as it was before.
    """
    options = options or Options()
    if is_file(source):
        check_input(Path(source))
    _refuse_overwriting(target, background)
    transparent = isinstance(background, str) and background.lower() == "transparent"
    photo = _is_photo(source, options)
    if photo and matte is not None:
        raise OptionError("matte beside the result is for video; `livematte matte` writes that of a photo")
    if matte is not None and Path(matte).absolute() == Path(target).absolute():
        raise OutputError(f"{fspath(matte)} is the result itself; give the matte another name")
    style = style or Style()
    people = People(style)

    def segmenter() -> Segmenter:
        segmenter = Segmenter(network, threads=threads)
        check_parts(style.dyes, network, segmenter.tells_parts)
        return segmenter

    if photo and transparent:

        def cut(frame: Frame, matte: Matte) -> Plane:
            frame, matte = people(frame, matte)
            return np.dstack(cut_out(frame, matte.levels))

        return _photo(source, target, options, segmenter, cut, transparent=True)
    with ExitStack() as stack:
        scene = None if transparent else Scene(background, style, look=look, effects=effects)
        if scene:
            stack.callback(scene.close)

        def compose(frame: Frame, matte: Matte) -> Frame:
            if scene:
                return scene(frame, matte)
            frame, matte = people(frame, matte)
            return with_alpha(frame, matte.levels)

        if photo:
            report = _photo(source, target, options, segmenter, lambda *given: compose(*given).planes()[0])
        else:
            reader = stack.enter_context(Reader(source, codec_threads, options))
            results = [_Result(target, "alpha" if transparent else "picture", compose)]
            if matte is not None:
                results.append(_Result(matte, "grey", _greyed(style), beside=True))
            sound = _sound(options, stack, background, style.loop)
            report = _video(reader, results, sound, segmenter, progress, stop)
    return dataclasses.replace(report, warnings=(*report.warnings, *(scene.warnings if scene else ())))


def matte(
    source: AnyPath,
    target: AnyPath,
    *,
    style: Style | None = None,
    options: Options | None = None,
    network: AnyPath = "best",
    threads: int | None = None,
    progress: Progress | None = None,
    stop: Event | None = None,
) -> Report:
    """Write the people's mask of a video as grey video, of a photo as a grey picture: white where they are.

    Arguments and errors are those of `replace`; of the style keep, threshold, shrink and feather count.
    """
    options = options or Options()
    segmenter = partial(Segmenter, network, threads=threads)
    if _is_photo(source, options):
        select = Selection(style or Style())
        return _photo(source, target, options, segmenter, lambda _, matte: select(matte).levels)
    with ExitStack() as stack:
        reader = stack.enter_context(Reader(source, options=options))
        sound = _sound(options, stack)
        results = [_Result(target, "grey", _greyed(style))]
        return _video(reader, results, sound, segmenter, progress, stop)


@dataclasses.dataclass(frozen=True)
class _Result:
    """One of the videos that a run writes; beside: another one, to which the options of writing belong."""

    target: AnyPath
    kind: Kind
    compose: Compose
    beside: bool = False


def _is_photo(source: AnyPath, options: Options) -> bool:
    photo = is_file(source) and is_photo(source)
    if photo and dataclasses.replace(options, overwrite=False) != Options():
        raise OptionError(f"{source} is a photo; only `overwrite` of the options is for photos")
    return photo


def _video(
    reader: Reader,
    results: Sequence[_Result],
    sound: SoundFile | None,
    make_segmenter: Callable[[], Segmenter],
    progress: Progress | None,
    stop: Event | None,
) -> Report:
    begin = time.perf_counter()
    segmenter = make_segmenter()
    watch = segmenter.watch
    depth = max(1, min(DEPTH, PIXELS // (reader.width * reader.height)))
    frames_in, frames_out, anybody, stopped = 0, 0, False, False
    with ExitStack() as stack:
        writers = [_writer(reader, result, sound) for result in results]

        def write(item: Packet[Stream] | list[Frame]) -> None:
            nonlocal frames_out
            if not isinstance(item, list):
                writers[0].copy(item)
                return
            if sound:
                for packet in sound.until(item[0].time or Fraction(0)):
                    writers[0].copy(packet)
            with watch("encode"):
                for writer, frame in zip(writers, item, strict=True):
                    writer.write(frame)
            frames_out += 1

        stack.enter_context(filter_threads())
        for writer in writers:
            stack.enter_context(writer)
        behind = stack.enter_context(Behind(write, depth))
        decoded = ahead(timed(reader.items(), watch), depth)
        matted = _matted(decoded, segmenter)
        if (os.cpu_count() or 1) > 2:  # on two cores the codecs keep the other one busy
            matted = ahead(matted, depth)
        for item in stack.enter_context(closing(matted)):
            if not isinstance(item, tuple):
                behind.put(item)
                continue
            frame, matte = item
            frames_in += 1
            anybody = anybody or bool(matte.mask.max() > 0.5)
            with watch("composite"):
                composed = [result.compose(frame, matte) for result in results]
            behind.put(composed)
            if progress:
                progress(frames_in, reader.frame_count)
            if stop is not None and stop.is_set():
                stopped = True
                break
            del item, frame, matte, composed  # they would be held until the next are there
    warnings = [*reader.warnings, *(warning for writer in writers for warning in writer.warnings)]
    if stopped:
        warnings.append(f"{writers[0].name}: stopped on request after {frames_in} frames; it ends there")
    if not anybody:
        warnings.append(f"{reader.name}: no person was found in any frame")
    return Report(
        reader.name,
        writers[0].name,
        frames_in,
        frames_out,
        time.perf_counter() - begin,
        runtime(),
        segmenter.network,
        segmenter.threads,
        writers[0].sound_tracks,
        watch.per_frame(frames_in),
        tuple(warnings),
        stopped,
    )


def _sound(
    options: Options,
    stack: ExitStack,
    background: AnyPath | Picture | Backdrop | None = None,
    loop: bool = True,
) -> SoundFile | None:
    if options.audio in ("copy", "none"):
        return None
    if options.audio == "background":
        if not isinstance(background, str | PathLike) or not is_file(background):
            raise OptionError(f"audio is that of the background, which is no file: {background!r}")
        return stack.enter_context(BackdropSound(background, loop=loop))
    return stack.enter_context(SoundFile(options.audio))


def _writer(reader: Reader, result: _Result, sound: SoundFile | None) -> Writer:
    options = reader.options
    if result.beside:
        return Writer(
            result.target, reader, kind=result.kind, overwrite=options.overwrite, threads=reader.threads
        )
    return Writer(
        result.target,
        reader,
        kind=result.kind,
        codec=options.codec,
        quality=options.quality,
        container=options.container,
        sound=options.audio == "copy",
        other_sound=sound.tracks if sound else (),
        overwrite=options.overwrite,
        threads=reader.threads,
    )


def _photo(
    source: AnyPath,
    target: AnyPath,
    options: Options,
    make_segmenter: Callable[[], Segmenter],
    compose: Callable[[Frame, Matte], Plane],
    *,
    transparent: bool = False,
) -> Report:
    begin = time.perf_counter()
    check_photo_target(target, source=source, transparent=transparent, overwrite=options.overwrite)
    segmenter = make_segmenter()
    watch = segmenter.watch
    with watch("decode"):
        frame = read_photo(source)
    matte = segmenter(frame)
    with watch("composite"):
        picture = compose(frame, matte)
    with watch("encode"):
        write_photo(target, picture, profile=read_profile(source))
    found = bool(matte.mask.max() > 0.5)
    return Report(
        fspath(source),
        fspath(target),
        1,
        1,
        time.perf_counter() - begin,
        runtime(),
        segmenter.network,
        segmenter.threads,
        stages=watch.per_frame(1),
        warnings=() if found else (f"{Path(source).name}: no person was found",),
    )


def _matted(
    items: Generator[Item, None, None], segmenter: Segmenter
) -> Generator[Packet[Stream] | tuple[Frame, Matte], None, None]:
    def matted(item: Item) -> Packet[Stream] | tuple[Frame, Matte]:
        return (item, segmenter(item)) if isinstance(item, Frame) else item

    with closing(items):
        yield from map(matted, items)


def _greyed(style: Style | None) -> Compose:
    select = Selection(style or Style())

    def compose(frame: Frame, matte: Matte) -> Frame:
        levels = np.ascontiguousarray(select(matte).levels)
        return Frame(av.VideoFrame.from_ndarray(levels, format="gray"), frame.time, frame.orientation)

    return compose


def _refuse_overwriting(target: AnyPath, background: AnyPath | Picture | Backdrop | None) -> None:
    if isinstance(background, str | PathLike):
        path, behind = Path(target), Path(fspath(background))
        if path.exists() and behind.exists() and path.samefile(behind):
            raise OutputError(f"{path} is the background itself; give the result another name")
