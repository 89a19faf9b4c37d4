"""docs/scene.md says what is so."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest
from clips import make_clip, picture

from livematte.media import write_photo
from livematte.scene import LOOKS, Style

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "scene.md").read_text(encoding="utf-8")
CARD = (DOCS.parent / "MODEL_CARD.md").read_text(encoding="utf-8")


def test_every_option_is_on_the_page() -> None:
    for field in fields(Style):
        assert f"--{field.name.replace('_', '-')}" in PAGE.replace("--no-loop", "--loop")


@pytest.mark.parametrize("name", LOOKS)
def test_every_look_is_on_the_page_as_it_is(name: str) -> None:
    options = re.search(rf"^\| `{name}` \| `(.+)` \|$", PAGE, re.MULTILINE)
    assert options
    said = re.findall(r"--([a-z-]+) (\S+)", options[1])
    look = LOOKS[name]
    plain = Style()
    chosen = {field.name: getattr(look.style, field.name) for field in fields(Style)}
    changed = {key: value for key, value in chosen.items() if value != getattr(plain, key)}
    assert dict(said).pop("background") == look.background
    assert {key.replace("-", "_"): float(value) for key, value in said if key != "background"} == changed


def test_the_pictures_are_there_and_small() -> None:
    named = set(re.findall(r"\]\(pictures/(\S+)\)", PAGE) + re.findall(r"\]\(docs/pictures/(\S+)\)", CARD))
    pictures = DOCS / "pictures"
    assert named == {path.name for path in pictures.iterdir()}
    assert sum((pictures / name).stat().st_size for name in named) < 1_500_000


def test_the_code_on_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_clip(tmp_path / "in.mp4")
    write_photo(tmp_path / "beach.jpg", picture(0))
    names: dict[str, object] = {}
    for code in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(compile(code, "scene.md", "exec"), names)
    assert (tmp_path / "out.mp4").is_file()
