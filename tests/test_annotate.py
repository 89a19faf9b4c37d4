"""The annotation loop: packed, collected, agreement, consensus, what to annotate next."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from folders import command, jpeg, make_folder, parts_of, rows_of, write_rows
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

import livematte
from livematte.annotate.agreement import Agreement, annotation_agreement, annotation_consensus
from livematte.annotate.consensus import majority, staple
from livematte.annotate.distance import boundary_distance
from livematte.annotate.pack import assign
from livematte.annotate.page import show_agreement
from livematte.annotate.unsure import mean_entropy
from livematte.dataset import Pictures, Row, read_index
from livematte.dataset.formats import cvat, label_studio
from livematte.dataset.formats.files import Files
from livematte.dataset.formats.item import Images, Item, LabelMap, Notes, Source
from livematte.dataset.write import Writer
from livematte.labels import Label

SIDE = 400


def annotated(
    folder: Path, name: str, masks: dict[str, NDArray[np.uint8]], truth: str = "parts", **more: Any
) -> Path:
    """A data folder of one annotator; masks by picture."""
    (folder / name).mkdir(parents=True)
    writer = Writer(folder / name)
    for picture, mask in masks.items():
        row = Row(picture, truth, "train", "drawn", annotator=name, licence="CC0", **more)
        writer.add(row, jpeg(np.full((*mask.shape, 3), 90, np.uint8)), mask)
    writer.finish()
    return folder / name


def box(left: int, right: int, label: int = Label.CLOTHES, side: int = SIDE) -> NDArray[np.uint8]:
    mask = np.zeros((side, side), np.uint8)
    mask[100:300, left:right] = label
    return mask


def disc(radius: float, label: int = Label.HAIR) -> NDArray[np.uint8]:
    y, x = np.mgrid[:SIDE, :SIDE] + 0.5
    return np.where((x - 200) ** 2 + (y - 200) ** 2 < radius**2, label, 0).astype(np.uint8)


def two(folder: Path, first: NDArray[np.uint8], second: NDArray[np.uint8], **more: Any) -> Agreement:
    annotated(folder, "anna", {"a.jpg": first}, **more)
    annotated(folder, "berta", {"a.jpg": second}, **more)
    return annotation_agreement(folder)


@pytest.mark.parametrize("shift", [0, 1, 2, 5, 20, 199, 200])
def test_agreement_of_annotators_with_a_known_error(tmp_path: Path, shift: int) -> None:
    """A box of 200 columns moved by some: the intersection over union is known exactly."""
    found = two(tmp_path, box(0, 200), box(shift, 200 + shift))
    assert found.iou == pytest.approx((200 - shift) / (200 + shift), abs=1e-12)
    assert found.classes()["clothes"][0] == found.iou
    assert found.reached == (shift <= 2)


@pytest.mark.parametrize("radius", [150, 190])
@pytest.mark.parametrize("error", [0.5, 1.0, 2.0, 6.0])
def test_agreement_on_discs_is_right_to_a_thousandth(tmp_path: Path, radius: float, error: float) -> None:
    found = two(tmp_path, disc(radius), disc(radius - error))
    assert found.iou == pytest.approx(((radius - error) / radius) ** 2, abs=1e-3)
    if error >= 1:  # the outlines are of whole pixels
        assert found.pairs[0].distance == pytest.approx(error, abs=0.35)


@pytest.mark.parametrize("share", [0.001, 0.01, 0.02, 0.05])
def test_agreement_of_annotators_who_slip_at_random_is_right_to_a_thousandth(
    tmp_path: Path, share: float
) -> None:
    """Each annotator misses a share of the person's pixels: of n, (1 - s)² n are agreed on."""
    random = np.random.default_rng(1)
    truth = box(50, 350)
    masks = {}
    for name in ("anna", "berta"):
        mask = truth.copy()
        mask[(random.random(truth.shape) < share)] = 0
        masks[name] = mask
    found = two(tmp_path, masks["anna"], masks["berta"])
    assert found.iou == pytest.approx((1 - share) ** 2 / (1 - share**2), abs=1e-3)


