import json
import zipfile

import cv2
import numpy as np
import pytest
from PIL import Image

from livematte.dataset import Pictures, Row, read_index, select
from livematte.errors import InputError
from livematte.labels import PALETTE, Label, person_from_parts

HEIGHT, WIDTH = 60, 80


def encoded(array, kind=".png"):
    """RGB or grey, as the bytes of a file."""
    array = array[..., ::-1] if array.ndim == 3 else array
    return cv2.imencode(kind, array)[1].tobytes()


def colours():
    """Red at the left, green in the middle, blue at the right."""
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for channel, columns in enumerate((slice(0, 20), slice(20, 60), slice(60, 80))):
        picture[:, columns, channel] = 200
    return picture


def soft():
    return np.tile(np.linspace(0, 255, WIDTH).astype(np.uint8), (HEIGHT, 1))


def parts():
    classes = np.zeros((HEIGHT, WIDTH), np.uint8)
    for label in Label:
        classes[10:50, 8 * label : 8 * label + 8] = label
    return classes


@pytest.fixture
def folder(tmp_path):
    files = {
        "a.jpg": encoded(colours(), ".jpg"),
        "a.png": encoded(colours()),
        "soft.png": encoded(soft()),
        "parts.png": encoded(parts()),
        "text.png": b"this is no picture",
        "nothing.png": b"",
    }
    with zipfile.ZipFile(tmp_path / "shard.zip", "w") as shard:
        for name, data in files.items():
            shard.writestr(f"in/{name}", data)
            (tmp_path / name).write_bytes(data)
    (tmp_path / "broken.zip").write_bytes(b"PK but no more")
    return tmp_path


def row(image="a.png", truth="person", **more):
    return Row(image=image, truth=truth, split="train", set="made", **more)


