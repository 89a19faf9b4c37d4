"""The annotation format on disk: what is checked, shown and counted."""

from __future__ import annotations

import io
import json
import re
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from folders import HIGH, WIDE, command, jpeg, line, make_folder, parts_of, picture_of, rows_of, write_rows
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import livematte
from livematte.dataset import Row, read_index
from livematte.dataset.classes import nine_classes, read_classes
from livematte.dataset.duplicates import duplicates, look
from livematte.dataset.examine import holes
from livematte.dataset.index import lines_of, parse_row
from livematte.dataset.pictures import Pictures
from livematte.dataset.show import overlay
from livematte.dataset.write import Writer, grey_png, indexed_png, new_folder
from livematte.labels import PALETTE, Label


def faults(folder: Path) -> list[str]:
    return [str(fault) for fault in livematte.check_data(folder, threads=2).faults]


def mask(folder: Path, seed: int, change: Callable[[np.ndarray], None]) -> None:
    """Change one mask's class numbers."""
    parts = parts_of(seed)
    change(parts)
    (folder / f"masks/{seed}.png").write_bytes(indexed_png(parts))


def test_a_sound_folder_has_no_faults(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "sound", 5)
    checked = livematte.check_data(folder)
    assert checked.sound
    assert len(checked.rows) == 5
    assert not checked.faults


def test_a_mask_is_an_8_bit_indexed_png_with_the_palette_of_the_classes() -> None:
    parts = parts_of(1)
    data = indexed_png(parts)
    assert data[24:26] == b"\x08\x03"  # PNG's header: bit depth 8, colour type 3
    with Image.open(io.BytesIO(data)) as image:
        np.testing.assert_array_equal(np.array(image), parts)
        colours = np.array(image.convert("RGB"))
    for label in Label:
        assert (colours[parts == label] == PALETTE[label]).all()


def cut(folder: Path) -> None:
    path = folder / "images/1.jpg"
    path.write_bytes(path.read_bytes()[:600])


def cut_mask(folder: Path) -> None:
    path = folder / "masks/1.png"
    path.write_bytes(path.read_bytes()[:120])


def smaller(folder: Path) -> None:
    (folder / "masks/1.png").write_bytes(indexed_png(parts_of(1)[:-3]))


def change_row(**more: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        rows = rows_of(folder)
        rows[1] |= more
        write_rows(folder, rows)

    return change


def bad_line(folder: Path) -> None:
    lines = (folder / "index.jsonl").read_text().splitlines()
    (folder / "index.jsonl").write_text("\n".join([lines[0], lines[1][:-5], lines[2]]))


def label(number: int) -> Callable[[Path], None]:
    return lambda folder: mask(folder, 1, lambda parts: parts.__setitem__((5, 5), number))


def same_name(folder: Path) -> None:
    rows = rows_of(folder)
    write_rows(folder, [*rows, rows[1]])


def huge(folder: Path) -> None:
    """A PNG of a few bytes that says it is 60,000 × 60,000."""
    data = bytearray(grey_png(np.zeros((4, 4), np.uint8)))
    data[16:24] = (60_000).to_bytes(4) * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4)
    (folder / "masks/1.png").write_bytes(data)


