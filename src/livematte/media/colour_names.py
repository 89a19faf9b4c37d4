"""The names that ITU-T H.273 gives to the numbers of a video's colour tags."""

from __future__ import annotations

PRIMARIES = {
    1: "BT.709",
    4: "BT.470 M",
    5: "BT.601 625 lines",
    6: "BT.601 525 lines",
    7: "SMPTE ST 240",
    8: "generic film",
    9: "BT.2020",
    10: "SMPTE ST 428-1 (XYZ)",
    11: "SMPTE RP 431-2 (DCI P3)",
    12: "SMPTE EG 432-1 (Display P3)",
    22: "EBU Tech 3213",
}
"""ColourPrimaries, table 2."""

TRANSFERS = {
    1: "BT.709",
    4: "BT.470 M (gamma 2.2)",
    5: "BT.470 B, G (gamma 2.8)",
    6: "BT.601",
    7: "SMPTE ST 240",
    8: "linear",
    9: "logarithmic 100:1",
    10: "logarithmic 316:1",
    11: "IEC 61966-2-4 (xvYCC)",
    12: "BT.1361",
    13: "IEC 61966-2-1 (sRGB)",
    14: "BT.2020 10 bits",
    15: "BT.2020 12 bits",
    16: "SMPTE ST 2084 (PQ)",
    17: "SMPTE ST 428-1",
    18: "ARIB STD-B67 (HLG)",
}
"""TransferCharacteristics, table 3."""

MATRICES = {
    0: "identity (RGB)",
    1: "BT.709",
    4: "FCC 73.682",
    5: "BT.601 625 lines",
    6: "BT.601 525 lines",
    7: "SMPTE ST 240",
    8: "YCgCo",
    9: "BT.2020",
    10: "BT.2020 constant luminance",
    11: "SMPTE ST 2085",
    12: "from the primaries",
    13: "from the primaries, constant luminance",
    14: "BT.2100 ICtCp",
    15: "IPT-PQ-C2",
    16: "YCgCo-Re",
    17: "YCgCo-Ro",
}
"""MatrixCoefficients, table 4."""

RANGES = {1: "limited", 2: "full"}
"""FFmpeg's numbers of H.273's VideoFullRangeFlag."""

HDR = {16: "PQ", 18: "HLG"}
"""The two transfers of BT.2100, high dynamic range."""
