"""The classes of a person: what the truth leaves open, how they are learnt, measured and given out."""

from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from folders import make_folder, parts_of, picture_of, rows_of, write_rows
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from livematte.dataset import Pictures, read_index
from livematte.dataset.candidates import ANYBODY, BACKGROUND, candidates
from livematte.errors import InputError, OptionError
from livematte.frame import Matte
from livematte.labels import Label
from livematte.measure import class_counts
from livematte.scoring.classes import class_map


def sets_of(folder, number=0):
    with Pictures(folder) as pictures:
        return candidates(pictures, read_index(folder)[number])


def relabelled(folder, **more):
    write_rows(folder, [row | more for row in rows_of(folder)])
    return folder


def test_a_mask_of_the_nine_classes_leaves_nothing_open(tmp_path):
    folder = make_folder(tmp_path / "d", 1)
    assert np.array_equal(sets_of(folder), 1 << parts_of(0).astype(np.uint16))


def test_merged_classes_stay_open(tmp_path):
    folder = relabelled(make_folder(tmp_path / "d", 1), merged=[["skin", "neck", "lips"]])
    sets, parts = sets_of(folder), parts_of(0)
    both = 1 << Label.SKIN | 1 << Label.NECK | 1 << Label.LIPS
    assert set(np.unique(sets[np.isin(parts, (Label.SKIN, Label.NECK, Label.LIPS))])) == {both}
    assert set(np.unique(sets[parts == Label.HAIR])) == {1 << Label.HAIR}


def test_a_persons_mask_leaves_the_class_open_and_a_soft_edge_all(tmp_path):
    folder = relabelled(make_folder(tmp_path / "d", 1), truth="person")
    levels = np.zeros((96, 72), np.uint8)
    levels[:, 30:40], levels[:, 40:50] = 128, 255
    cv2.imwrite(str(folder / "masks/0.png"), levels)
    row = sets_of(folder)[5]
    assert [row[10], row[35], row[45]] == [BACKGROUND, ANYBODY | BACKGROUND, ANYBODY]


def test_a_hair_mask_says_what_is_hair_and_what_is_not(tmp_path):
    folder = relabelled(make_folder(tmp_path / "d", 1), truth="person", hair_mask="hair.png")
    person, hair = np.zeros((96, 72), np.uint8), np.zeros((96, 72), np.uint8)
    person[:, 20:], hair[:20, 30:] = 255, 255
    cv2.imwrite(str(folder / "masks/0.png"), person)
    cv2.imwrite(str(folder / "hair.png"), hair)
    sets = sets_of(folder)
    assert [sets[5, 5], sets[5, 40], sets[60, 40]] == [
        BACKGROUND,
        1 << Label.HAIR,
        ANYBODY - (1 << Label.HAIR),
    ]


def test_celebamask_is_open_below_the_face(tmp_path):
    folder = relabelled(make_folder(tmp_path / "d", 1), labels="celebamask")
    numbers = np.zeros((96, 72), np.uint8)
    numbers[20:50, 20:50], numbers[40:44, 30:40], numbers[45:47, 30:40] = 1, 11, 10
    cv2.imwrite(str(folder / "masks/0.png"), numbers)
    sets = sets_of(folder)
    assert sets[5, 5] == BACKGROUND
    assert sets[30, 30] == 1 << Label.SKIN
    assert sets[42, 35] == 1 << Label.LIPS
    assert sets[46, 35] == 1 << Label.LIPS | 1 << Label.SKIN
    assert sets[80, 5] & BACKGROUND
    assert sets[80, 5] & 1 << Label.CLOTHES


@pytest.mark.parametrize(
    ("labels", "number", "told"),
    [("ccp", 59, "class 59"), ("celebamask", 19, "class 19"), ("other", 1, "'other'")],
)
def test_numbers_that_mean_nothing_are_named(tmp_path, labels, number, told):
    folder = relabelled(make_folder(tmp_path / "d", 1), labels=labels)
    cv2.imwrite(str(folder / "masks/0.png"), np.full((96, 72), number, np.uint8))
    with pytest.raises(InputError, match=told):
        sets_of(folder)


# measuring

CLASSES = arrays(np.uint8, (6, 7), elements=st.integers(0, 8))


@given(CLASSES, CLASSES)
def test_without_open_classes_it_is_the_usual_iou(found, truth):
    both, either = class_counts(found, (1 << truth.astype(np.uint16)).astype(np.uint16))
    for label in Label:
        assert both[label] == np.sum((found == label) & (truth == label))
        assert either[label] == np.sum((found == label) | (truth == label))


@given(CLASSES, CLASSES, arrays(np.uint16, (6, 7), elements=st.integers(1, 511)))
def test_any_class_that_is_open_is_right_and_any_other_wrong(found, truth, sets):
    both, either = class_counts(found, sets)
    right = ((sets >> found) & 1) == 1
    single = (sets & (sets - 1)) == 0
    assert both.sum() == np.sum(right & single)
    # a wrong class counts against itself and, where the truth is one class, against that one, too
    assert either.sum() == both.sum() + np.sum(~right) + np.sum(~right & single)


