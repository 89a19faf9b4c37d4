"""The files that make up the page, each with what HTTP wants to know of it."""

from __future__ import annotations

import gzip
import json
import mimetypes
import re
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from livematte.errors import InputError
from livematte.segment.listing import listing

PAGE = Path(__file__).parent / "page"
"""Where the built page is."""

# the page offers lips with any network of parts, and the one that ships does not tell them from skin
_OFFERED = ("best-", "fast-")
_HASHED = re.compile(r"assets/.*-[\w-]{8}\.\w+")  # as Vite names what never changes under its name
_PACKED = ("image/png", "image/jpeg", "image/webp", "font/woff2", "video/", "audio/")
_KINDS = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".tflite": "application/octet-stream",
    ".woff2": "font/woff2",
    ".webp": "image/webp",
}  # the machine's own table may lack or bend these


@dataclass(frozen=True)
class Asset:
    """A file in memory: the server never turns what a client asks for into a path."""

    content: bytes
    kind: str
    hashed: bool = False

    @cached_property
    def tag(self) -> str:
        """Changes with the content."""
        return f'"{sha256(self.content).hexdigest()[:32]}"'

    @cached_property
    def packed(self) -> bytes | None:
        """By gzip, where that makes it smaller."""
        if self.kind.startswith(_PACKED):
            return None
        packed = gzip.compress(self.content, mtime=0)
        return packed if len(packed) < 0.95 * len(self.content) else None


def read_assets() -> dict[str, Asset]:
    """Everything the page needs by its path in addresses, without the first slash. Raises InputError."""
    return _read_page() | _read_networks()


def _read_page() -> dict[str, Asset]:
    if not (PAGE / "index.html").is_file():
        raise InputError(f"{PAGE} has no built page; build it: cd web && npm ci && npm run build")
    found = {path.relative_to(PAGE).as_posix(): path for path in sorted(PAGE.rglob("*")) if path.is_file()}
    page = {name: _asset(name, path) for name, path in found.items()}
    return page | {"": page["index.html"]}


def _read_networks() -> dict[str, Asset]:
    """The networks' files, and `networks/index.json`, which lists them."""
    weights: dict[str, Traversable] = {
        file.name: file for file in (files("livematte.segment") / "weights").iterdir()
    }
    assets, index = {}, []
    for name, file in sorted(weights.items()):
        if name.startswith(_OFFERED) and name.endswith(".tflite"):
            asset = assets[f"networks/{name}"] = _asset(name, file)
            index.append(listing(name, asset.content))
    assets["networks/index.json"] = Asset(json.dumps(index).encode(), "application/json")
    return assets


def _asset(name: str, file: Traversable) -> Asset:
    suffix = Path(name).suffix.lower()
    kind = _KINDS.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    if kind.startswith("text/"):
        kind += "; charset=utf-8"
    return Asset(file.read_bytes(), kind, hashed=_HASHED.fullmatch(name) is not None)
