"""Stretches of a video encoded by themselves, to be put together without encoding again."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from livematte.media.intake import Intake
from livematte.media.output import writing
from livematte.media.source import open_source
from livematte.media.target import Target
from livematte.media.writer import Writer

_HEAD = struct.Struct("<qqq?I")
"""Of a packet in a part: its time, that of its decoding, its duration, whether it is a key frame; bytes."""


class PartWriter(Writer):
    """Encodes pictures as a Writer would for `target`, and keeps them in a file for `pictures_of`.

    Times are those of the whole; the first picture is a key frame.
    """

    def __init__(self, path: Path, *arguments: Any, **options: Any) -> None:
        """path: of the part; the other arguments are those of a Writer for the whole."""
        super().__init__(*arguments, **options)
        self._target = Target(path, self._container)
        self._with_others = False

    def _open(self, temporary: str) -> OutputContainer:
        self._file = Path(temporary).open("wb")  # noqa: SIM115 (closed with the output)
        return super()._open(os.devnull)  # what an encoder is told depends on where its pictures go

    def _pass_on(self, packets: Iterable[Packet[VideoStream]]) -> None:
        for packet in packets:
            assert packet.time_base == self._tick
            content = bytes(packet)
            head = _HEAD.pack(packet.pts, packet.dts, packet.duration or 0, packet.is_keyframe, len(content))
            self._file.write(head + content)

    def _finish(self) -> None:
        with writing(self.name):
            self._pass_on(self._video.encode(None))
            self._file.close()

    def _close_quietly(self) -> None:
        self._file.close()
        super()._close_quietly()


def pictures_of(part: Path) -> Iterator[Packet[Stream]]:
    """The pictures of a part, encoded, for `Writer.copy_picture`."""
    with part.open("rb") as file:
        while head := file.read(_HEAD.size):
            pts, dts, duration, is_key, size = _HEAD.unpack(head)
            packet = Packet(file.read(size))
            packet.pts, packet.dts, packet.duration, packet.is_keyframe = pts, dts, duration, is_key
            yield packet


def ticks_of(part: Path) -> Iterator[int]:
    """When the pictures of a part are shown, in ticks of the clip."""
    with part.open("rb") as file:
        while head := file.read(_HEAD.size):
            pts, *_, size = _HEAD.unpack(head)
            file.seek(size, os.SEEK_CUR)
            yield pts


def ticks_in(source: str) -> list[int] | None:
    """When the pictures of a file are shown, in ticks; None where it is damaged. Raises InputError."""
    opened = open_source(source)
    with opened.container:
        intake = Intake(opened)
        number = opened.video.index
        ticks = [packet.pts for packet in intake.packets() if packet.stream_index == number]
        if intake.damaged or intake.is_cut_off() or None in ticks:
            return None
        return sorted(pts for pts in ticks if pts is not None)