FAULTY = {
    "missing picture": (lambda folder: (folder / "images/1.jpg").unlink(), r"images/1\.jpg: .*No such file"),
    "missing mask": (lambda folder: (folder / "masks/1.png").unlink(), r"masks/1\.png: .*No such file"),
    "cut picture": (cut, r"images/1\.jpg: not a picture"),
    "cut mask": (cut_mask, r"masks/1\.png: not a picture"),
    "huge": (huge, r"masks/1\.png: too many pixels"),
    "text": (lambda folder: (folder / "images/1.jpg").write_text("text"), r"images/1\.jpg: not a picture"),
    "mask of another size": (smaller, rf"masks/1\.png: is {WIDE}×{HIGH - 3}, its picture {WIDE}×{HIGH}"),
    "size in the index": (change_row(width=7), rf"images/1\.jpg: is {WIDE}×{HIGH}, its row says 7×{HIGH}"),
    "unknown label": (label(9), r"masks/1\.png: unknown labels: 9"),
    "empty": (lambda folder: mask(folder, 1, lambda parts: parts.fill(0)), r"masks/1\.png: is empty"),
    "hole": (
        lambda folder: mask(folder, 1, lambda parts: parts.__setitem__((slice(90, 92), 36), 0)),
        r"masks/1\.png: hole: 2 pixels",
    ),
    "no licence": (change_row(licence=" "), r"images/1\.jpg: no licence"),
    "grey mask of classes": (
        lambda folder: (folder / "masks/1.png").write_bytes(grey_png(parts_of(1))),
        r"masks/1\.png: is PNG L, not an indexed PNG",
    ),
    "bad line": (bad_line, r"index\.jsonl, line 2: not a row"),
    "key missing": (
        lambda folder: write_rows(folder, [{"image": "images/1.jpg"}]),
        r"index\.jsonl, line 1: not a row: .*truth",
    ),
    "outside": (change_row(image="../1.jpg"), r"index\.jsonl, line 2: image '\.\./1\.jpg' lies outside"),
    "outside on Windows": (change_row(mask="C:\\1.png"), r"index\.jsonl, line 2: mask .* lies outside"),
    "number for a name": (change_row(split=3), r"index\.jsonl, line 2: not a row: split is 3, not text"),
    "truth": (
        change_row(truth="partly"),
        r"index\.jsonl, line 2: truth is 'partly', not one of person, alpha, parts, none",
    ),
    "no mask": (change_row(mask=None), r"index\.jsonl, line 2: truth is 'parts' and mask null"),
    "clip without frame": (
        change_row(kind="clip", clip="walk"),
        r"index\.jsonl, line 2: clip and frame belong",
    ),
    "twice": (same_name, r"index\.jsonl, line 4: images/1\.jpg is in line 2 already"),
    "merged": (
        change_row(merged=[["skin", "neck"]]),
        r"masks/1\.png: holds neck, which its row merges into skin",
    ),
    "merged unknown": (change_row(merged=[["skin", "nose"]]), r"masks/1\.png: merged classes unknown: nose"),
    "table": (change_row(labels="ccp"), r"classes\.json: has no table 'ccp'"),
    "table unreadable": (lambda folder: (folder / "classes.json").write_text("{"), r"classes\.json: "),
}


@pytest.mark.parametrize("name", FAULTY)
def test_each_fault_is_named_by_file_and_it_alone(tmp_path: Path, name: str) -> None:
    folder = make_folder(tmp_path / "faulty")
    spoil, wanted = FAULTY[name]
    spoil(folder)
    found = faults(folder)
    assert len(found) == 1, found
    assert re.match(wanted, found[0]), found


def test_large_gaps_are_doubtful_only(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "gap")
    mask(folder, 1, lambda parts: parts.__setitem__((slice(84, 90), slice(33, 38)), 0))
    checked = livematte.check_data(folder)
    assert checked.sound
    assert [fault.file for fault in checked.faults] == ["masks/1.png"]
    assert not livematte.check_data(folder, hole=0.01).sound


def test_a_clip_in_two_splits_and_a_frame_named_twice(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "clip")
    rows = [row | {"kind": "clip", "clip": "walk", "frame": 4} for row in rows_of(folder)]
    write_rows(folder, [rows[0], rows[1] | {"split": "val", "frame": 5}, rows[2]])
    assert faults(folder) == [
        "images/1.jpg: clip 'walk' is in split 'train' and in 'val'",
        "images/2.jpg: is frame 4 of clip 'walk', as is images/0.jpg",
    ]


@pytest.mark.parametrize("copy", ["again", "small", "coarse", "brighter"])
def test_a_copy_in_another_split_is_found(tmp_path: Path, copy: str) -> None:
    folder = make_folder(tmp_path / "copies", 12)
    original = np.array(Image.open(folder / "images/3.jpg"))
    changed = {
        "again": original,
        "small": cv2.resize(original, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA),
        "coarse": original,
        "brighter": np.clip(original.astype(int) + 6, 0, 255).astype(np.uint8),
    }[copy]
    (folder / "images/7.jpg").write_bytes(jpeg(changed, 25 if copy == "coarse" else 95))
    high, wide = changed.shape[:2]
    (folder / "masks/7.png").write_bytes(indexed_png(parts_of(7, high, wide)))
    rows = rows_of(folder)
    rows[7] |= {"width": wide, "height": high}
    write_rows(folder, rows)
    assert not faults(folder)  # within a split pictures may look alike
    rows[7]["split"] = "val"
    write_rows(folder, rows)
    assert faults(folder) == ["images/7.jpg: in split 'val', looks like images/3.jpg in split 'train'"]


