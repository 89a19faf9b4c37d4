"""The encoders: which container takes which, in which pixel format, with which settings."""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal, TypeAlias

import av
from av.sidedata.sidedata import Type

from livematte.errors import OptionError
from livematte.frame import PQ

Kind: TypeAlias = Literal["picture", "grey", "alpha"]
"""What is written: pictures, a matte, or pictures with straight alpha."""


@dataclass(frozen=True)
class Codec:
    """One way to encode pictures.

    encoder: FFmpeg's name; formats: pixel formats for pictures, most wanted last where bits are missing;
    alpha: the pixel format that holds alpha, if any; settings: of the encoder;
    quality: name of the rate factor's setting, its least, usual and highest value, if it has one;
    limited: whether its decoders take every picture for limited range.
    """

    encoder: str
    formats: tuple[str, ...]
    alpha: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    quality: tuple[str, int, int, int] | None = None
    limited: bool = False


def _planar(*suffixes: str, chromas: tuple[str, ...] = ("420", "422", "444")) -> tuple[str, ...]:
    return tuple(f"yuv{chroma}p{suffix}" for suffix in suffixes for chroma in chromas)


# no B-frames: then the order of decoding is that of showing, and every stored duration is exact
CODECS: dict[str, Codec] = {
    "h264": Codec(
        "libx264",
        _planar("", "10le"),
        settings={"preset": "veryfast", "bf": "0"},
        quality=("crf", 0, 20, 51),
    ),
    "hevc": Codec(
        "libx265",
        _planar("", "10le"),
        settings={"preset": "veryfast", "x265-params": "bframes=0:log-level=none"},
        quality=("crf", 0, 22, 51),
    ),
    "av1": Codec(
        "libsvtav1",
        _planar("", "10le", chromas=("420",)),
        settings={"preset": "9"},
        quality=("crf", 0, 30, 63),
    ),
    "vp9": Codec(
        "libvpx-vp9",
        _planar(""),
        "yuva420p",
        {"b": "0", "deadline": "realtime", "cpu-used": "6", "row-mt": "1", "auto-alt-ref": "0"},
        ("crf", 0, 28, 63),
    ),
    "prores": Codec("prores_ks", _planar("10le", chromas=("422", "444")), "yuva444p10le", limited=True),
    "ffv1": Codec("ffv1", _planar("", "10le"), "yuva420p", {"level": "3", "slicecrc": "1"}),
    "raw": Codec("rawvideo", _planar("", "10le"), "yuva420p"),
    "png": Codec("png", ("rgb24",), "rgba"),
    "apng": Codec("apng", ("rgb24",), "rgba"),
    "webp": Codec("libwebp_anim", ("bgra",), "bgra", {"quality": "90"}),
}
_HARDWARE = ("nvenc", "qsv", "amf", "vaapi", "videotoolbox", "mf", "v4l2m2m", "vulkan", "d3d12va")


@dataclass(frozen=True)
class Container:
    """One kind of file.

    format: FFmpeg's name; codecs: what it takes, the usual one first; deep: the usual one for more than
    8 bits; alpha: the one that holds alpha, if any; times: whether every picture keeps its own time;
    turns: whether it says how pictures are turned; tags: whether it holds chapters and metadata.
    """

    format: str
    codecs: tuple[str, ...]
    deep: str | None = None
    alpha: str | None = None
    times: bool = True
    turns: bool = True
    tags: bool = True


