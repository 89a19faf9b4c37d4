"""Photos in and out through Pillow."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from livematte.errors import InputError, MissingExtraError, OutputError
from livematte.frame import Frame, Orientation, Picture, Plane
from livematte.media.output import check_target, whole_file, writing
from livematte.media.source import check_input

PHOTOS = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff"}
    | {".ppm", ".pgm", ".pnm", ".tga", ".heic", ".heif", ".avif", ".jp2"}
)
"""How names of photos end."""

_FORMATS = frozenset({"JPEG", "MPO", "PNG", "WEBP", "BMP", "TIFF", "PPM", "TGA", "AVIF", "JPEG2000", "HEIF"})
WRITTEN_PHOTOS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP"}
"""How names of photos that can be written end, and what Pillow calls their formats."""

_QUALITY = {"JPEG": {"quality": 95, "subsampling": 0}, "PNG": {"compress_level": 4}, "WEBP": {"quality": 95}}
_ORIENTATION, _BITS_PER_SAMPLE = 0x0112, 258  # tags of EXIF and TIFF
_AFTER_HEADER = 33  # bytes of a PNG's signature and header
_WIDE = ("I", "I;16", "I;16L", "I;16B", "I;16N")


def is_photo(path: str | PathLike[str]) -> bool:
    """Whether a file is one still picture, by its content; by its suffix where the content tells nothing."""
    path = Path(path)
    named_so = path.suffix.lower() in PHOTOS
    if not path.is_file():
        return named_so
    try:
        with opened(path) as image:
            still = image.format == "MPO" or getattr(image, "n_frames", 1) == 1 or image.format == "TIFF"
            return image.format in _FORMATS and still
    except InputError:
        return named_so


def read_photo(path: str | PathLike[str]) -> Frame:
    """A photo as one upright RGB frame; what is transparent becomes white.

    Of 16 bits a channel where a PNG or TIFF has them.
    Raises InputError, or MissingExtraError for HEIC without its extra.
    """
    deep = _read_deep(Path(path))
    opaque = _on_white(read_picture_rgba(path) if deep is None else deep)
    image = av.VideoFrame(opaque.shape[1], opaque.shape[0], "rgb24" if deep is None else "rgb48le")
    frame = Frame(image)
    np.copyto(frame.planes()[0], opaque, casting="no")
    return frame


def _on_white(picture: Plane) -> Plane:
    colours, alpha = picture[..., :3], picture[..., 3:]
    top = 255 if picture.dtype == np.uint8 else 65535
    if not alpha.size or alpha.min() == top:
        return np.ascontiguousarray(colours)
    opaque = alpha.astype(np.int64)
    flat: Plane = ((colours * opaque + top * (top - opaque) + top // 2) // top).astype(picture.dtype)
    return flat


def read_profile(path: str | PathLike[str]) -> bytes | None:
    """The ICC profile of an RGB photo, None where it has none. Raises InputError."""
    with opened(Path(path)) as image:
        profile = image.info.get("icc_profile")
        return profile if profile and image.mode in ("RGB", "RGBA", "P") else None


def read_picture_rgba(path: str | PathLike[str]) -> Picture:
    """A picture as upright uint8 RGBA, H×W×4. Raises InputError."""
    path = Path(path)
    check_input(path)
    with opened(path) as image:
        if image.mode in _WIDE:  # Pillow would clip 16 bits, not scale them
            image = Image.fromarray((np.asarray(image) >> 8).clip(0, 255).astype(np.uint8))
        else:
            image.load()
        return np.asarray(ImageOps.exif_transpose(image).convert("RGBA"))


def check_photo_target(
    path: str | PathLike[str],
    *,
    source: str | PathLike[str] | None = None,
    transparent: bool = False,
    overwrite: bool = True,
) -> None:
    """Refuse a target that `write_photo` could not write, before any work is done. Raises OutputError.

    source: a file that must not be overwritten; transparent: whether the picture will have alpha.
    """
    path = Path(path)
    check_target(path, WRITTEN_PHOTOS, source=None if source is None else Path(source), overwrite=overwrite)
    if transparent and WRITTEN_PHOTOS[path.suffix.lower()] == "JPEG":
        raise OutputError(f"{path}: JPEG cannot hold transparency; end the name in .png or .webp")


def write_photo(path: str | PathLike[str], picture: Plane, *, profile: bytes | None = None) -> None:
    """Write a picture, H×W×3 RGB, H×W×4 RGBA or H×W grey, as JPEG, PNG or WebP by the path's suffix.

    picture: uint8, or uint16, which PNG keeps and the others reduce; profile: the ICC profile of its colours.
    Raises OutputError; the file appears whole or not at all.
    """
    path = Path(path)
    check_photo_target(path, transparent=picture.ndim == 3 and picture.shape[2] == 4)
    kind = WRITTEN_PHOTOS[path.suffix.lower()]
    profile = profile if picture.ndim == 3 else None
    deep = picture.dtype == np.uint16
    with whole_file(path) as temporary, writing(path):
        if deep and kind == "PNG":
            temporary.write_bytes(_deep_png(picture, profile))
            return
        image = Image.fromarray(np.ascontiguousarray((picture >> 8).astype(np.uint8) if deep else picture))
        image.save(temporary, kind, icc_profile=profile, **_QUALITY[kind])


def _read_deep(path: Path) -> NDArray[np.uint16] | None:
    """A PNG or TIFF of 16 bits a channel as upright uint16 RGB or RGBA, which Pillow would reduce."""
    check_input(path)
    with opened(path) as image:
        if not _is_deep(path, image):
            return None
        turn = Orientation(image.getexif().get(_ORIENTATION, 1))
    picture = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if picture is None or picture.dtype != np.uint16:
        return None
    if picture.ndim == 2:
        picture = np.dstack([picture] * 3)
    order = [2, 1, 0, 3][: picture.shape[2]]
    return np.ascontiguousarray(turn.upright(picture[..., order])).astype(np.uint16, copy=False)


def _is_deep(path: Path, image: Image.Image) -> bool:
    if image.format == "PNG":
        with path.open("rb") as file:
            return file.read(25)[24:] == b"\x10"  # the header's bit depth
    return image.format == "TIFF" and 16 in getattr(image, "tag_v2", {}).get(_BITS_PER_SAMPLE, ())


def _deep_png(picture: Plane, profile: bytes | None) -> bytes:
    """A PNG of 16 bits a channel."""
    order = [2, 1, 0, 3][: picture.shape[2]]
    done, data = cv2.imencode(".png", np.ascontiguousarray(picture[..., order]))
    assert done
    png = data.tobytes()
    if profile is None:
        return png
    content = b"iCCP" + b"ICC\0\0" + zlib.compress(profile)
    chunk = struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))
    return png[:_AFTER_HEADER] + chunk + png[_AFTER_HEADER:]


def _read_heic(path: Path) -> None:
    """Teach Pillow to read HEIC."""
    try:
        import pi_heif
    except ModuleNotFoundError:
        raise MissingExtraError(f"reading {path}, a HEIC photo,", "heic") from None
    pi_heif.register_heif_opener()


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """A picture open in Pillow. Raises InputError, or MissingExtraError for HEIC without its extra."""
    if path.suffix.lower() in (".heic", ".heif"):
        _read_heic(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of large sizes and odd metadata; too large a size is an error
            with Image.open(path) as image:
                yield image
    except Image.DecompressionBombError as error:
        raise InputError(f"{path} has too many pixels to be a photo; scale it down first") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(
            f"{path} is not a picture that can be read ({error}); save it as JPEG or PNG"
        ) from error
