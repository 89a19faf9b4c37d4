"""Reading the pictures and masks that an index names."""

from __future__ import annotations

import io
import threading
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from livematte.dataset.index import Row
from livematte.errors import InputError
from livematte.labels import person_from_parts

MOST_PIXELS = 80_000_000
"""Of a picture; Pillow warns a little above."""

Size = tuple[int, int]
"""Width and height."""

TOO_LARGE = f"too many pixels; {MOST_PIXELS // 1_000_000} million are the most"

_ORIENTATION = 0x0112  # EXIF; from 5 on a picture is stored on its side


class Pictures:
    """The pictures of one data folder; a context manager that keeps its zip files open.

    May be shared by threads.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._opening = threading.Lock()
        self._shards: dict[str, zipfile.ZipFile] = {}

    def __enter__(self) -> Pictures:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for shard in self._shards.values():
            shard.close()

    def pair(self, row: Row) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """The picture and the person's mask, of one size. Raises InputError."""
        picture = self.rgb(row)
        mask = np.zeros(picture.shape[:2], np.uint8) if row.mask is None else self._mask(row, row.mask)
        if mask.shape != picture.shape[:2]:
            high, wide = mask.shape
            raise InputError(
                f"{self.where(row, row.mask or '')}: the mask is {wide}×{high}, its picture "
                f"{picture.shape[1]}×{picture.shape[0]}"
            )
        return picture, mask

    def rgb(self, row: Row) -> NDArray[np.uint8]:
        """The picture, uint8 RGB H×W×3."""
        picture = self._decode(row, row.image, cv2.IMREAD_COLOR)
        return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)

    def person(self, row: Row) -> NDArray[np.uint8]:
        """The person's mask, uint8 H×W in 0..255; all 0 where nobody is in the picture."""
        return self.pair(row)[1] if row.mask is None else self._mask(row, row.mask)

    def parts(self, row: Row) -> NDArray[np.uint8]:
        """The class numbers of a `parts` mask, uint8 H×W, in the table `row.labels`. Raises InputError."""
        assert row.mask is not None
        with self.opened(row, row.mask) as image:
            if image.mode not in ("P", "L"):
                raise InputError(f"{self.where(row, row.mask)}: class numbers need an 8-bit indexed PNG")
            return np.array(image)

    def hair(self, row: Row) -> NDArray[np.uint8]:
        """The mask of the hair, uint8 H×W in 0..255. Raises InputError."""
        assert row.hair_mask is not None
        return self._decode(row, row.hair_mask, cv2.IMREAD_GRAYSCALE)

    @contextmanager
    def opened(self, row: Row, name: str) -> Iterator[Image.Image]:
        """A picture of the row in Pillow, not yet decoded; all that goes wrong with it is an InputError."""
        with decoding(self.where(row, name)), Image.open(io.BytesIO(self.data(row, name))) as image:
            check_pixels(image)
            yield image

    def data(self, row: Row, name: str) -> bytes:
        """The bytes of a file that the row names. Raises InputError."""
        try:
            return self._bytes(row.shard, name)
        except (OSError, KeyError, zipfile.BadZipFile, zlib.error) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise InputError(f"{self.where(row, name)}: {why}") from None

    def where(self, row: Row, name: str) -> str:
        """What a file that the row names is called in messages."""
        return str(self.folder / name) if row.shard is None else f"{self.folder / row.shard}: {name}"

    def _mask(self, row: Row, name: str) -> NDArray[np.uint8]:
        if row.truth == "parts":
            return person_from_parts(self.parts(row))
        return self._decode(row, name, cv2.IMREAD_GRAYSCALE)

    def _decode(self, row: Row, name: str, flags: int) -> NDArray[np.uint8]:
        data = self.data(row, name)
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data else None
        if picture is None:
            raise InputError(f"{self.where(row, name)}: not a picture")
        return picture.astype(np.uint8, copy=False)

    def _bytes(self, shard: str | None, name: str) -> bytes:
        if shard is None:
            return (self.folder / name).read_bytes()
        with self._opening:
            if shard not in self._shards:
                self._shards[shard] = zipfile.ZipFile(self.folder / shard)
        return self._shards[shard].read(name)


@contextmanager
def decoding(where: str) -> Iterator[None]:
    """Turn what Pillow says of a damaged or huge picture into an InputError that begins with `where`."""
    try:
        yield
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise InputError(f"{where}: {TOO_LARGE}") from None
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"{where}: not a picture ({error})") from None


def upright_size(image: Image.Image) -> Size:
    """Width and height as a picture is shown, its EXIF heeded, without decoding it."""
    on_its_side = image.getexif().get(_ORIENTATION, 1) >= 5
    return image.size[::-1] if on_its_side else image.size


def check_pixels(image: Image.Image) -> None:
    """Refuse a picture, not yet decoded, that would fill the memory. Raises DecompressionBombError."""
    if image.width * image.height > MOST_PIXELS:
        raise Image.DecompressionBombError