def test_the_class_map_is_the_likeliest_class_of_a_person():
    parts = np.zeros((4, 4, 8), np.float32)
    parts[:, :2, Label.HAIR - 1], parts[:, 2:, Label.CLOTHES - 1] = 0.9, 0.8
    levels = np.zeros((8, 8), np.uint8)
    levels[2:] = 255
    found = class_map(Matte(levels, parts.sum(-1), parts=parts))
    assert set(found[:2].ravel()) == {0}
    assert set(found[2:, :3].ravel()) == {Label.HAIR}
    assert set(found[2:, 5:].ravel()) == {Label.CLOTHES}


# learning

torch = pytest.importorskip("torch", reason="training needs torch")

from livematte.lab.augment import Composer  # noqa: E402
from livematte.lab.checkpoint import begin_with, load_weights, save_weights  # noqa: E402
from livematte.lab.losses import class_area_loss, class_loss, loss_terms  # noqa: E402
from livematte.lab.network import PRESETS, Network, Sizes, count_macs  # noqa: E402
from livematte.lab.photos import Photos  # noqa: E402
from livematte.lab.previous_mask import Mix, simulate  # noqa: E402
from livematte.lab.train import Recipe, train  # noqa: E402

torch.set_num_threads(1)
TINY = Sizes(
    widths=(8, 8, 16, 16), depths=(1, 1, 1, 1), squeeze=(2, 2, 2, 2), kernels=(3, 3, 3, 3), parts=True
)


def test_parts_cost_less_than_a_third_more_than_best():
    parts, best = (count_macs(Network(PRESETS[name]), 256, 256) for name in ("parts", "best"))
    assert best < parts <= 1.3 * best


def test_classes_that_are_open_cost_nothing_and_the_likelier_of_two_is_enough():
    logits = torch.full((1, 8, 1, 3), -20.0)
    logits[0, 2, 0, :] = 20
    allowed = torch.zeros(1, 8, 1, 3, dtype=torch.bool)
    allowed[0, [1, 2], 0, 0] = True
    assert class_loss(logits, allowed) < 1e-6
    allowed[0, :, 0, 1] = True  # anything
    assert class_loss(logits, allowed) < 1e-6
    allowed[0, 5, 0, 2] = True
    assert class_loss(logits, allowed) == pytest.approx(20, abs=1)  # 40 over two pixels that say something


def test_a_small_class_counts_as_much_as_a_large_one():
    truth = torch.zeros(1, 8, 10, 10, dtype=torch.bool)
    truth[0, 0], truth[0, 0, 0, 0], truth[0, 3, 0, 0] = True, False, True
    right = torch.where(truth, 20.0, -20.0)
    without_small = right.clone()
    without_small[0, 0, 0, 0], without_small[0, 3, 0, 0] = 20.0, -20.0
    assert class_area_loss(right, truth) < 1e-3
    assert class_area_loss(without_small, truth) > 0.2


def test_what_may_be_background_does_not_count_as_either():
    truth = torch.zeros(1, 1, 16, 16)
    truth[..., :8, :] = 1
    sets = torch.where(truth > 0, float(ANYBODY), float(BACKGROUND))
    logits = torch.zeros(1, 9, 16, 16)
    logits[:, :1] = 40 * truth - 20
    costs = loss_terms(logits, truth, sets)
    logits[:, :1, 12:] = 20  # wrong, unless that is left open
    wrong = loss_terms(logits, truth, sets)
    sets[:, :, 12:] = ANYBODY | BACKGROUND
    opened = loss_terms(logits, truth, sets)
    for name in ("pixel", "area"):
        assert wrong[name] > costs[name] + 0.1
        assert opened[name] == pytest.approx(float(costs[name]), abs=1e-3)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = make_folder(tmp_path_factory.mktemp("parts") / "d", 12)
    rows = rows_of(folder)
    for number in (0, 1):
        picture = np.random.default_rng(number).integers(0, 256, (96, 72, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / f"images/empty{number}.jpg"), picture)
        rows.append({"image": f"images/empty{number}.jpg", "truth": "none", "split": "train", "set": "drawn"})
    for number in (3, 4):
        rows[number]["split"] = "val"
    write_rows(folder, rows)
    return folder