def write_index(folder, *lines):
    (folder / "index.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


LINE = {"image": "a.png", "truth": "alpha", "split": "train", "set": "made"}
FULL = LINE | {
    "kind": "clip",
    "by": "key",
    "mask": "soft.png",
    "shard": "shard.zip",
    "clip": "walk",
    "frame": 7,
    "commercial": False,
    "licence": "CC BY 4.0",
}


def test_the_index_gives_one_row_a_line_in_order(tmp_path):
    write_index(tmp_path, json.dumps(FULL), json.dumps(LINE | {"image": "é.png", "unknown": 1}))
    rows = read_index(tmp_path)
    assert rows == [Row(**FULL), Row(**LINE | {"image": "é.png"})]
    assert rows[0].frame == 7
    assert rows[1].commercial is None


@pytest.mark.parametrize(
    "wrong",
    ["{", "", "[1, 2]", "7", '"text"', "null", json.dumps({"image": "a.png"})],
    ids=["cut off", "blank", "list", "number", "text", "null", "without truth"],
)
def test_a_wrong_line_of_the_index_is_named(tmp_path, wrong):
    write_index(tmp_path, json.dumps(LINE), json.dumps(LINE), wrong, json.dumps(LINE))
    with pytest.raises(InputError, match=r"index\.jsonl, line 3\b"):
        read_index(tmp_path)


def test_an_index_that_is_not_text_is_named(tmp_path):
    (tmp_path / "index.jsonl").write_bytes(json.dumps(LINE).encode() + b"\n\xff\xfe\n")
    with pytest.raises(InputError, match=r"index\.jsonl"):
        read_index(tmp_path)


def test_a_folder_without_an_index_is_named(tmp_path):
    with pytest.raises(InputError, match=tmp_path.name):
        read_index(tmp_path)


def rows_to_select():
    return [
        Row(f"{split}{of_set}{commercial}", "none", split, of_set, commercial=commercial)
        for split in ("train", "val")
        for of_set in "ab"
        for commercial in (True, False, None)
    ]


@pytest.mark.parametrize("split", [None, "train", "val"])
@pytest.mark.parametrize("sets", [(), ("a",), ("a", "b"), ("missing",)])
@pytest.mark.parametrize("commercial_only", [False, True])
def test_select_keeps_the_wanted_rows_in_order(split, sets, commercial_only):
    rows = rows_to_select()
    chosen = select(rows, split=split, sets=iter(sets), commercial_only=commercial_only)
    assert chosen == [one for one in rows if one in chosen]
    assert {one.split for one in chosen} <= ({split} if split else {"train", "val"})
    assert {one.set for one in chosen} == (set(sets) or {"a", "b"}) - {"missing"}
    kept = {one.commercial for one in chosen}
    assert kept == (set() if sets == ("missing",) else {True, None} | ({False} - {not commercial_only}))
    assert len(chosen) == (split is None or 0.5) * 2 * len({one.set for one in chosen}) * len(kept)


@pytest.mark.parametrize("shard", [None, "shard.zip"])
@pytest.mark.parametrize(("name", "tolerance"), [("a.png", 0), ("a.jpg", 12)])
def test_a_picture_is_read_as_rgb(folder, shard, name, tolerance):
    with Pictures(folder) as pictures:
        picture = pictures.rgb(row(f"in/{name}" if shard else name, shard=shard))
    assert picture.shape == (HEIGHT, WIDTH, 3)
    assert picture.dtype == np.uint8
    inside = [8, 40, 72]  # away from where JPEG blurs one colour into the next
    np.testing.assert_allclose(picture[30, inside], colours()[30, inside], atol=tolerance)


@pytest.mark.parametrize("shard", [None, "shard.zip"])
@pytest.mark.parametrize("truth", ["person", "alpha"])
def test_a_soft_mask_is_read_as_it_is(folder, shard, truth):
    with Pictures(folder) as pictures:
        mask = pictures.person(row(truth=truth, mask="in/soft.png" if shard else "soft.png", shard=shard))
    np.testing.assert_array_equal(mask, soft())
    assert mask.dtype == np.uint8


def test_every_part_but_the_background_is_person(folder):
    with Pictures(folder) as pictures:
        mask = pictures.person(row(truth="parts", mask="parts.png"))
    np.testing.assert_array_equal(mask, np.where(parts() > 0, 255, 0))


def test_parts_are_found_in_an_indexed_png_too(folder):
    indexed = Image.frombytes("P", (WIDTH, HEIGHT), parts().tobytes())
    indexed.putpalette([level for label in Label for level in PALETTE[label]])
    indexed.save(folder / "indexed.png")
    with Pictures(folder) as pictures:
        mask = pictures.person(row(truth="parts", mask="indexed.png"))
    np.testing.assert_array_equal(mask, np.where(parts() > 0, 255, 0))


def test_nobody_is_there_where_no_mask_is_named(folder):
    with Pictures(folder) as pictures:
        mask = pictures.person(row(truth="none"))
    assert mask.shape == (HEIGHT, WIDTH)
    assert mask.dtype == np.uint8
    assert not mask.any()


@pytest.mark.parametrize(
    ("image", "shard", "named"),
    [
        ("missing.png", None, "missing.png"),
        ("text.png", None, "text.png"),
        ("nothing.png", None, "nothing.png"),
        ("in/missing.png", "shard.zip", "shard.zip: in/missing.png"),
        ("in/text.png", "shard.zip", "shard.zip: in/text.png"),
        ("in/nothing.png", "shard.zip", "shard.zip: in/nothing.png"),
        ("a.png", "missing.zip", "missing.zip: a.png"),
        ("a.png", "broken.zip", "broken.zip: a.png"),
    ],
)
def test_what_cannot_be_read_is_named(folder, image, shard, named):
    with Pictures(folder) as pictures, pytest.raises(InputError, match=named):
        pictures.rgb(row(image, shard=shard))


def test_a_damaged_member_of_a_zip_is_named(folder):
    shard = folder / "shard.zip"
    content = shard.read_bytes()
    start = content.index(encoded(soft())) + 60
    shard.write_bytes(content[:start] + bytes(8) + content[start + 8 :])
    with Pictures(folder) as pictures, pytest.raises(InputError, match=r"shard\.zip: in/soft\.png"):
        pictures.person(row(mask="in/soft.png", shard="shard.zip"))


def test_the_zip_files_are_closed_at_the_end(folder):
    with Pictures(folder) as pictures:
        pictures.rgb(row("in/a.png", shard="shard.zip"))
    with pytest.raises(ValueError, match="closed"):
        pictures.rgb(row("in/a.png", shard="shard.zip"))


def classes(*holes):
    """100×100 clothes but for the outermost 10 pixels and the given (top, left, side) holes."""
    made = np.zeros((100, 100), np.uint8)
    made[10:90, 10:90] = Label.CLOTHES
    for top, left, side in holes:
        made[top : top + side, left : left + side] = Label.BACKGROUND
    return made


def test_small_holes_are_filled_and_large_ones_kept():
    filled = person_from_parts(classes((20, 20, 2), (50, 50, 4)), hole=10 / 100**2)
    np.testing.assert_array_equal(filled, np.where(classes((50, 50, 4)) > 0, 255, 0))


@pytest.mark.parametrize(("area", "stays"), [(9, False), (16, False), (25, True)])
def test_the_largest_filled_hole_is_a_share_of_the_picture(area, stays):
    side = int(area**0.5)
    filled = person_from_parts(classes((40, 40, side)), hole=16 / 100**2)
    assert (filled[40 : 40 + side, 40 : 40 + side] == 0).all() == stays


def test_many_small_holes_are_each_judged_by_themselves():
    holes = [(20 + 4 * step, 20, 2) for step in range(15)]
    np.testing.assert_array_equal(person_from_parts(classes(*holes), hole=5e-4), np.where(classes(), 255, 0))


def test_holes_that_meet_only_at_a_corner_are_two():
    filled = person_from_parts(classes((40, 40, 3), (43, 43, 3)), hole=9 / 100**2)
    np.testing.assert_array_equal(filled, np.where(classes(), 255, 0))


@pytest.mark.parametrize("label", [Label.BACKGROUND, Label.SKIN])
def test_a_picture_of_one_class_stays_as_it_is(label):
    filled = person_from_parts(np.full((30, 40), label, np.uint8))
    assert (filled == (255 if label else 0)).all()


def test_person_from_parts_leaves_its_argument_alone():
    given = classes((40, 40, 1))
    kept = given.copy()
    person_from_parts(given)
    np.testing.assert_array_equal(given, kept)
