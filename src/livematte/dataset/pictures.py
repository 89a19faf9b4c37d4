"""Reading the pictures and masks that an index names."""

from __future__ import annotations

import zipfile
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np
from numpy.typing import NDArray

from livematte.dataset.index import Row
from livematte.errors import InputError
from livematte.labels import person_from_parts


class Pictures:
    """The pictures of one data folder; a context manager that keeps its zip files open."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
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
                f"{self._where(row, row.mask or '')}: the mask is {wide}×{high}, its picture "
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

    def _mask(self, row: Row, name: str) -> NDArray[np.uint8]:
        mask = self._decode(row, name, cv2.IMREAD_GRAYSCALE)
        return person_from_parts(mask) if row.truth == "parts" else mask

    def _decode(self, row: Row, name: str, flags: int) -> NDArray[np.uint8]:
        where = self._where(row, name)
        try:
            data = self._bytes(row.shard, name)
        except (OSError, KeyError, zipfile.BadZipFile) as error:
            raise InputError(f"{where}: {error}") from None
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data else None
        if picture is None:
            raise InputError(f"{where}: not a picture")
        return picture.astype(np.uint8, copy=False)

    def _where(self, row: Row, name: str) -> str:
        return f"{self.folder / (row.shard or '')}: {name}"

    def _bytes(self, shard: str | None, name: str) -> bytes:
        if shard is None:
            return (self.folder / name).read_bytes()
        if shard not in self._shards:
            self._shards[shard] = zipfile.ZipFile(self.folder / shard)
        return self._shards[shard].read(name)
