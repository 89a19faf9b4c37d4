"""Photos in and out through Pillow."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from livematte.errors import InputError, OutputError
from livematte.frame import Frame, Picture, Plane
from livematte.media.output import check_target, whole_file, writing
from livematte.media.source import check_input

_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff"}
    | {".ppm", ".pgm", ".pnm", ".tga", ".heic", ".heif", ".avif", ".jp2"}
)
_FORMATS = frozenset({"JPEG", "MPO", "PNG", "WEBP", "BMP", "TIFF", "PPM", "TGA", "AVIF", "JPEG2000"})
_WRITTEN = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP"}
_QUALITY = {"JPEG": {"quality": 95, "subsampling": 0}, "PNG": {"compress_level": 4}, "WEBP": {"quality": 95}}
_WIDE = ("I", "I;16", "I;16L", "I;16B", "I;16N")


def is_photo(path: str | PathLike[str]) -> bool:
    """Whether a file is one still picture, by its content; by its suffix where the content tells nothing."""
    path = Path(path)
    named_so = path.suffix.lower() in _SUFFIXES
    if not path.is_file():
        return named_so
    try:
        with _opened(path) as image:
            still = image.format == "MPO" or getattr(image, "n_frames", 1) == 1 or image.format == "TIFF"
            return image.format in _FORMATS and still
    except InputError:
        return named_so


def read_photo(path: str | PathLike[str]) -> Frame:
    """A photo as one upright RGB frame; what is transparent becomes white. Raises InputError."""
    rgba = read_picture_rgba(path)
    colours, alpha = rgba[..., :3], rgba[..., 3:]
    if alpha.min() == 255:
        return Frame.from_rgb(np.ascontiguousarray(colours))
    opaque = alpha.astype(np.uint16)
    flat = (colours * opaque + 255 * (255 - opaque) + 127) // 255
    return Frame.from_rgb(flat.astype(np.uint8))


def read_picture_rgba(path: str | PathLike[str]) -> Picture:
    """A picture as upright uint8 RGBA, H×W×4. Raises InputError."""
    path = Path(path)
    check_input(path)
    with _opened(path) as image:
        if image.mode in _WIDE:  # Pillow would clip 16 bits, not scale them
            image = Image.fromarray((np.asarray(image) >> 8).clip(0, 255).astype(np.uint8))
        else:
            image.load()
        return np.asarray(ImageOps.exif_transpose(image).convert("RGBA"))


def check_photo_target(
    path: str | PathLike[str], *, source: str | PathLike[str] | None = None, transparent: bool = False
) -> None:
    """Refuse a target that `write_photo` could not write, before any work is done. Raises OutputError.

    source: a file that must not be overwritten; transparent: whether the picture will have alpha.
    """
    path = Path(path)
    check_target(path, _WRITTEN, source=None if source is None else Path(source))
    if transparent and _WRITTEN[path.suffix.lower()] == "JPEG":
        raise OutputError(f"{path}: JPEG cannot hold transparency; end the name in .png or .webp")


def write_photo(path: str | PathLike[str], picture: Plane) -> None:
    """Write a uint8 picture, H×W×3 RGB, H×W×4 RGBA or H×W grey, as JPEG, PNG or WebP by the path's suffix.

    Raises OutputError; the file appears whole or not at all.
    """
    path = Path(path)
    check_photo_target(path, transparent=picture.ndim == 3 and picture.shape[2] == 4)
    kind = _WRITTEN[path.suffix.lower()]
    image = Image.fromarray(np.ascontiguousarray(picture))
    with whole_file(path) as temporary, writing(path):
        image.save(temporary, kind, **_QUALITY[kind])


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
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