def test_classes_are_compared_each_and_pooled_over_pictures(tmp_path: Path) -> None:
    first, second = box(100, 300), box(100, 300)
    second[100:300, 200:300] = Label.HAIR
    annotated(tmp_path, "anna", {"a.jpg": first, "b.jpg": box(100, 200), "c.jpg": box(0, 9)})
    annotated(tmp_path, "berta", {"a.jpg": second, "b.jpg": box(100, 200)})
    found = annotation_agreement(tmp_path)
    assert len(found.pairs) == 2  # c is of anna alone
    assert found.iou == 1.0
    classes = found.classes()
    assert classes["clothes"] == (pytest.approx(2 / 3), pytest.approx(0.75), 2)
    assert classes["hair"] == (0.0, 0.0, 1)
    assert set(classes) == {"person", "clothes", "hair"}


def test_merged_classes_are_compared_as_one(tmp_path: Path) -> None:
    found = two(tmp_path, box(100, 300, Label.SKIN), box(100, 300, Label.NECK))
    assert found.classes()["skin"][0] == 0
    merged = two(
        tmp_path / "m", box(100, 300, Label.SKIN), box(100, 300, Label.NECK), merged=(("skin", "neck"),)
    )
    assert merged.classes()["skin"][0] == 1
    assert "neck" not in merged.classes()


def test_a_person_without_parts_is_compared_as_a_person(tmp_path: Path) -> None:
    annotated(tmp_path, "anna", {"a.jpg": box(100, 300)})
    person = np.where(box(100, 200) > 0, 255, 0).astype(np.uint8)
    annotated(tmp_path, "berta", {"a.jpg": person}, "person")
    found = annotation_agreement(tmp_path)
    assert found.iou == 0.5
    assert set(found.classes()) == {"person"}


def test_three_annotators_make_three_pairs(tmp_path: Path) -> None:
    for name, right in (("anna", 300), ("berta", 300), ("carla", 200)):
        annotated(tmp_path, name, {"a.jpg": box(100, right)})
    found = annotation_agreement(tmp_path).of_annotators()
    assert {pair: iou for pair, (iou, _, _) in found.items()} == {
        ("anna", "berta"): 1.0,
        ("anna", "carla"): 0.5,
        ("berta", "carla"): 0.5,
    }


def test_nothing_annotated_twice_is_said(tmp_path: Path) -> None:
    annotated(tmp_path, "anna", {"a.jpg": box(100, 300)})
    annotated(tmp_path, "berta", {"b.jpg": box(100, 300)})
    with pytest.raises(livematte.InputError, match="no picture was annotated by two"):
        annotation_agreement(tmp_path)
    with pytest.raises(livematte.InputError, match="one for each annotator"):
        annotation_agreement(tmp_path / "anna")


def test_distance_of_outlines() -> None:
    first, second = box(100, 300) > 0, box(103, 303) > 0
    assert boundary_distance(first, first) == 0
    sideways = boundary_distance(first, second)
    assert sideways is not None
    assert sideways == boundary_distance(second, first)
    # upright sides of 200 pixels lie 3 apart, level ones on each other but for their last pixels
    assert sideways == pytest.approx(3 * (2 * 200 + 2) / (4 * 200 - 4), abs=0.05)
    assert boundary_distance(first, np.zeros_like(first)) is None
    assert boundary_distance(np.zeros_like(first), np.zeros_like(first)) == 0


VOTES = arrays(
    np.uint8, st.tuples(st.integers(1, 5), st.integers(1, 6), st.integers(1, 6)), elements=st.integers(0, 4)
)


@given(VOTES)
def test_the_majority_is_a_label_that_none_outnumbers(votes: NDArray[np.uint8]) -> None:
    found = majority(votes)
    for y, x in np.ndindex(found.shape):
        counts = Counter(votes[:, y, x].tolist())
        most = max(counts.values())
        first = next(vote for vote in votes[:, y, x].tolist() if counts[vote] == most)
        assert found[y, x] == first


@given(VOTES)
def test_staple_keeps_what_all_agree_on_and_is_a_probability(votes: NDArray[np.uint8]) -> None:
    found = staple(np.concatenate([votes, votes[:1], votes[:1]]))
    assert found.labels.shape == votes.shape[1:]
    assert ((found.probability > 0) & (found.probability <= 1 + 1e-6)).all()
    np.testing.assert_allclose(found.confusion.sum(axis=2), 1, atol=1e-9)
    same = staple(np.stack([votes[0]] * 3))
    np.testing.assert_array_equal(same.labels, votes[0])


