"""The display matrix of a video and the orientation it stands for."""

from __future__ import annotations

import struct

import av
from av.buffer import Buffer
from av.sidedata.sidedata import Type

from livematte.frame import Orientation

Matrix = tuple[int, ...]
"""Nine 32-bit integers, row by row, as FFmpeg's AV_PKT_DATA_DISPLAYMATRIX holds them."""

# (a, b, c, d) of x' = a·x + c·y, y' = b·x + d·y, by sign
_BY_SIGNS = {
    (1, 0, 0, 1): Orientation.UPRIGHT,
    (-1, 0, 0, 1): Orientation.MIRRORED,
    (-1, 0, 0, -1): Orientation.TURNED_180,
    (1, 0, 0, -1): Orientation.FLIPPED,
    (0, 1, 1, 0): Orientation.TRANSPOSED,
    (0, 1, -1, 0): Orientation.TURNED_RIGHT,
    (0, -1, -1, 0): Orientation.TRANSVERSED,
    (0, -1, 1, 0): Orientation.TURNED_LEFT,
}


def display_matrix(image: av.VideoFrame) -> Matrix | None:
    """The display matrix that came with a decoded picture, None where it has none."""
    side_data: Buffer | None = image.side_data.get(Type.DISPLAYMATRIX)  # type: ignore[call-overload]
    return None if side_data is None else struct.unpack("=9i", bytes(side_data))


def orientation_of(matrix: Matrix | None) -> tuple[Orientation, bool]:
    """The nearest of the eight right-angle orientations, and whether it is exact."""
    if matrix is None:
        return Orientation.UPRIGHT, True
    a, b, c, d = matrix[0], matrix[1], matrix[3], matrix[4]
    straight = abs(a) + abs(d) >= abs(b) + abs(c)
    strong = (a, 0, 0, d) if straight else (0, b, c, 0)
    rest = abs(b) + abs(c) if straight else abs(a) + abs(d)
    signs = tuple((value > 0) - (value < 0) for value in strong)
    orientation = _BY_SIGNS.get((signs[0], signs[1], signs[2], signs[3]))
    if orientation is None:
        return Orientation.UPRIGHT, False
    return orientation, rest * 100 <= sum(map(abs, strong))
