"""How well a network does: what is counted, in which order, and what each frame is fed."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import pytest

import livematte
from livematte.errors import InputError, OptionError
from livematte.measure import flicker, iou, mad, mse
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
    return [np.clip(0.6 * rgb + 60 + rng.normal(0, 15, rgb.shape), 0, 255).astype(np.uint8) for rgb in shown]


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


def test_without_the_mask_before_each_frame_of_a_clip_is_a_first_frame(
    folder: Folder, frames: list[np.ndarray]
) -> None:
    fed = folder.clip(frames, "clips", "walk")
    alone = [Segmenter(threads=1)(frame).alpha for frame in frames]
    folder.still(frames[0], "stills")
    with_it, without, still = livematte.evaluate(folder.write(), threads=1).scores
    assert (with_it.previous_mask, without.previous_mask, still.previous_mask) == (True, False, True)
    wanted = np.mean([iou(one, truth) for one, truth in zip(alone, fed, strict=True)])
    assert with_it.iou == 1 > without.iou == pytest.approx(wanted)
    pairs = zip(alone, alone[1:], fed, fed[1:], strict=False)
    changes = [flicker(alpha, before, truth, earlier) for before, alpha, earlier, truth in pairs]
    assert without.flicker == pytest.approx(np.mean(changes))
    assert (still.set, still.flicker, still.dtssd) == ("stills", None, None)


@pytest.mark.parametrize(
    ("row", "soft"),
    [({"truth": "alpha"}, True), ({"by": "key"}, True), ({}, False), ({"by": "teacher"}, False)],
)
def test_alpha_is_measured_where_the_truth_is_alpha(
    folder: Folder, frames: list[np.ndarray], row: dict[str, str], soft: bool
) -> None:
    person = folder.still(frames[0], "a", **row)
    (score,) = livematte.evaluate(folder.write(), threads=1).scores
    alpha = Segmenter(threads=1)(frames[0]).alpha
    assert score.mad == (pytest.approx(mad(alpha, person)) if soft else None)
    assert score.mse == (pytest.approx(mse(alpha, person)) if soft else None)


@pytest.fixture
def left(tmp_path: Path) -> Path:
    """A clip of 26 frames, and two stills, of which the left half is a person; what they show is grey."""
    lines = []
    for number in range(28):
        write_photo(tmp_path / f"{number}.png", np.full((20, 40, 3), 5 * number, np.uint8))
        line = {"image": f"{number}.png", "mask": "mask.png", "truth": "person", "split": "val"}
        of_clip = {"set": "clips", "clip": "walk", "frame": number}
        lines.append(line | (of_clip if number < 26 else {"set": "stills"}))
    write_photo(tmp_path / "mask.png", np.repeat([[255] * 20 + [0] * 20], 20, 0).astype(np.uint8))
    (tmp_path / "index.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return tmp_path


def person(share: float = 1.0) -> np.ndarray:
    """Alpha of the left half, or of a share of it: its IoU."""
    alpha = np.zeros((20, 40), np.float32)
    alpha[:, : round(20 * share)] = 1
    return alpha


class Slow:
    """Finds nobody in the first two frames after a reset, and half of him for three after a wrong mask."""

    def __init__(self) -> None:
        self.previous: np.ndarray | None = None
        self.reset()

    def reset(self) -> None:
        self.seen, self.previous, self.shy = 0, None, 0

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        if self.previous is not None and self.previous[0, 0] == 0 and self.previous[0, -1] == 1:
            self.seen, self.shy = 2, 3
        self.seen += 1
        self.shy -= 1
        self.previous = person()
        return person(0.0 if self.seen <= 2 else 0.5 if self.shy >= 0 else 1.0)


def of(name: str, results: list) -> list:
    return [result for result in results if result.network == name]


def test_the_promises_are_measured_in_clips(left: Path) -> None:
    found = livematte.evaluate(left, threads=1, peers={"slow": Slow})
    fed, alone, stills = of("slow", found.scores)
    assert (fed.set, alone.set, stills.set) == ("clips", "clips", "stills")
    assert (fed.iou, alone.iou, stills.iou) == (pytest.approx(24 / 26), 0, 0)
    (promises,) = of("slow", found.promises)
    assert promises.set == "clips"
    assert promises.appearance == 1  # every first frame finds nobody
    # of frames 5, 10, … 25, shown with four left out between, only 5 is the second after the reset
    assert promises.fast == pytest.approx(1 / 5)
    assert promises.distrust == promises.distrust_worst == 3


def test_flicker_and_dtssd_are_means_over_neighbouring_frames(left: Path) -> None:
    class Blinking:
        def __call__(self, picture: np.ndarray) -> np.ndarray:
            return person(picture[0, 0, 0] % 2)

    fed, still = of("blinking", livematte.evaluate(left, threads=1, peers={"blinking": Blinking}).scores)
    assert (fed.pictures, fed.iou) == (26, 0.5)
    assert fed.flicker == pytest.approx(0.5)  # half of the picture changes in every frame
    assert fed.dtssd == pytest.approx(0.5**0.5)
    assert still.flicker is None


def test_a_peer_that_remembers_nothing_is_measured_once(left: Path) -> None:
    found = livematte.evaluate(left, threads=1, peers={"flat": lambda: lambda picture: person()})
    assert [(score.set, score.iou, score.previous_mask) for score in of("flat", found.scores)] == [
        ("clips", 1, True),
        ("stills", 1, True),
    ]
    assert of("flat", found.promises) == []


def test_the_worst_pictures_are_kept_one_of_each_clip(left: Path) -> None:
    def fading(picture: np.ndarray) -> np.ndarray:
        alpha = person()
        alpha.flat[: picture[0, 0, 0]] = 0
        return alpha

    found = livematte.evaluate(left, threads=1, peers={"fading": lambda: fading})
    kept = [
        (shown.figures.set, shown.figures.image) for shown in found.worst if shown.figures.network == "fading"
    ]
    assert kept == [("clips", "25.png"), ("stills", "27.png"), ("stills", "26.png")]
    worst = found.worst[-1]
    assert worst.figures.iou == iou(worst.alpha, worst.truth)


@pytest.mark.parametrize(
    ("alpha", "word"),
    [
        (np.zeros((20, 20), np.float32), r"\(20, 20\)"),
        (np.zeros((20, 40), np.uint8), "uint8"),
        (np.full((20, 40), 255.0), r"255\.\.255"),
        (np.full((20, 40), -1.0), "-1"),
        (np.full((20, 40), np.nan), "nan"),
    ],
)
def test_a_peer_that_returns_no_alpha_is_an_error(left: Path, alpha: np.ndarray, word: str) -> None:
    with pytest.raises(OptionError, match=f"odd returned .*{word}"):
        livematte.evaluate(left, threads=1, peers={"odd": lambda: lambda picture: alpha})


def test_a_peer_may_use_its_memory_again(left: Path) -> None:
    memory = np.zeros((20, 40), np.float32)

    def blinking(picture: np.ndarray) -> np.ndarray:
        memory[:] = person(picture[0, 0, 0] % 2)
        return memory

    fed, _ = of("b", livematte.evaluate(left, threads=1, peers={"b": lambda: blinking}).scores)
    assert fed.flicker == pytest.approx(0.5)


def test_a_clip_that_changes_its_size_starts_anew(folder: Folder, frames: list[np.ndarray]) -> None:
    folder.clip(frames[:2], "clips", "walk")
    folder.segmenter.reset()
    for number, frame in enumerate(frames[2:], 2):
        folder.add(frame[:60], "clips", kind="clip", clip="walk", frame=number)
    assert scores(folder.write()) == {"clips": (6, 1.0)}


def test_a_peer_may_be_named_by_module_and_function(left: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (left / "some_peers.py").write_text(
        "import numpy as np\n\ndef nobody():\n    return lambda rgb: np.zeros(rgb.shape[:2], np.float32)\n"
    )
    monkeypatch.chdir(left)
    monkeypatch.setattr(sys, "path", list(sys.path))
    found = livematte.evaluate(left, threads=1, peers=["some_peers:nobody"])
    assert [score.iou for score in of("some_peers:nobody", found.scores)] == [0, 0]
    assert [score.network for score in found.scores] == ["best"] * 3 + ["some_peers:nobody"] * 2


@pytest.mark.parametrize(
    "name", ["plain", "no_such_module:peer", "json:no_such_name", "json:__name__", ":x", "x:"]
)
def test_a_peer_that_cannot_be_found_is_named(left: Path, name: str) -> None:
    with pytest.raises(OptionError, match=name):
        livematte.evaluate(left, threads=1, peers=[name])


def test_a_peer_needs_a_name_of_its_own(left: Path) -> None:
    with pytest.raises(OptionError, match="'best'"):
        livematte.evaluate(left, threads=1, peers={"best": Slow})
