"""How well a network does: what is counted, in which order, and what each frame is fed."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import pytest

import livematte
from livematte.errors import InputError, OptionError
from livematte.media import write_photo
from livematte.segment import Segmenter


@dataclass
class Folder:
    """A data folder whose truth is the network's own answer, so that nothing but 1 is right."""

    path: Path
    lines: list[dict[str, object]] = field(default_factory=list)
    segmenter: Segmenter = field(default_factory=lambda: Segmenter(threads=1))

    def add(self, picture: np.ndarray, of_set: str, split: str = "val", **more: object) -> np.ndarray:
        """Add a picture with the mask that follows from what the segmenter has seen since its reset."""
        person = np.where(self.segmenter(picture).alpha > 0.5, 255, 0).astype(np.uint8)
        name = f"{len(self.lines)}.png"
        write_photo(self.path / f"picture-{name}", picture)
        write_photo(self.path / f"mask-{name}", person)
        line = {"image": f"picture-{name}", "mask": f"mask-{name}", "truth": "person"}
        self.lines.append(line | {"split": split, "set": of_set} | more)
        return person

    def still(self, picture: np.ndarray, of_set: str, split: str = "val", **more: object) -> np.ndarray:
        self.segmenter.reset()
        return self.add(picture, of_set, split, **more)

    def clip(self, pictures: list[np.ndarray], of_set: str, name: str, first: int = 0) -> list[np.ndarray]:
        self.segmenter.reset()
        return [
            self.add(picture, of_set, kind="clip", clip=name, frame=number)
            for number, picture in enumerate(pictures, first)
        ]

    def write(self, *, shuffled: bool = False) -> Path:
        lines = [json.dumps(line) for line in self.lines]
        if shuffled:
            np.random.default_rng(1).shuffle(lines)
        (self.path / "index.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return self.path


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.fixture(scope="module")
def frames() -> list[np.ndarray]:
    """Frames of the shipped clip, RGB 96×80, so noisy that the mask before makes a difference."""
    rng = np.random.default_rng(1)
    with as_file(files("livematte.sample") / "clip.mp4") as clip:
        shown = [frame.rgb(96, 80) for frame, _ in zip(livematte.read(clip), range(6), strict=False)]
    return [np.clip(0.4 * rgb + 80 + rng.normal(0, 40, rgb.shape), 0, 255).astype(np.uint8) for rgb in shown]


def scores(folder: Path, **options: object) -> dict[str, tuple[int, float]]:
    found = livematte.evaluate(folder, threads=1, **options).scores
    return {score.set: (score.pictures, score.iou) for score in found if score.previous_mask}


def test_pictures_are_counted_by_set_in_order_of_name(folder: Folder, frames: list[np.ndarray]) -> None:
    for of_set in ("b", "c", "a", "b", "b", "a"):
        folder.still(frames[0], of_set)
    found = livematte.evaluate(folder.write(), threads=1).scores
    assert [(score.set, score.pictures) for score in found] == [("a", 2), ("b", 3), ("c", 1)]
    assert [score.iou for score in found] == [1, 1, 1]


def test_every_still_is_a_first_frame(folder: Folder, frames: list[np.ndarray]) -> None:
    for frame in frames:
        folder.still(frame, "stills")
    assert scores(folder.write(shuffled=True)) == {"stills": (6, 1.0)}


def test_the_frames_of_a_clip_are_fed_the_mask_before(folder: Folder, frames: list[np.ndarray]) -> None:
    fed = folder.clip(frames, "clips", "walk")
    alone = [np.where(Segmenter(threads=1)(frame).alpha > 0.5, 255, 0) for frame in frames]
    assert any(not np.array_equal(one, other) for one, other in zip(fed, alone, strict=True))
    assert scores(folder.write(shuffled=True)) == {"clips": (6, 1.0)}


def test_every_clip_starts_anew(folder: Folder, frames: list[np.ndarray]) -> None:
    folder.clip(frames[:2], "clips", "a", first=3)
    folder.clip(frames[2:4], "clips", "b", first=5)  # goes on counting where the one before it ends
    folder.clip(frames[4:], "more", "b", first=7)
    folder.still(frames[0], "clips")
    assert scores(folder.write(shuffled=True)) == {"clips": (5, 1.0), "more": (2, 1.0)}


def test_after_a_gap_a_clip_starts_anew(folder: Folder, frames: list[np.ndarray]) -> None:
    folder.clip(frames[:2], "clips", "walk")
    folder.clip(frames[2:], "clips", "walk", first=10)
    assert scores(folder.write()) == {"clips": (6, 1.0)}


def test_the_mean_is_over_pictures(folder: Folder, frames: list[np.ndarray]) -> None:
    person = folder.still(frames[0], "a")
    folder.still(frames[0], "a")
    write_photo(folder.path / "mask-1.png", 255 - person)
    assert 0 < person.mean() < 255
    assert scores(folder.write()) == {"a": (2, 0.5)}


def test_only_the_split_and_sets_asked_for_count(folder: Folder, frames: list[np.ndarray]) -> None:
    for of_set in ("a", "b", "c"):
        folder.still(frames[0], of_set)
        folder.still(frames[1], of_set, split="test")
    data = folder.write()
    assert scores(data) == dict.fromkeys("abc", (1, 1.0))
    assert scores(data, split="test", sets=["a", "c"]) == {"a": (1, 1.0), "c": (1, 1.0)}


def test_pictures_without_truth_do_not_count(folder: Folder, frames: list[np.ndarray]) -> None:
    folder.still(frames[0], "a")
    folder.still(frames[1], "a", truth="none", mask=None)
    assert scores(folder.write()) == {"a": (1, 1.0)}


def test_progress_counts_every_picture(folder: Folder, frames: list[np.ndarray]) -> None:
    for frame in frames[:3]:
        folder.still(frame, "a")
    calls = []
    livematte.evaluate(folder.write(), threads=1, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize("asked", [{"split": "none"}, {"sets": ["none"]}])
def test_nothing_to_measure_is_an_error(
    folder: Folder, frames: list[np.ndarray], asked: dict[str, object]
) -> None:
    folder.still(frames[0], "a")
    with pytest.raises(InputError, match="none"):
        livematte.evaluate(folder.write(), **asked)


def test_a_folder_without_an_index_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"index\.jsonl"):
        livematte.evaluate(tmp_path)


def test_a_missing_picture_is_named(folder: Folder, frames: list[np.ndarray]) -> None:
    folder.still(frames[0], "a")
    (folder.path / "picture-0.png").unlink()
    with pytest.raises(InputError, match=r"picture-0\.png"):
        livematte.evaluate(folder.write(), threads=1)


def test_an_unknown_network_is_refused(folder: Folder, frames: list[np.ndarray]) -> None:
    folder.still(frames[0], "a")
    with pytest.raises(OptionError, match="'nope'"):
        livematte.evaluate(folder.write(), network="nope")


def test_a_mask_of_another_size_is_an_error(folder: Folder, frames: list[np.ndarray]) -> None:
    person = folder.still(frames[0], "a")
    write_photo(folder.path / "mask-0.png", person[::2, ::2])
    with pytest.raises(InputError, match=r"mask-0\.png"):
        livematte.evaluate(folder.write(), threads=1)
