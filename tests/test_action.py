"""The stand-in for bodies in action: what it is made of, that it moves, and that its truth is exact."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

import livematte
from livematte.dataset import Pictures, Row, read_index
from livematte.errors import InputError
from livematte.media import write_photo
from livematte.scoring.action import FRAMES, HEIGHT, NOISE, WIDTH, Action, cut_out

RED, BLUE, GREY = (180, 0, 0), (0, 0, 150), (90, 90, 90)


@dataclass
class Folder:
    """Plain red people before grey and plain blue places."""

    path: Path
    lines: list[dict[str, object]] = field(default_factory=list)

    def person(
        self, *boxes: tuple[int, int, int, int], colour: tuple[int, int, int] = RED, **more: object
    ) -> Row:
        """Boxes of top, bottom, left, right in a picture of 160×200."""
        mask = np.zeros((200, 160), np.uint8)
        for top, bottom, left, right in boxes:
            mask[top:bottom, left:right] = 255
        name = f"{len(self.lines)}.png"
        write_photo(self.path / f"mask-{name}", mask)
        write_photo(self.path / name, np.where(mask[..., None] > 0, colour, GREY).astype(np.uint8))
        line = {"image": name, "mask": f"mask-{name}", "truth": "person", "split": "val", "set": "bodies"}
        return self.add(line | more)

    def place(self, **more: object) -> Row:
        name = f"{len(self.lines)}.png"
        write_photo(self.path / name, np.full((90, 120, 3), BLUE, np.uint8))
        return self.add({"image": name, "truth": "none", "split": "val", "set": "places"} | more)

    def add(self, line: dict[str, object]) -> Row:
        self.lines.append(line)
        (self.path / "index.jsonl").write_text("".join(json.dumps(line) + "\n" for line in self.lines))
        return read_index(self.path)[-1]

    def cut(self, row: Row) -> np.ndarray | None:
        with Pictures(self.path) as pictures:
            return cut_out(pictures, row)

    def made(self, seed: int = 1) -> list:
        with Pictures(self.path) as pictures:
            action = Action(pictures, read_index(self.path), seed)
            samples = list(action)
            assert len(action) == len(samples)
            return samples


WHOLE = (20, 180, 50, 110)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_the_largest_whole_person_is_cut_out(folder: Folder) -> None:
    person = folder.cut(folder.person(WHOLE, (20, 120, 120, 130)))
    assert person.shape == (160, 60, 4)
    assert np.array_equal(person[80, 30], [*RED, 255])
    assert (person[..., 1:3] == 0).all()  # nothing of the grey around
    assert (person[0, :, 3] < 255).all()


@pytest.mark.parametrize(
    "box",
    [
        (0, 180, 50, 110),
        (20, 200, 50, 110),
        (20, 180, 0, 60),
        (20, 180, 100, 160),
        (20, 100, 50, 90),
        (40, 160, 20, 100),
    ],
    ids=["top", "bottom", "left", "right", "small", "wide"],
)
def test_who_is_cut_off_or_small_or_lies_down_is_not_taken(folder: Folder, box: tuple[int, ...]) -> None:
    assert folder.cut(folder.person(box)) is None


def test_a_picture_of_nobody_gives_nobody(folder: Folder) -> None:
    assert folder.cut(folder.person()) is None


def test_a_cutout_may_touch_the_edges_and_keeps_its_alpha(folder: Folder) -> None:
    person = folder.cut(folder.person((0, 200, 50, 110), kind="cutout", truth="alpha"))
    assert person.shape == (200, 60, 4)
    assert (person[..., 3] == 255).all()


def test_a_seed_gives_the_same_clips(folder: Folder) -> None:
    folder.person(WHOLE)
    folder.place()
    one, same, other = folder.made(1), folder.made(1), folder.made(2)
    for a, b in zip(one, same, strict=True):
        assert np.array_equal(a.picture, b.picture)
        assert np.array_equal(a.truth, b.truth)
    assert not all(np.array_equal(a.truth, b.truth) for a, b in zip(one, other, strict=True))


def test_every_person_is_in_one_clip_of_consecutive_frames(folder: Folder) -> None:
    for _ in range(2):
        folder.person(WHOLE)
    folder.person((0, 180, 50, 110))
    folder.place()
    samples = folder.made()
    assert len(samples) == 2 * FRAMES
    assert [sample.frame for sample in samples] == 2 * list(range(FRAMES))
    assert [sample.follows for sample in samples] == 2 * [False, *[True] * (FRAMES - 1)]
    assert len({sample.clip for sample in samples}) == 2
    assert {sample.picture.shape for sample in samples} == {(HEIGHT, WIDTH, 3)}


def test_the_truth_is_exact(folder: Folder) -> None:
    """Red before blue: how blue a pixel is says how much of it the background is."""
    folder.person(WHOLE)
    folder.place()
    samples = folder.made()
    share = np.stack([sample.truth for sample in samples]) / 255
    shown = np.stack([sample.picture for sample in samples]).astype(float)
    off = shown[..., 2] - BLUE[2] * (1 - share)
    # the lower half of the noise is lost where blue is 0
    assert np.abs(off[share < 0.9]).max() < 6 * NOISE
    assert abs(off[share < 0.9].mean()) < 0.2
    assert off[share < 0.9].std() == pytest.approx(NOISE, rel=0.1)
    reds = shown[..., 0][share == 1]
    assert np.abs(reds - reds.mean()).max() < 6 * NOISE
    assert ((share > 0.1) & (share < 0.9)).mean() > 0.005  # blurred


def test_people_move_by_more_than_a_pixel_a_frame(folder: Folder) -> None:
    folder.person(WHOLE)
    folder.place()
    centres = [np.argwhere(sample.truth > 127).mean(0) for sample in folder.made()]
    assert np.linalg.norm(np.diff(centres, axis=0), axis=1).max() > 3


def test_without_people_or_without_places_there_are_no_clips(folder: Folder) -> None:
    folder.person(WHOLE)
    assert folder.made() == []
    folder.lines.clear()
    folder.place()
    assert folder.made() == []


def test_the_stand_in_is_a_set_of_its_own_made_of_the_split_alone(folder: Folder) -> None:
    folder.person(WHOLE)
    folder.person(WHOLE, split="train")
    folder.place()
    found = livematte.evaluate(folder.path, threads=1).scores
    assert [(score.set, score.pictures) for score in found if score.previous_mask] == [
        ("bodies", 1),
        ("stand-in", FRAMES),
    ]
    (with_it, _) = livematte.evaluate(folder.path, threads=1, sets=["stand-in"]).scores
    assert with_it == found[1]
    (still,) = livematte.evaluate(folder.path, threads=1, sets=["bodies"]).scores
    assert still == found[0]


def test_asked_for_alone_it_needs_material(folder: Folder) -> None:
    folder.person((0, 180, 50, 110))
    folder.place()
    with pytest.raises(InputError, match="stand-in"):
        livematte.evaluate(folder.path, threads=1, sets=["stand-in"])
