"""Long clips in parts that begin at scene cuts, where the previous mask is forgotten anyway.

The pictures of a part are those that one run over the whole clip would compose: all that such a run remembers
from one scene to the next is where a background video stands, which every part is told. Where more is
remembered, or where times cannot be vouched for, a clip is done in one piece.
"""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

from av.packet import Packet
from av.stream import Stream

from livematte.errors import InputError
from livematte.frame import Frame
from livematte.jobs import store
from livematte.jobs.tasks import Clip, Done, Trouble
from livematte.media import (
    CONTAINERS,
    Options,
    PartWriter,
    Reader,
    Writer,
    is_photo,
    pictures_of,
    ticks_in,
    ticks_of,
)
from livematte.scene import LOOKS, Scene
from livematte.segment import Segmenter

_INDEXED = ("mov", "matroska")
"""Formats in which a time is found without reading all that comes before."""


@dataclass(frozen=True, slots=True)
class Split:
    """Where the parts of a clip begin, the first included: exact seconds, counted as Options count a start.

    fingerprint: of the clip.
    """

    fingerprint: str
    starts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Encoded:
    """A part is whole; number: which.

    last: how long its last picture is shown, seconds, exact; look: what the pictures are like, which has to
    be the same in all parts; anybody: whether a person was found; seconds: of work.
    """

    number: int
    last: str
    look: str
    anybody: bool
    seconds: float
    warnings: tuple[str, ...] = ()


def find_starts(clip: Clip, length: float) -> tuple[str, ...]:
    """Where parts of at least `length` seconds begin, all but the first at a cut; no or one start: no parts.

    Looks for the first cut within half a length of where a part would be long enough.
    """
    if not _is_separable(clip):
        return ()
    starts = []
    with contextlib.suppress(InputError):  # pictures missing where the file says that there are some
        with _reader(clip) as reader:
            indexed = reader.container.format.name.startswith(_INDEXED)
            end = Fraction(reader.duration or 0)
            if not indexed or reader.woven or reader.hdr is not None or end < 2 * length:
                return ()
            starts = [_moment(reader, reader.first)]
        wanted = starts[0] + Fraction(length)
        while wanted < end - Fraction(length) / 2:
            cut = _first_cut(clip, wanted, wanted + Fraction(length) / 2)
            starts += [cut] if cut else []
            wanted = (cut or wanted) + Fraction(length)
    return tuple(map(str, starts))


@dataclass(frozen=True, slots=True)
class Part:
    """Encode the pictures from one start to the next, or to the end; path: of the part."""

    clip: Clip
    split: Split
    number: int
    path: str

    def __call__(self) -> Encoded | Trouble:
        """Read, replace, encode. Raises what `replace` raises."""
        begin, settings = time.perf_counter(), self.clip.settings
        first, *_ = starts = [Fraction(start) for start in self.split.starts]
        start, *ends = starts[self.number :]
        anybody = False
        for folder in (Path(self.path).parent, Path(self.clip.target).parent):
            folder.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as stack:
            reader = stack.enter_context(_reader(self.clip, start if self.number else None))
            scene = Scene(
                settings.background, settings.style, look=settings.look, begin=first + reader.origin
            )
            stack.callback(scene.close)
            if _moment(reader, reader.first) != start:
                return Trouble("whole", "its pictures are not where they were")
            writer = stack.enter_context(
                PartWriter(Path(self.path), self.clip.target, reader, **_how(settings.options))
            )
            segmenter = Segmenter(settings.network, threads=1)
            for frame in reader:
                if ends and _moment(reader, frame) >= ends[0]:
                    break
                timed = dataclasses.replace(frame, time=(frame.time or 0) + reader.shift)
                matte = segmenter(timed)
                anybody = anybody or bool(matte.mask.max() > 0.5)
                writer.write(scene(timed, matte))
        if reader.woven:
            return Trouble("whole", "some of its pictures are interlaced")
        store.settle(Path(self.path))
        seconds = time.perf_counter() - begin
        return Encoded(
            self.number, str(reader.last_duration), _look(reader), anybody, seconds, tuple(scene.warnings)
        )


