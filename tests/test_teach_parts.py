"""scripts/teach_parts.py: classes by a larger network, the person's extent as the data says."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from folders import make_folder, parts_of, rows_of, write_rows

from livematte.dataset import Pictures, read_index
from livematte.dataset.candidates import BACKGROUND, candidates
from livematte.labels import Label

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))
import teach_parts

FACE = (Label.SKIN, Label.NECK, Label.LIPS, Label.EYES)


def drawn(picture):
    """A teacher that paints the upper half hair and the lower half clothes, people or not."""
    classes = np.full(picture.shape[:2], Label.CLOTHES, np.uint8)
    classes[: len(classes) // 2] = Label.HAIR
    return classes


@pytest.fixture
def selfie(tmp_path):
    """Two rows of a set that is taught: masks of persons, the second with a mask of the hair beside."""
    folder = make_folder(tmp_path / "data", 2, truth="person", set="picsart")
    for number in range(2):
        person = np.where(parts_of(number) > 0, 255, 0).astype(np.uint8)
        cv2.imwrite(str(folder / f"masks/{number}.png"), person)
    hair = np.where(parts_of(1) == Label.HAIR, 255, 0).astype(np.uint8)
    cv2.imwrite(str(folder / "hair.png"), hair)
    first, second = rows_of(folder)
    write_rows(folder, [first, second | {"hair_mask": "hair.png"}])
    return folder


def test_the_person_ends_where_the_data_says_and_the_teacher_says_what_it_is(selfie):
    with Pictures(selfie) as pictures:
        row, parts = teach_parts.labelled(pictures, read_index(selfie)[0], drawn)
    person = parts_of(0) > 0
    assert np.array_equal(parts > 0, person)
    assert np.array_equal(parts[person], drawn(parts)[person])
    assert (row.truth, row.by) == ("parts", "teacher")


def test_hair_that_people_marked_counts_more_than_the_teachers(selfie):
    with Pictures(selfie) as pictures:
        row, parts = teach_parts.labelled(pictures, read_index(selfie)[1], drawn)
    assert np.array_equal(parts == Label.HAIR, parts_of(1) == Label.HAIR)
    # what the teacher alone called hair is now what lies nearest, nowhere a hole
    assert set(np.unique(parts[parts_of(1) > 0])) == {Label.HAIR, Label.CLOTHES}
    assert row.hair_mask is None


def test_classes_that_people_drew_stay_and_skin_is_all_of_it(tmp_path):
    folder = make_folder(tmp_path / "data", 1, merged=[["skin", "neck", "lips", "eyes"]])
    with Pictures(folder) as pictures:
        _, parts = teach_parts.labelled(pictures, read_index(folder)[0], drawn)
    wanted = np.where(np.isin(parts_of(0), FACE), Label.SKIN, parts_of(0))
    assert np.array_equal(parts, wanted)


def test_what_may_not_be_used_by_anybody_is_left_out(selfie, tmp_path, monkeypatch):
    first, second = rows_of(selfie)
    write_rows(selfie, [first | {"commercial": False}, second])
    monkeypatch.setattr(teach_parts, "open_teacher", lambda _: drawn)
    teach_parts.main(selfie, tmp_path / "out", Path("unused"))
    (row,) = read_index(tmp_path / "out")
    with Pictures(tmp_path / "out") as pictures:
        sets = candidates(pictures, row)
    assert set(np.unique(sets)) == {BACKGROUND, 1 << Label.HAIR, 1 << Label.CLOTHES}