CONTAINERS: dict[str, Container] = {
    ".mp4": Container("mp4", ("h264", "hevc", "av1", "vp9"), "hevc"),
    ".m4v": Container("mp4", ("h264", "hevc", "av1"), "hevc"),
    ".mov": Container("mov", ("h264", "hevc", "prores"), "hevc", "prores"),
    ".mkv": Container("matroska", ("h264", "hevc", "av1", "vp9", "prores", "ffv1"), "hevc", "ffv1"),
    ".webm": Container("webm", ("vp9", "av1"), "av1", "vp9"),
    ".nut": Container("nut", ("ffv1", "raw", "h264", "hevc", "vp9"), "ffv1", "ffv1", turns=False),
    ".y4m": Container("yuv4mpegpipe", ("raw",), times=False, turns=False, tags=False),
    ".apng": Container("apng", ("apng",), alpha="apng", turns=False, tags=False),
    ".webp": Container("webp", ("webp",), alpha="webp", turns=False, tags=False),
}
STREAMED = {"matroska": CONTAINERS[".mkv"], "nut": CONTAINERS[".nut"], "y4m": CONTAINERS[".y4m"]}
"""What can be written to a pipe, by name."""

SEQUENCE = Container("image2", ("png",), alpha="png", times=False, turns=False, tags=False)
"""Numbered pictures."""


@dataclass(frozen=True)
class Encoding:
    """How one result is encoded: FFmpeg's name of the encoder, its pixel format and its settings.

    limited: whether its pictures must be of limited range.
    """

    codec: str
    encoder: str
    pixel_format: str
    settings: dict[str, str]
    limited: bool = False

    def loses(self, working: str) -> str | None:
        """What of a working format it cannot hold, in words; None where it holds everything."""
        if av.VideoFormat(self.pixel_format).is_rgb:
            return "10 bits a channel become 8" if working.endswith("10le") else None
        lost = []
        if working.endswith("10le") and "10" not in self.pixel_format:
            lost.append("10 bits a channel become 8")
        if _chroma(self.pixel_format) < _chroma(working):
            lost.append("colour resolution is reduced")
        return "; ".join(lost) or None


def choose(
    container: Container,
    working: str,
    size: tuple[int, int],
    kind: Kind,
    codec: str | None = None,
    quality: int | None = None,
) -> Encoding:
    """The encoding of pictures in a working format, as asked for or as is usual. Raises OptionError."""
    name = codec or _usual(container, working, kind)
    if _is_hardware(name):
        return _hardware(name, working, kind, quality)
    chosen = CODECS.get(name)
    if chosen is None or name not in container.codecs:
        raise OptionError(
            f"codec {name!r} does not go into {container.format}; it takes {', '.join(container.codecs)}"
        )
    settings = {**chosen.settings, **_rate_factor(name, chosen, quality)}
    if name == "av1":
        os.environ.setdefault("SVT_LOG", "1")  # it would talk on standard error
    pixel_format = _pixel_format(name, chosen, working, size, kind)
    return Encoding(name, chosen.encoder, pixel_format, settings, chosen.limited)


def hdr_settings(codec: str, image: av.VideoFrame) -> dict[str, str]:
    """The encoder's settings that carry the mastering display and light level of an HDR picture."""
    if codec != "hevc":
        return {}
    settings = ["hdr10-opt=1", "repeat-headers=1"] if image.color_trc == PQ else []
    display = image.side_data.get(Type.MASTERING_DISPLAY_METADATA)  # type: ignore[call-overload]
    if display is not None:
        settings.append(f"master-display={_mastering(bytes(display))}")
    light = image.side_data.get(Type.CONTENT_LIGHT_LEVEL)  # type: ignore[call-overload]
    if light is not None:
        settings.append("max-cll={},{}".format(*struct.unpack_from("=2I", bytes(light))))
    base = CODECS["hevc"].settings["x265-params"]
    return {"x265-params": ":".join([base, *settings])} if settings else {}


def _mastering(raw: bytes) -> str:
    """AVMasteringDisplayMetadata as x265 writes it: x and y of green, blue, red and white, then luminance."""
    numbers = struct.unpack_from("=20i", raw)
    values = [Fraction(top, bottom or 1) for top, bottom in zip(numbers[::2], numbers[1::2], strict=True)]
    red, green, blue, white, light = (values[n : n + 2] for n in range(0, 10, 2))
    places = "".join(
        f"{letter}({round(x * 50_000)},{round(y * 50_000)})"
        for letter, (x, y) in zip(("G", "B", "R", "WP"), (green, blue, red, white), strict=True)
    )
    low, high = light
    return f"{places}L({round(high * 10_000)},{round(low * 10_000)})"


