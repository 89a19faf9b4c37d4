"""What an evaluation leaves behind: the table, the JSON, and a page that needs nothing else."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from html.parser import HTMLParser
from io import BytesIO, StringIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

import livematte
from livematte.errors import OutputError
from livematte.media import write_photo
from livematte.scoring.columns import FIGURES, MISSED, PROMISES, WRONG
from livematte.scoring.pictures import difference
from livematte.scoring.plots import Line, plot
from livematte.scoring.results import Measured, Promises, Score, Shown
from livematte.scoring.table import tables

VOID = {"meta", "img"}
ODD = "<b>[i]stills&co</b>"
"""A set's name that must be escaped."""


class Page(HTMLParser):
    """The elements of a page, the words in each kind of element, and whether all are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: dict[str, list[str]] = {}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, text: str) -> None:
        if self.open:
            self.words.setdefault(self.open[-1], []).append(text)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def nobody() -> livematte.Peer:
    return lambda picture: np.zeros(picture.shape[:2], np.float32)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip with a gap, two stills with an odd name, whole people and places."""
    path = tmp_path_factory.mktemp("data")
    random, lines = np.random.default_rng(1), []

    def add(of_set: str, **more: object) -> None:
        name = f"{len(lines)}.png"
        write_photo(path / name, random.integers(0, 255, (60, 80, 3)).astype(np.uint8))
        write_photo(path / f"mask-{name}", np.repeat([[0] * 40 + [255] * 40], 60, 0).astype(np.uint8))
        line = {"image": name, "mask": f"mask-{name}", "truth": "person", "split": "val", "set": of_set}
        lines.append(line | more)

    for number in (0, 1, 2, 3, 4, 5, 9, 10):
        add("talks", kind="clip", clip="one", frame=number, by="key")
    add(ODD)
    add(ODD)
    (path / "index.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.fixture(scope="module")
def found(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[livematte.Evaluation, Path]:
    target = tmp_path_factory.mktemp("results")
    evaluation = livematte.evaluate(
        data, threads=1, peers={"nobody": nobody}, json=target / "all.json", html=target / "all.html"
    )
    return evaluation, target


@pytest.fixture(scope="module")
def html(found: tuple[livematte.Evaluation, Path]) -> Page:
    return Page((found[1] / "all.html").read_text(encoding="utf-8"))


def test_the_json_has_every_figure(found: tuple[livematte.Evaluation, Path]) -> None:
    evaluation, target = found
    written = json.loads((target / "all.json").read_text(encoding="utf-8"))
    assert written["split"] == "val"
    assert [(one["network"], one["set"], one["previous_mask"], one["iou"]) for one in written["scores"]] == [
        (score.network, score.set, score.previous_mask, score.iou) for score in evaluation.scores
    ]
    assert len(written["pictures"]) == 20
    own = [one for one in written["pictures"] if (one["network"], one["set"]) == ("best", "talks")]
    mean = next(one["iou"] for one in written["scores"] if one["set"] == "talks")
    assert np.mean([one["iou"] for one in own]) == pytest.approx(mean)
    assert [one["flicker"] is None for one in own] == [True, *[False] * 5, True, False]
    assert own[0]["alone"]["iou"] == own[0]["iou"]
    assert written["promises"][0]["set"] == "talks"


def test_the_page_needs_nothing_else(found: tuple[livematte.Evaluation, Path], html: Page) -> None:
    text = (found[1] / "all.html").read_text(encoding="utf-8")
    assert "://" not in text
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in html.elements}
    assert all(not name.startswith("on") for _, attributes in html.elements for name in attributes)
    assert "url(" not in "".join(html.words["style"])
    assert "@import" not in "".join(html.words["style"])
    assert "prefers-color-scheme: dark" in "".join(html.words["style"])


def test_the_page_has_the_figures_of_the_table(found: tuple[livematte.Evaluation, Path], html: Page) -> None:
    cells = html.words["td"]
    for column in FIGURES:
        for score in found[0].scores:
            assert column.text(score) in cells
    assert {"with", "without", "nobody", "best"} <= set(cells)
    assert ODD in html.words["th"]  # as text: escaped in the source


def test_the_page_plots_every_set_and_clip(html: Page) -> None:
    plots = [attributes["aria-label"] for attributes in html.all("svg")]
    assert plots == [
        f"IoU of the pictures of {ODD}, from the worst to the best",
        "IoU of the pictures of talks, from the worst to the best",
        "IoU of talks: one",
        "flicker of talks: one",
    ]
    # two sets × two networks; then, in two pieces for the gap, two networks and the first frame by frame
    assert len([line for line in html.all("path") if "line" in (line["class"] or "")]) == 4 + 6 + 6
    numbers = [number for path in html.all("path") for number in (path["d"] or "").replace("L", " ").split()]
    assert not any("nan" in number or "inf" in number for number in numbers)


def test_the_page_shows_the_worst_pictures(found: tuple[livematte.Evaluation, Path], html: Page) -> None:
    images = html.all("img")
    assert len(images) == 4 * len(found[0].worst) == 4 * 2 * 3
    names = ["picture", "truth", "mask", "difference"]
    assert [(image["alt"] or "").split(" of ")[0] for image in images] == names * 6
    for image in images:
        kind, data = (image["src"] or "").split(",")
        assert kind == "data:image/jpeg;base64"
        assert Image.open(BytesIO(base64.b64decode(data))).size == (80, 60)
    truth = Image.open(BytesIO(base64.b64decode((images[1]["src"] or "").split(",")[1])))
    assert np.asarray(truth)[:, :30].max() < 20
    assert np.asarray(truth)[:, 50:].min() > 235


def test_what_is_missed_and_what_is_wrong_have_colours_of_their_own() -> None:
    truth, alpha = np.array([[0, 0, 255, 255]], np.uint8), np.array([[0, 1, 0, 1]], np.float32)
    figures = Measured(iou=0, mean_iou=0, boundary_f=0, network="n", set="s", image="i")
    shown = difference(Shown(figures, np.full((1, 4, 3), 128, np.uint8), truth, alpha))
    assert np.abs(shown[0].astype(int) - [(128,) * 3, WRONG, MISSED, (128,) * 3]).max() <= 1


def test_lines_run_through_their_points_and_break_at_gaps() -> None:
    line = Line("l", [(0, 0.0), (1, 1.0), (1, None), (2, 0.5)])
    drawn = plot(
        [line], title="t", x_ticks=[(0, "0"), (2, "2")], y_ticks=[(0, "0"), (1, "1")], size=(146, 128)
    )
    assert 'd="M38.0 108.0L88.0 8.0"' in drawn
    assert 'd="M138.0 58.0h0.01"' in drawn


def test_the_best_of_several_is_marked() -> None:
    def score(iou: float, flicker: float | None) -> Score:
        return Score(iou=iou, mean_iou=0, boundary_f=0, flicker=flicker, network="n", set="s", pictures=1)

    columns = {column.name: column for column in FIGURES}
    two = [score(0.5, 0.002), score(0.75, 0.001), score(0.25, None)]
    assert [columns["iou"].is_best(one, two) for one in two] == [False, True, False]
    assert [columns["flicker"].is_best(one, two) for one in two] == [False, True, False]
    assert not columns["iou"].is_best(two[0], two[:1])
    assert [columns["flicker"].text(one) for one in two] == ["2.00", "1.00", "–"]
    waited = Promises(network="n", set="s", appearance=-0.00125, distrust=1.25, distrust_worst=3)
    assert [column.text(waited) for column in PROMISES] == ["-0.0013", "–", "1.2", "3"]


def test_the_table_has_a_row_of_every_score(found: tuple[livematte.Evaluation, Path]) -> None:
    console = Console(width=160, file=StringIO())
    for table in tables(found[0]):
        console.print(table)
    rows = [line.split() for line in console.file.getvalue().splitlines()]
    for score in found[0].scores:
        assert any(
            score.network in row and f"{score.iou:.4f}" in row and str(score.pictures) in row for row in rows
        )
    assert any(row[:1] == [ODD] for row in rows)
    assert any(row[:2] == ["talks", "best"] and "with" in row for row in rows)


@pytest.mark.parametrize("target", ["json", "html"])
def test_a_target_that_cannot_be_written_is_refused_first(data: Path, target: str) -> None:
    def never(done: int, total: int | None) -> None:
        pytest.fail("pictures were measured")

    with pytest.raises(OutputError, match="none"):
        livematte.evaluate(data, threads=1, progress=never, **{target: data / "none" / "file"})


def test_the_command_writes_all_three(data: Path, tmp_path: Path) -> None:
    (tmp_path / "others.py").write_text(
        "import numpy as np\n\ndef nobody():\n    return lambda rgb: np.zeros(rgb.shape[:2], np.float32)\n"
    )
    main = [sys.executable, "-c", "from livematte.cli import main; main()"]
    call = [
        "evaluate",
        str(data),
        "--set",
        "talks",
        "--peer",
        "others:nobody",
        "--json",
        "a.json",
        "--html",
        "a.html",
    ]
    done = subprocess.run(
        [*main, *call, "--threads", "1"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    written = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    for score in written["scores"]:
        assert f"{score['iou']:.4f}" in done.stdout
    assert "others:nobody" in done.stdout
    assert "distrust" in done.stdout
    Page((tmp_path / "a.html").read_text(encoding="utf-8"))
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == [
        "a.html",
        "a.json",
        "others.py",
    ]