def slipping(truth: NDArray[np.uint8], right: list[list[float]], seed: int) -> NDArray[np.uint8]:
    """Votes of annotators who say the true label l with the probability right[annotator][l], else another."""
    random = np.random.default_rng(seed)
    votes = []
    size = len(right[0])
    for rates in right:
        miss = random.random(truth.shape) >= np.array(rates)[truth]
        other = (truth + random.integers(1, size, truth.shape)) % size
        votes.append(np.where(miss, other, truth))
    return np.stack(votes).astype(np.uint8)


def test_staple_finds_sensitivity_and_specificity_of_each_annotator() -> None:
    truth = (disc(150) > 0).astype(np.uint8)
    rates = [[0.95, 0.9], [0.9, 0.97], [0.99, 0.8]]  # of the background, of the person
    found = staple(slipping(truth, rates, 1))
    for of_rater, wanted in zip(found.confusion, rates, strict=True):
        np.testing.assert_allclose(np.diag(of_rater), wanted, atol=0.01)


def test_staple_trusts_one_good_annotator_over_two_bad_ones_and_the_majority_does_not() -> None:
    truth = (disc(150) > 0).astype(np.uint8)
    votes = slipping(truth, [[0.99, 0.99], [0.7, 0.7], [0.7, 0.7]], 2)
    assert (staple(votes).labels == truth).mean() == pytest.approx(0.99, abs=0.003)
    assert (majority(votes) == truth).mean() == pytest.approx(0.99 * 0.91 + 0.01 * 0.49, abs=0.003)


def test_staple_of_all_nine_classes() -> None:
    truth = parts_of(1, 300, 240)
    votes = slipping(truth, [[rate] * 9 for rate in (0.95, 0.9, 0.9, 0.85, 0.8)], 3)
    found = staple(votes)
    np.testing.assert_array_equal(found.classes, np.arange(9))
    assert (found.labels == truth).mean() > 0.995
    large = np.bincount(truth.ravel()) > 4000
    for of_rater, rate in zip(found.confusion, (0.95, 0.9, 0.9, 0.85, 0.8), strict=True):
        np.testing.assert_allclose(np.diag(of_rater)[large], rate, atol=0.02)


def test_the_consensus_is_one_data_folder(tmp_path: Path) -> None:
    odd = box(100, 300)
    odd[0:40, 0:40] = Label.HAIR
    for name, mask in (("anna", box(100, 300)), ("berta", box(100, 300)), ("carla", odd)):
        annotated(tmp_path / "all", name, {"a.jpg": mask, f"{name}.jpg": mask})
    for by in ("staple", "majority"):
        out = tmp_path / by
        assert annotation_consensus(tmp_path / "all", out, by=by) == 4  # type: ignore[arg-type]
        rows = read_index(out)
        assert rows[0].annotator == "anna+berta+carla"
        with Pictures(out) as pictures:
            np.testing.assert_array_equal(pictures.parts(rows[0]), box(100, 300))
            np.testing.assert_array_equal(pictures.parts(rows[3]), odd)
        assert livematte.check_data(out).sound


@given(st.integers(0, 60), st.integers(2, 5), st.floats(0, 1), st.integers(0, 9))
def test_every_picture_is_given_to_one_and_the_overlap_to_two(
    count: int, people: int, overlap: float, seed: int
) -> None:
    names = [f"n{number}" for number in range(people)]
    given = assign(count, names, overlap, seed)
    twice = [one for one in given if len(one) == 2]
    assert all(len(set(one)) == len(one) in (1, 2) for one in given)
    assert len(twice) == (min(count, max(1, round(overlap * count))) if overlap else 0)
    assert given == assign(count, names, overlap, seed)
    pairs = Counter(map(tuple, twice))
    assert not pairs or max(pairs.values()) - min(pairs.values()) <= 1
    alone = Counter(one[0] for one in given if len(one) == 1)
    assert not alone or max(alone.values()) - min(alone[name] for name in names) <= 1


def pack_of(folder: Path, tool: str, **more: Any) -> Path:
    data = make_folder(folder / "data", 7)
    livematte.pack_annotation(
        data, folder / "pack", ["anna", "berta"], tool=tool, overlap=0.4, draft="truth", threads=1, **more
    )
    return folder / "pack"