def _usual(container: Container, working: str, kind: Kind) -> str:
    if kind == "alpha":
        if container.alpha is None:
            raise OptionError(
                f"{container.format} holds no transparency; end the name in .mov (ProRes 4444), .webm (VP9), "
                ".mkv (FFV1), .apng or .webp, or write pictures: FOLDER/%05d.png"
            )
        return container.alpha
    if kind == "picture" and working.endswith("10le") and container.deep:
        return container.deep
    return container.codecs[0]


def _pixel_format(name: str, codec: Codec, working: str, size: tuple[int, int], kind: Kind) -> str:
    if kind == "alpha":
        if codec.alpha is None:
            able = ", ".join(name for name, one in CODECS.items() if one.alpha)
            raise OptionError(f"codec {name!r} holds no transparency; {able} do")
        return codec.alpha
    if kind == "grey":
        working = "yuv420p"
    if working.startswith("yuvj"):
        if name == "h264":
            return _odd(working, size)
        working = working.replace("yuvj", "yuv")
    candidates = [one for one in codec.formats if one == _odd(working, size)]
    return (candidates or [_nearest(codec.formats, working)])[0]


def _odd(format: str, size: tuple[int, int]) -> str:
    """Halved colour planes have even sizes only: the finer format for odd ones."""
    wide, high = size
    if "420" in format and (wide % 2 or high % 2):
        return format.replace("420", "444")
    return format.replace("422", "444") if wide % 2 else format


def _nearest(formats: tuple[str, ...], working: str) -> str:
    """What an encoder has for a format that it lacks: as many bits, then as fine a colour."""
    deep = working.endswith("10le")
    fitting = [one for one in formats if one.endswith("10le") == deep] or list(formats)
    finer = [one for one in fitting if _chroma(one) >= _chroma(working)]
    return finer[0] if finer else fitting[-1]


def _chroma(format: str) -> str:
    """`420`, `422` or `444` of a YUV format's name; the first for NV12 and its like."""
    return next((chroma for chroma in ("422", "444") if chroma in format), "420")


def _rate_factor(name: str, codec: Codec, quality: int | None) -> dict[str, str]:
    if codec.quality is None:
        if quality is not None:
            raise OptionError(f"codec {name!r} has no quality to choose; leave it out")
        return {}
    setting, low, usual, high = codec.quality
    value = usual if quality is None else quality
    if not low <= value <= high:
        raise OptionError(f"quality of {name} is from {low} (best) to {high}, not {value}")
    return {setting: str(value)}


def _is_hardware(name: str) -> bool:
    return name.rpartition("_")[2] in _HARDWARE


def _hardware(name: str, working: str, kind: Kind, quality: int | None) -> Encoding:
    try:
        formats = [one.name for one in av.Codec(name, "w").video_formats or ()]
    except av.codec.codec.UnknownCodecError:
        raise OptionError(f"codec {name!r} is not in this build of FFmpeg") from None
    if kind == "alpha":
        raise OptionError(f"codec {name!r} holds no transparency; leave the codec out")
    if quality is not None:
        raise OptionError(f"codec {name!r} has no quality to choose; leave it out")
    deep = working.endswith("10le") and kind == "picture"
    wanted = [working, "p010le", "yuv420p10le", "nv12", "yuv420p"] if deep else [working, "nv12", "yuv420p"]
    fitting = [one for one in wanted if one in formats]
    if not fitting:
        raise OptionError(f"codec {name!r} takes none of the formats {', '.join(wanted)}")
    return Encoding(name, name, fitting[0], {"bf": "0"})
