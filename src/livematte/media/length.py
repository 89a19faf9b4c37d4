"""Whether a file is as long as its own structure says."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

_SEGMENT = b"\x18\x53\x80\x67"
_EBML = b"\x1a\x45\xdf\xa3"
_BOXES = (b"mdat", b"moov", b"moof")


def is_shorter_than_stated(path: Path) -> bool:
    """Whether an MP4, MOV or MKV file ends before its outermost parts do; False for any other kind."""
    size = path.stat().st_size
    with path.open("rb") as file:
        end = _segment_end(file) if file.read(4) == _EBML else _boxes_end(file, size)
    return end > size


def _segment_end(file: BinaryIO) -> int:
    """Where a Matroska file's segment ends; 0 where it does not say."""
    header = _element_size(file)
    if header is None:
        return 0
    file.seek(header, 1)
    if file.read(4) != _SEGMENT:
        return 0
    length = _element_size(file)
    return 0 if length is None else file.tell() + length


def _element_size(file: BinaryIO) -> int | None:
    """EBML's variable-length integer: the leading zero bits of its first byte count the bytes that follow."""
    first = file.read(1)
    if not first or first == b"\0":
        return None
    more = 8 - first[0].bit_length()
    bits = 7 * (more + 1)
    value = int.from_bytes(first + file.read(more)) & ((1 << bits) - 1)
    return None if value == (1 << bits) - 1 else value  # all ones: unknown


def _boxes_end(file: BinaryIO, size: int) -> int:
    """Where the last box that holds pictures or their index ends; 0 where there is none."""
    end = position = 0
    while position + 8 <= size:
        file.seek(position)
        head = file.read(16)
        length, kind = int.from_bytes(head[:4]), head[4:8]
        if length == 1:
            length = int.from_bytes(head[8:])
        if length < 8:  # 0: up to the end of the file; less is no box
            break
        position += length
        if kind in _BOXES:
            end = position
    return end
