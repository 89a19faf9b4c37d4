"""Data folders that tests make: pictures of drawn people, their labels and an index."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from cyclopts import CycloptsError
from numpy.typing import NDArray
from PIL import Image

from livematte.cli import app
from livematte.dataset.write import indexed_png
from livematte.errors import LivematteError
from livematte.labels import Label

HIGH, WIDE = 96, 72
LICENCE = "CC0 1.0"


def parts_of(seed: int, high: int = HIGH, wide: int = WIDE) -> NDArray[np.uint8]:
    """Class numbers of somebody drawn: clothes, neck, face, hair, lips, eyes, glasses and a hat."""
    random = np.random.default_rng(seed)
    unit = min(high, wide) / 72
    x, y = wide / 2 + unit * random.uniform(-8, 8), high / 2 + unit * random.uniform(-8, 4)

    def shape(label: Label, right: float, down: float, across: float, along: float) -> None:
        centre = round(x + unit * right), round(y + unit * down)
        cv2.ellipse(mask, centre, (round(unit * across), round(unit * along)), 0, 0, 360, int(label), -1)

    mask = np.zeros((high, wide), np.uint8)
    shape(Label.CLOTHES, 0, 40, random.uniform(22, 30), 24)
    shape(Label.NECK, 0, 16, 6, 9)
    shape(Label.HAIR, 0, -3, random.uniform(14, 17), 18)
    shape(Label.SKIN, 0, 0, 11, 14)
    shape(Label.EYES, -5, -6, 2, 1)
    shape(Label.EYES, 5, -6, 2, 1)
    shape(Label.GLASSES, 0, -2, 8, 1)
    shape(Label.LIPS, 0, 7, 4, 2)
    shape(Label.ACCESSORY, 0, -20, 10, 4)
    return mask


def picture_of(parts: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
    """RGB in which every class, and the background, has a texture of its own: no two seeds look alike."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (6, 5, 3)).astype(np.uint8)
    back = cv2.resize(coarse, parts.shape[::-1], interpolation=cv2.INTER_CUBIC)
    colours = random.integers(40, 220, (9, 3)).astype(np.uint8)
    return np.where((parts > 0)[..., None], colours[parts], back).astype(np.uint8)


def jpeg(picture: NDArray[np.uint8], quality: int = 90) -> bytes:
    data = io.BytesIO()
    Image.fromarray(picture).save(data, "JPEG", quality=quality)
    return data.getvalue()


def make_folder(folder: Path, count: int = 3, **more: Any) -> Path:
    """A sound data folder of `count` pictures, all of them in `train`; more: for every row."""
    (folder / "images").mkdir(parents=True)
    (folder / "masks").mkdir()
    rows = []
    for seed in range(count):
        parts = parts_of(seed)
        (folder / f"images/{seed}.jpg").write_bytes(jpeg(picture_of(parts, seed)))
        (folder / f"masks/{seed}.png").write_bytes(indexed_png(parts))
        rows.append(line(seed) | more)
    write_rows(folder, rows)
    return folder


def line(seed: int) -> dict[str, Any]:
    return {
        "image": f"images/{seed}.jpg",
        "mask": f"masks/{seed}.png",
        "truth": "parts",
        "split": "train",
        "set": "drawn",
        "licence": LICENCE,
        "width": WIDE,
        "height": HIGH,
        "annotator": "anna",
    }


def rows_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(text) for text in (folder / "index.jsonl").read_text().splitlines()]


def write_rows(folder: Path, rows: list[dict[str, Any]]) -> None:
    (folder / "index.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def command(
    *arguments: str, folder: Path, patch: pytest.MonkeyPatch, captured: pytest.CaptureFixture[str]
) -> tuple[int, str, str]:
    """Run a command within this process: its exit code, what it printed and what it complained of."""
    patch.chdir(folder)
    code: Any = 0
    complaint = ""
    try:
        app(list(arguments), exit_on_error=False, print_error=False)
    except SystemExit as end:
        code = end.code or 0
    except (CycloptsError, LivematteError) as error:  # as `livematte.cli.main` tells them
        code, complaint = 2, f"livematte: {error}\n"
    out, errors = captured.readouterr()
    return code, out, errors + complaint