@pytest.mark.parametrize("tool", ["cvat", "label-studio"])
def test_what_is_packed_comes_back_as_it_was(tmp_path: Path, tool: str) -> None:
    pack = pack_of(tmp_path, tool)
    results = {}
    for name in ("anna", "berta"):
        results[name] = pack / name
        if tool == "label-studio":  # the annotator accepts the drafts
            tasks = json.loads((pack / name / "tasks.json").read_text())
            for task in tasks:
                task["annotations"] = [{"result": task["predictions"][0]["result"], "completed_by": 1}]
            results[name] = tmp_path / f"{name}.json"
            results[name].write_text(json.dumps(tasks))
    collected = livematte.collect_annotation(pack, tmp_path / "back", results)
    assert sum(one.pictures for one in collected.values()) == 7 + 3  # round(0.4 * 7) twice
    for name in results:
        folder = tmp_path / "back" / name
        assert livematte.check_data(folder).sound
        for row in read_index(folder):
            seed = int(Path(row.image).stem)
            assert (row.annotator, row.licence, row.set) == (name, "CC0 1.0", "drawn")
            with Pictures(folder) as pictures:
                np.testing.assert_array_equal(pictures.parts(row), parts_of(seed))
    assert annotation_agreement(tmp_path / "back").iou == 1


def test_one_export_of_all_says_whose_each_annotation_is(tmp_path: Path) -> None:
    pack = pack_of(tmp_path, "label-studio")
    both: dict[str, dict[str, Any]] = {}
    for name in ("anna", "berta"):
        for task in json.loads((pack / name / "tasks.json").read_text()):
            result = task["predictions"][0]["result"]
            done = both.setdefault(task["data"]["name"], task | {"annotations": []})
            done["annotations"].append({"result": result, "completed_by": {"email": f"{name}@example.org"}})
    (tmp_path / "all.json").write_text(json.dumps(list(both.values())))
    collected = livematte.collect_annotation(pack, tmp_path / "back", tmp_path / "all.json")
    assert list(collected) == ["anna@example.org", "berta@example.org"]
    assert sum(one.pictures for one in collected.values()) == 10


def test_what_cannot_be_collected_is_named(tmp_path: Path) -> None:
    pack = pack_of(tmp_path, "cvat")
    with pytest.raises(livematte.OptionError, match="nothing was packed for 'carla'"):
        livematte.collect_annotation(pack, tmp_path / "back", {"carla": pack / "anna"})
    with pytest.raises(livematte.InputError, match="does not say whose"):
        livematte.collect_annotation(pack, tmp_path / "back", pack / "anna")
    with pytest.raises(livematte.InputError, match=r"no pack\.json"):
        livematte.collect_annotation(tmp_path / "data", tmp_path / "back", pack / "anna")
    assert not (tmp_path / "back").exists()


@pytest.mark.parametrize(
    ("names", "more", "message"),
    [
        (["anna", "anna"], {}, "name of their own"),
        ([], {}, "name of their own"),
        (["../anna"], {"overlap": 0}, "folder's name"),
        (["anna"], {"overlap": 0.1}, "two annotators"),
        (["anna", "berta"], {"overlap": 1.5}, "overlap is a share"),
    ],
)
def test_odd_wishes_are_refused(tmp_path: Path, names: list[str], more: dict[str, Any], message: str) -> None:
    with pytest.raises(livematte.OptionError, match=message):
        livematte.pack_annotation(make_folder(tmp_path / "d"), tmp_path / "pack", names, **more)
    assert not (tmp_path / "pack").exists()