def test_duplicates_are_found_across_blocks_and_only_across_splits() -> None:
    looks = [look(picture_of(parts_of(seed), seed)) for seed in range(40)] * 20
    splits = ["train"] * 600 + ["val"] * 200
    found = dict(duplicates(looks, splits))
    assert sorted(found) == list(range(600, 800))
    assert all(late % 40 == early % 40 for late, early in found.items())


def test_a_mask_of_a_person_may_be_soft_and_a_shard_is_named(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "soft", 2)
    soft = cv2.GaussianBlur(np.where(parts_of(0) > 0, 255, 0).astype(np.uint8), (0, 0), 2)
    with zipfile.ZipFile(folder / "all.zip", "w") as shard:
        shard.write(folder / "images/0.jpg", "a.jpg")
        shard.writestr("a.png", grey_png(soft))
        shard.writestr("b.png", grey_png(soft[1:]))
    rows = [row | {"shard": "all.zip", "image": "a.jpg", "truth": "alpha"} for row in rows_of(folder)]
    write_rows(folder, [rows[0] | {"mask": "a.png"}])
    assert not faults(folder)
    write_rows(folder, [rows[0] | {"mask": "b.png"}])
    assert faults(folder) == [f"all.zip: b.png: is {WIDE}×{HIGH - 1}, its picture {WIDE}×{HIGH}"]


def test_a_picture_turned_by_exif_has_its_upright_size(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "turned")
    lying = Image.fromarray(np.rot90(picture_of(parts_of(1), 1)).copy())
    exif = Image.Exif()
    exif[0x0112] = 6
    lying.save(folder / "images/1.jpg", exif=exif)
    assert not faults(folder)
    with Pictures(folder) as pictures:
        assert pictures.rgb(read_index(folder)[1]).shape == (HIGH, WIDE, 3)


@given(st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_holes_are_regions_that_do_not_reach_the_border(seed: int) -> None:
    random = np.random.default_rng(seed)
    given = (random.random((12, 14)) < 0.6).astype(np.uint8)
    filled = given.copy()
    reached = [(y, x) for y in range(12) for x in range(14) if y in (0, 11) or x in (0, 13)]
    while reached:  # what the outside reaches, by hand
        y, x = reached.pop()
        if 0 <= y < 12 and 0 <= x < 14 and not filled[y, x]:
            filled[y, x] = 1
            reached += [(y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)]
    assert sum(holes(given)) == np.count_nonzero(filled == 0)


FIELDS = st.builds(
    Row,
    image=st.text(min_size=1),
    truth=st.sampled_from(["person", "parts"]),
    split=st.text(),
    set=st.text(),
    mask=st.none() | st.text(),
    clip=st.none() | st.text(),
    frame=st.none() | st.integers(0, 2**40),
    commercial=st.none() | st.booleans(),
    licence=st.text(),
    annotator=st.text(),
    width=st.none() | st.integers(1, 10**5),
    merged=st.lists(st.lists(st.sampled_from(["skin", "neck"])).map(tuple)).map(tuple),
)


@given(FIELDS)
def test_a_row_is_the_same_after_its_line(row: Row) -> None:
    assert parse_row(row.to_json()) == row
    assert [parse_row(text) for text in lines_of(f"{row.to_json()}\n{row.to_json()}\n")] == [row, row]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from([*sorted(line(0)), "merged", "clip", "frame", "labels"]), JSON) | JSON)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
def test_whatever_a_line_says_is_a_fault_and_no_crash(tmp_path: Path, values: object) -> None:
    text = json.dumps(line(0) | values if isinstance(values, dict) else values)
    (tmp_path / "index.jsonl").write_text(text + "\n")
    assert not livematte.check_data(tmp_path, threads=1).sound  # its files are missing at least


def test_a_written_folder_is_sound_and_keeps_pictures_byte_for_byte(tmp_path: Path) -> None:
    parts = parts_of(3)
    data = jpeg(picture_of(parts, 3))
    row = Row("deep/in/A.jpg", "parts", "train", "drawn", licence="CC0", merged=(("skin", "ears"),))
    with new_folder(tmp_path / "out") as folder:
        writer = Writer(folder)
        writer.add(row, data, parts)
        writer.add(Row("a.jpg", "none", "train", "drawn", licence="CC0"), data, None)
        writer.finish()
    rows = read_index(tmp_path / "out")
    assert [row.image for row in rows] == ["images/A.jpg", "images/a-2.jpg"]
    assert (tmp_path / "out/images/A.jpg").read_bytes() == data
    with Pictures(tmp_path / "out") as pictures:
        np.testing.assert_array_equal(pictures.parts(rows[0]), parts)
    assert read_classes(tmp_path / "out")["livematte"][3] == "hair"