def test_labels_stay_with_their_picture_through_crops_and_bends(drawn):
    rows = [row for row in read_index(drawn) if row.truth == "parts"]
    photos = Photos.load(drawn, rows, 96, parts=True)
    empty = Photos.load(drawn, [row for row in read_index(drawn) if row.truth == "none"], 96, parts=True)

    class OneCamera(Composer):
        def camera(self, picture, gentle):
            return picture

    composer = OneCamera(photos, empty, torch.Generator().manual_seed(3))
    batch = composer.batch(24, 64, 64)
    spline = Mix(empty=0.0, small=0.0, large=0.0, spline=1.0, clip=0.0)
    picture, truth, _ = simulate(
        batch.picture, batch.truth, batch.earlier, batch.is_clip, spline, composer.random, sets=batch.sets
    )
    person = batch.sets > BACKGROUND
    sure = (truth < 0.02) | (truth > 0.98)
    assert ((truth > 0.5) == person)[sure].float().mean() > 0.995
    # a class has one colour in a picture: it still has after everything is bent
    one = picture[0][:, batch.sets[0, 0] == 1 << Label.CLOTHES]
    assert one.shape[1] > 50
    assert one.std(1).max() < 0.15


def recipe_from_plain(data, folder, **more):
    """Sixty steps of a parts network that begins with plain.pt."""
    return Recipe(
        data,
        folder / "out",
        network=TINY,
        phases=((32, 60),),
        batch=8,
        rate=0.1,
        validate_every=20,
        val_set="drawn",
        start=folder / "plain.pt",
        **more,
    )


def test_a_parts_network_begins_with_the_weights_of_one_without_and_learns(drawn, tmp_path):
    torch.manual_seed(1)
    plain = Network(replace(TINY, parts=False))
    save_weights(plain, tmp_path / "plain.pt")
    begun = begin_with(tmp_path / "plain.pt", TINY)
    for name, weight in plain.state_dict().items():
        assert torch.equal(begun.state_dict()[name], weight), name
    with pytest.raises(InputError, match=r"plain\.pt.*other sizes"):
        begin_with(tmp_path / "plain.pt", replace(TINY, widths=(8, 8, 16, 24)))
    recipe = recipe_from_plain(drawn, tmp_path)
    losses = [entry["loss"] for entry in train(recipe, quiet=True).history]
    assert losses[-1] < 0.9 * losses[0]
    with torch.no_grad():
        assert load_weights(tmp_path / "out" / "best.pt")(torch.rand(1, 4, 32, 48)).shape == (1, 9, 32, 48)


def test_the_person_stays_as_it_was_while_parts_are_learnt(drawn, tmp_path):
    torch.manual_seed(1)
    save_weights(Network(replace(TINY, parts=False)), tmp_path / "plain.pt")
    recipe = recipe_from_plain(drawn, tmp_path, keep_person=True)
    state = train(recipe, quiet=True)
    losses = [entry["loss"] for entry in state.history]
    assert losses[-1] < losses[0] - 0.3
    learnt = load_weights(tmp_path / "out" / "best.pt").state_dict()
    for name, weight in load_weights(tmp_path / "plain.pt").state_dict().items():
        assert torch.equal(learnt[name], weight), name
    # all steps' masks are equally good: the last, which has learnt most, is kept
    for name, weight in state.average.state_dict().items():
        assert torch.equal(learnt[name], weight), name


@pytest.mark.parametrize(
    "wrong", [{"start": None}, {"network": replace(TINY, parts=False)}], ids=["no-start", "no-parts"]
)
def test_a_person_is_kept_with_parts_and_a_start_alone(drawn, tmp_path, wrong):
    recipe = recipe_from_plain(drawn, tmp_path, keep_person=True)
    with pytest.raises(OptionError, match="--network parts and --start"):
        train(replace(recipe, **wrong), quiet=True)


def test_pictures_that_tell_parts_are_drawn_most_where_parts_are_wanted(drawn):
    rows = [row for row in read_index(drawn) if row.truth == "parts"][:2]
    rows[1] = replace(rows[1], truth="person", by="teacher")
    assert Photos.load(drawn, rows, 32, parts=True).weight.tolist() == [3, 1]
    assert Photos.load(drawn, rows, 32).weight.tolist() == [2, 1]


def test_an_exported_parts_network_gives_shares_that_sum_up_to_the_mask(drawn, tmp_path):
    pytest.importorskip("litert_torch", reason="exporting needs: pip install 'livematte[export]'")
    import livematte

    torch.manual_seed(2)
    save_weights(Network(TINY).eval(), tmp_path / "parts.pt")
    file, *_ = livematte.export(tmp_path / "parts.pt", tmp_path / "files", name="parts")
    picture = picture_of(parts_of(5, 256, 256), 5)
    segmenter = livematte.Segmenter(file, threads=1)
    assert segmenter.tells_parts
    segmenter(picture)
    matte = segmenter(picture)
    assert matte.parts.shape == (256, 256, 8)
    assert np.allclose(matte.parts.sum(-1), matte.mask, atol=1e-4)
    evaluation = livematte.evaluate(drawn, network=file, json=tmp_path / "e.json", threads=1)
    (score,) = evaluation.classes
    assert score.set == "drawn"
    assert score.pictures == 2
    assert list(score.iou) == [label.name.lower() for label in Label]
    assert json.loads((tmp_path / "e.json").read_text())["classes"][0]["iou"] == score.iou