def test_drafts_are_what_the_network_sees(tmp_path: Path) -> None:
    """On the clip that comes with the package, where it sees somebody."""
    from importlib.resources import as_file, files

    (tmp_path / "pictures").mkdir()
    with as_file(files("livematte.sample") / "clip.mp4") as clip:
        frame = next(iter(livematte.read(clip)))
    picture = frame.rgb(320, 180)
    (tmp_path / "pictures/frame.png").write_bytes(cv2.imencode(".png", picture[..., ::-1])[1].tobytes())
    (tmp_path / "pictures/plain.jpg").write_bytes(jpeg(np.full((120, 160, 3), 127, np.uint8)))
    for tool, read in (("label-studio", label_studio.read), ("cvat", cvat.read)):
        pack = tmp_path / tool
        livematte.pack_annotation(
            tmp_path / "pictures",
            pack,
            ["anna"],
            tool=tool,
            overlap=0,
            threads=1,  # type: ignore[arg-type]
        )
        if tool == "label-studio":
            tasks = json.loads((pack / "anna/tasks.json").read_text())
            for task in tasks:
                drafts = task.pop("predictions")
                task["annotations"] = [{"result": drafts[0]["result"] if drafts else []}]
            (pack / "anna/tasks.json").write_text(json.dumps(tasks))
        found = {Path(item.name).name: item for item in items_of(pack / "anna", read)}
        segmenter = livematte.Segmenter(threads=1)
        np.testing.assert_array_equal(found["frame.png"].mask == 255, segmenter(picture).alpha > 0.5)
        assert found["frame.png"].truth == "person"
        assert found["frame.png"].mask.mean() > 20
        assert set(found) == {"frame.png", "plain.jpg"}


def items_of(folder: Path, read: Any) -> list[Item]:
    with Files(folder) as files:
        return list(read(Source(files, Images(files), LabelMap(), Notes())))


def test_entropy_is_that_of_a_coin() -> None:
    assert mean_entropy(np.full((4, 4), 0.5, np.float32)) == pytest.approx(1)
    assert mean_entropy(np.array([[0, 1]], np.float32)) == pytest.approx(0, abs=1e-9)
    quarter = -(0.25 * math.log2(0.25) + 0.75 * math.log2(0.75))
    assert mean_entropy(np.full((4, 4), 0.25, np.float32)) == pytest.approx(quarter)


def test_the_least_sure_come_first_and_one_frame_of_each_clip(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "d", 6)
    rows = rows_of(folder)
    for frame in range(3):
        rows[frame] |= {"kind": "clip", "clip": "walk", "frame": frame}
    rows[5] |= {"mask": None, "truth": "none"}
    write_rows(folder, rows)
    found = livematte.next_to_annotate(folder, threads=1)
    assert len(found) == 4
    assert [one.entropy for one in found] == sorted((one.entropy for one in found), reverse=True)
    walk = [one for one in found if Path(one.image).stem in "012"]
    assert len(walk) == 1
    assert livematte.next_to_annotate(folder, count=2, threads=1) == found[:2]
    last = livematte.next_to_annotate(folder, unlabelled=True, threads=1)
    assert [one.image for one in last] == ["images/5.jpg"]


def test_the_page_shows_the_worst_first(tmp_path: Path) -> None:
    for name, right in (("anna", 300), ("<b>erta", 290)):
        annotated(
            tmp_path / "all",
            name,
            {"good.jpg": box(100, 300), "bad.jpg": box(100, right - 100 * (right < 300))},
        )
    found = annotation_agreement(tmp_path / "all")
    show_agreement(found, tmp_path / "page.html", limit=2)
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert text.index("bad.jpg") < text.index("good.jpg")
    assert "<b>erta" not in text
    assert "not reached" in text


def test_the_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_folder(tmp_path / "d", 4)

    def run(*arguments: str) -> tuple[int, str, str]:
        return command("annotate", *arguments, folder=tmp_path, patch=monkeypatch, captured=capsys)

    code, out, errors = run("pack", "d", "pack", "--for", "cvat", "--draft", "truth", "--overlap", "0.5")
    assert (code, errors) == (0, "")
    assert len(out.splitlines()) == 2
    assert run("collect", "pack", "back", "anna=pack/anna", "berta=pack/berta")[0] == 0
    _, out, _ = run("agreement", "back", "--html", "page.html")
    assert "IoU of the person 1.0000: the goal of 0.98 is reached" in out
    assert (tmp_path / "page.html").exists()
    assert run("consensus", "back", "one")[1] == "one: 4 pictures\n"
    assert len(run("next", "d", "--count", "2", "--threads", "1")[1].splitlines()) == 2
    for call in (
        ["pack", "none", "new"],
        ["collect", "pack", "new", "anna=none"],
        ["collect", "pack", "new", "a.json", "b.json"],
        ["agreement", "d"],
        ["consensus", "back", "one"],
    ):
        code, _, errors = run(*call)
        assert code == 2, call
        assert errors.startswith("livematte: ")
        assert errors.count("\n") == 1