def test_a_new_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    def half() -> None:
        with new_folder(tmp_path / "out") as folder:
            (folder / "a").write_text("a")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half()
    assert not list(tmp_path.iterdir())
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine").touch()
    with pytest.raises(livematte.OutputError, match="not empty"), new_folder(tmp_path / "full"):
        pass
    assert (tmp_path / "full/mine").exists()


def test_the_table_of_the_nine_classes_cannot_be_changed(tmp_path: Path) -> None:
    (tmp_path / "classes.json").write_text(nine_classes().replace("hair", "fur"))
    with pytest.raises(livematte.InputError, match="nine"):
        read_classes(tmp_path)


def test_foreign_numbers_are_checked_against_their_own_table(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "foreign", 1, labels="mine")
    table = [{"number": number, "name": f"thing {number}"} for number in range(8)]
    (folder / "classes.json").write_text(json.dumps({"mine": table}))
    assert faults(folder) == ["masks/0.png: unknown labels: 8"]
    table.append({"number": 8, "name": "hat"})
    (folder / "classes.json").write_text(json.dumps({"mine": table}))
    assert not faults(folder)


def test_the_page_shows_the_worst_first_and_needs_nothing_else(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "shown", 4)
    (folder / "masks/2.png").write_bytes(indexed_png(np.zeros((HIGH, WIDE), np.uint8)))
    livematte.show_data(folder, tmp_path / "page.html", limit=3)
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert text.count("<figure") == 3
    assert text.index("images/2.jpg") < min(
        text.index(f"images/{seed}.jpg") for seed in (0, 1, 3) if f"images/{seed}.jpg" in text
    )
    assert "is empty" in text
    assert not re.search(r'(src|href)="(?!data:)', text)


def test_a_page_escapes_what_the_index_says(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "shown", 1, licence="<script>alert(1)</script>")
    livematte.show_data(folder, tmp_path / "page.html")
    assert "<script" not in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_an_overlay_leaves_the_background_and_tints_each_class_towards_its_colour() -> None:
    parts = parts_of(1)
    picture = picture_of(parts, 1)
    shown = overlay(picture, parts)
    np.testing.assert_array_equal(shown[parts == 0], picture[parts == 0])
    inside = cv2.erode((parts == Label.CLOTHES).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    wanted = 0.45 * picture[inside] + 0.55 * np.array(PALETTE[Label.CLOTHES])
    np.testing.assert_allclose(shown[inside], wanted, atol=1)


def test_stats_count_classes_by_area(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "counted", 3)
    stats = livematte.data_stats(folder)
    assert stats.pictures == 3
    assert stats.counts["licence"] == {"CC0 1.0": 3}
    masks = [parts_of(seed) for seed in range(3)]
    for label in Label:
        share = stats.classes["livematte"][label.name.lower()]
        assert share.pictures == sum((one == label).any() for one in masks)
        assert share.area == pytest.approx(sum((one == label).mean() for one in masks))


def test_the_commands_and_their_exit_codes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_folder(tmp_path / "d")

    def run(*arguments: str) -> tuple[int, str, str]:
        return command("data", *arguments, folder=tmp_path, patch=monkeypatch, captured=capsys)

    assert run("check", "d") == (0, "3 pictures; faults: 0, doubtful: 0\n", "")
    (tmp_path / "d/masks/1.png").unlink()
    code, out, _ = run("check", "d")
    assert code == 1
    assert out.startswith("masks/1.png: ")
    assert run("show", "d", "page.html")[0] == 0
    assert (tmp_path / "page.html").exists()
    (tmp_path / "d/masks/1.png").write_bytes(indexed_png(parts_of(1)))
    assert "clothes" in run("stats", "d")[1]
    for call in (["check", "none"], ["show", "d", "none/page.html"], ["stats", "none"]):
        code, _, errors = run(*call)
        assert code == 2
        assert errors.startswith("livematte: none")
        assert errors.count("\n") == 1
