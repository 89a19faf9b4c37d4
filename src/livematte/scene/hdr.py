"""Pictures made for ordinary screens, shown among HDR ones as ITU-R BT.2408 says."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from livematte.frame import HLG, PQ, Plane

Values = NDArray[np.float32]

WHITE = 203.0
"""cd/m² at which the white of an ordinary picture is shown (BT.2408)."""

_PEAK = 1000.0
"""cd/m² of the display that HLG is graded on; there its system gamma is _OOTF."""

_OOTF = 1.2

_ROOM = 2.0
"""Light in units of white up to which the tables reach; HLG's saturated colours go beyond 1."""

_TO_BT2020 = np.array(
    [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]], np.float32
)
"""From linear BT.709 to linear BT.2020 (BT.2087)."""

_LUMINANCE = np.array([[0.2627, 0.6780, 0.0593]], np.float32)
"""Of BT.2020's primaries."""


def lift(picture: Plane, transfer: int) -> NDArray[np.uint16]:
    """uint8 RGB H×W×3 (BT.709, shown by BT.1886) as uint16 RGB of BT.2020 in PQ or HLG, 0..65535.

    Display-referred: black stays black, white becomes WHITE, colours look as they did.
    """
    rows = _TO_BT2020 if transfer == PQ else np.vstack([_TO_BT2020, _LUMINANCE @ _TO_BT2020])
    light = cv2.transform(cv2.LUT(picture, _shown()), rows)
    if transfer == HLG:  # an HLG display raises luminance to a power: what it adds is taken off before
        luminance = np.maximum(light[..., 3], np.float32(1e-6))
        light = light[..., :3] * cv2.pow(luminance, 1 / _OOTF - 1)[..., None]
    return _table(transfer)[(light * np.float32(65535 / _ROOM)).astype(np.uint16)]


@cache
def _shown() -> Values:
    """The light, in units of white, of each 8-bit level on an ordinary display (BT.1886)."""
    return np.power(np.arange(256) / 255, 2.4).astype(np.float32)


@cache
def _table(transfer: int) -> NDArray[np.uint16]:
    """The signal in 0..65535 of 65536 steps of light in 0.._ROOM."""
    light = np.arange(65536) / 65535 * _ROOM
    signal = _pq(light * WHITE) if transfer == PQ else _hlg(light * (WHITE / _PEAK) ** (1 / _OOTF))
    return np.rint(np.clip(signal, 0, 1) * 65535).astype(np.uint16)


def _pq(light: NDArray[np.float64]) -> NDArray[np.float64]:
    """PQ's signal in 0..1 of displayed light in cd/m² (BT.2100)."""
    power = np.power(light / 10_000, 2610 / 16384)
    signal: NDArray[np.float64] = (3424 / 4096 + 2413 / 128 * power) / (1 + 2392 / 128 * power)
    return np.power(signal, 2523 / 32)


def _hlg(light: NDArray[np.float64]) -> NDArray[np.float64]:
    """HLG's signal in 0..1 of scene light in 0..1 (BT.2100)."""
    a = 0.17883277
    b, c = 1 - 4 * a, 0.5 - a * np.log(4 * a)
    return np.where(light <= 1 / 12, np.sqrt(3 * light), a * np.log(np.maximum(12 * light - b, 1e-9)) + c)
