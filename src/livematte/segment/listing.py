"""What a page that runs the networks is told of their files."""

from __future__ import annotations

import hashlib
import re

_NAME = re.compile(r"(.+)-(\d+)x(\d+)\.tflite")


def listing(file: str, content: bytes) -> dict[str, str | int]:
    """What `networks/index.json` says of a network's file, named by `runtime.file_name` (else ValueError)."""
    found = _NAME.fullmatch(file)
    if not found:
        raise ValueError(f"{file} is not what a network's file is called")
    name, height, width = found.groups()
    return {
        "name": name,
        "height": int(height),
        "width": int(width),
        "file": file,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
