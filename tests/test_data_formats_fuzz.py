"""Damaged files of every format are refused with a word, never with a traceback."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from folders import make_folder

import livematte
from livematte.dataset.transfer import FORMATS

TEXTS = {".json", ".xml", ".txt", ".jsonl"}
ROUNDS = 12


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder in every format."""
    folder = make_folder(tmp_path_factory.mktemp("fuzz") / "data", 2)
    for name in FORMATS:
        livematte.export_data(name, folder, folder.parent / name)
        livematte.export_data(name, folder, folder.parent / f"{name}.zip")
    return folder.parent


def damaged(data: bytes, random: np.random.Generator) -> bytes:
    """Some bytes replaced, a piece doubled, or all after some place gone."""
    content = bytearray(data)
    at = int(random.integers(0, len(content)))
    match random.integers(0, 4):
        case 0:
            for _ in range(int(random.integers(1, 8))):
                content[int(random.integers(0, len(content)))] = int(random.integers(32, 127))
        case 1:
            content[at:at] = content[max(0, at - 20) : at]
        case 2:
            del content[at:]
        case _:
            digits = [place for place, byte in enumerate(content) if chr(byte).isdigit()]
            for place in random.choice(digits or [0], 3):
                content[place] = ord("9")
    return bytes(content)


@pytest.mark.parametrize("kind", ["", ".zip"])
@pytest.mark.parametrize("name", FORMATS)
def test_damage_is_told_without_a_traceback(exported: Path, tmp_path: Path, name: str, kind: str) -> None:
    random = np.random.default_rng(7)
    original = exported / f"{name}{kind}"
    refused = {}
    for number in range(ROUNDS):
        source = tmp_path / f"{number}{kind}"
        if kind:
            source.write_bytes(damaged(original.read_bytes(), random))
        else:
            shutil.copytree(original, source)
            files = sorted(path for path in source.rglob("*") if path.is_file())
            texts = [path for path in files if path.suffix in TEXTS] or files
            chosen = texts[int(random.integers(0, len(texts)))]
            chosen.write_bytes(damaged(chosen.read_bytes(), random))
        try:
            livematte.import_data(name, source, tmp_path / f"back-{number}")
        except livematte.InputError as error:
            refused[number] = str(error)
    assert refused
    for number, message in refused.items():
        assert str(tmp_path) in message
        assert not (tmp_path / f"back-{number}").exists()