@dataclass(frozen=True, slots=True)
class Join:
    """Put the parts together, with everything else of the clip; paths: of the parts, in order."""

    clip: Clip
    split: Split
    paths: tuple[str, ...]
    parts: tuple[Encoded, ...]

    def __call__(self) -> Done | Trouble:
        """Copy packets. Raises InputError or OutputError."""
        begin, clip = time.perf_counter(), self.clip
        paths = [Path(path) for path in self.paths]
        ticks = [tick for path in paths for tick in ticks_of(path)]
        if store.fingerprint(clip.source) != self.split.fingerprint or ticks != ticks_in(clip.source):
            return Trouble("whole", "its pictures are not all where they should be")
        with _reader(clip) as reader:
            if {part.look for part in self.parts} != {_look(reader)}:
                return Trouble("whole", "its pictures change their size or colours")
            reader.last_duration = Fraction(self.parts[-1].last)
            sound = clip.settings.options.audio == "copy"
            with Writer(clip.target, reader, sound=sound, **_how(clip.settings.options)) as writer:
                _weave(writer, reader, chain.from_iterable(map(pictures_of, paths)))
        told = [*reader.warnings, *writer.warnings]
        told += dict.fromkeys(warning for part in self.parts for warning in part.warnings)
        if not any(part.anybody for part in self.parts):
            told.append(f"{reader.name}: no person was found in any frame")
        store.settle(Path(clip.target))
        shutil.rmtree(paths[0].parent, ignore_errors=True)
        return Done(
            self.split.fingerprint,
            Path(clip.target).stat().st_size,
            len(ticks),
            time.perf_counter() - begin + sum(part.seconds for part in self.parts),
            tuple(told),
            len(self.parts),
        )


def _is_separable(clip: Clip) -> bool:
    """Whether, by the settings, one scene's pictures do not depend on the scene before."""
    settings, options = clip.settings, clip.settings.options
    style = settings.style.over(LOOKS[settings.look].style) if settings.look else settings.style
    container = CONTAINERS.get(Path(clip.target).suffix.lower())
    return (
        container is not None
        and container.times
        and not is_photo(clip.source)
        and (options.codec is None or options.codec in container.codecs)
        and options.span() == (None, None)
        and not options.sdr
        and options.audio in ("copy", "none")
        and style.keep == "all"
        and not style.match
        and settings.background != "transparent"
    )


def _reader(clip: Clip, start: Fraction | None = None) -> Reader:
    options = clip.settings.options
    return Reader(
        clip.source, 1, options if start is None else dataclasses.replace(options, start=str(start))
    )


def _moment(reader: Reader, frame: Frame) -> Fraction:
    """When a frame is shown, counted as Options count a start."""
    return (frame.time or 0) + reader.shift - reader.origin


def _first_cut(clip: Clip, start: Fraction, end: Fraction) -> Fraction | None:
    segmenter = Segmenter(clip.settings.network, threads=1)
    with _reader(clip, start) as reader:
        for frame in reader:
            if _moment(reader, frame) >= end:
                return None
            if segmenter.begins_scene(frame):
                return _moment(reader, frame)
    return None


def _how(options: Options) -> dict[str, Any]:
    """What the writer of a part and that of the whole are told alike."""
    return {"codec": options.codec, "quality": options.quality, "overwrite": True, "threads": 1}


def _look(reader: Reader) -> str:
    """All of a clip's pictures that decides how they are encoded."""
    image = reader.first.image
    tags = image.colorspace, image.color_range, image.color_primaries, image.color_trc
    return (
        f"{reader.width}×{reader.height} {reader.working} {reader.orientation} {reader.pixel_aspect} {tags}"
    )


def _weave(writer: Writer, reader: Reader, pictures: Iterator[Packet[Stream]]) -> None:
    """Pass on pictures and all other packets side by side, in the order of their times."""
    picture = next(pictures, None)
    for packet in reader.others():
        while picture is not None and _is_before(picture, reader.time_base, packet):
            writer.copy_picture(picture)
            picture = next(pictures, None)
        writer.copy(packet)
    for left in chain([picture] if picture else [], pictures):
        writer.copy_picture(left)


def _is_before(picture: Packet[Stream], tick: Fraction, packet: Packet[Stream]) -> bool:
    if packet.dts is None or packet.time_base is None or picture.pts is None:
        return False
    return picture.pts * tick <= packet.dts * Fraction(packet.time_base)
