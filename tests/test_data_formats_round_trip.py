"""What is exported and imported again is what it was."""

from __future__ import annotations

import warnings
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from folders import jpeg, make_folder, parts_of, picture_of, rows_of, write_rows
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

import livematte
from livematte.dataset import Pictures, read_index
from livematte.dataset.formats import coco, label_studio, supervisely
from livematte.dataset.formats.shapes import cropped, filled, from_runs, runs
from livematte.dataset.transfer import FORMATS
from livematte.dataset.write import grey_png, indexed_png

HOLD_PARTS = [name for name in FORMATS if name != "alpha"]
HOLD_PERSON = [name for name in FORMATS if name not in ("alpha", "celebamask")]
KEPT = ("truth", "split", "set", "licence", "annotator", "clip", "frame", "commercial", "merged")
MASKS = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=40))


def again(folder: Path, name: str, kind: str) -> Path:
    """The folder exported and imported."""
    out, back = folder.parent / f"out-{name}{kind}", folder.parent / f"back-{name}{kind}"
    livematte.export_data(name, folder, out)
    labels = None
    if name == "masks":
        labels = folder.parent / "map.json"
        labels.write_text(
            '{"labels": {"1": "skin", "2": "neck", "3": "hair", "4": "lips", "5": "eyes", "6": "glasses", '
            '"7": "clothes", "8": "accessory", "9": "person"}}'
        )
    livematte.import_data(name, out, back, labels=labels)
    return back


def assert_same(folder: Path, back: Path) -> None:
    """The same pictures, byte for byte, with the same masks and the same rows."""
    with Pictures(folder) as pictures, Pictures(back) as copies:
        rows = {pictures.data(row, row.image): row for row in read_index(folder)}
        after = {copies.data(row, row.image): row for row in read_index(back)}
        assert rows.keys() == after.keys()
        for data, row in rows.items():
            copy = after[data]
            if row.mask is None:
                assert copy.mask is None
            elif row.truth == "parts":
                np.testing.assert_array_equal(pictures.parts(row), copies.parts(copy))
            else:
                np.testing.assert_array_equal(pictures.person(row), copies.person(copy))
            for key in KEPT:
                assert getattr(row, key) == getattr(copy, key), key


@pytest.mark.parametrize("kind", ["", ".zip"])
@pytest.mark.parametrize("name", HOLD_PARTS)
def test_parts_come_back_with_all_that_the_index_said(tmp_path: Path, name: str, kind: str) -> None:
    folder = make_folder(tmp_path / "parts", 3, kind="clip", clip="walk", commercial=False)
    rows = [row | {"frame": number} for number, row in enumerate(rows_of(folder))]
    rows[1]["annotator"] = "berta"
    merged = parts_of(2)
    merged[merged == 2] = 1
    (folder / "masks/2.png").write_bytes(indexed_png(merged))
    rows[2]["merged"] = [["skin", "neck"]]
    write_rows(folder, rows)
    assert livematte.check_data(folder).sound
    back = again(folder, name, kind)
    assert_same(folder, back)
    assert livematte.check_data(back).sound


@pytest.mark.parametrize("name", HOLD_PERSON)
def test_a_person_and_nobody_come_back(tmp_path: Path, name: str) -> None:
    folder = make_folder(tmp_path / "person", 2)
    (folder / "masks/0.png").write_bytes(grey_png(np.where(parts_of(0) > 0, 255, 0).astype(np.uint8)))
    rows = rows_of(folder)
    write_rows(folder, [rows[0] | {"truth": "person"}, rows[1] | {"truth": "none", "mask": None}])
    back = again(folder, name, "")
    assert_same(folder, back)


def test_mattes_come_back_soft(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "soft", 2)
    for seed in range(2):
        soft = cv2.GaussianBlur(np.where(parts_of(seed) > 0, 255, 0).astype(np.uint8), (0, 0), 3)
        (folder / f"masks/{seed}.png").write_bytes(grey_png(soft))
    write_rows(folder, [row | {"truth": "alpha"} for row in rows_of(folder)])
    assert_same(folder, again(folder, "alpha", ""))
    back = read_index(again(folder, "coco", ""))
    assert [row.truth for row in back] == ["person", "person"]  # no longer soft, and it says so


def test_pictures_of_one_name_and_of_a_shard_stay_apart(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "shards", 2)
    with zipfile.ZipFile(folder / "all.zip", "w") as shard:
        for seed in range(2):
            shard.writestr(f"{seed}/a.jpg", jpeg(picture_of(parts_of(seed), seed)))
            shard.writestr(f"{seed}/a.png", indexed_png(parts_of(seed)))
    rows = [
        row | {"shard": "all.zip", "image": f"{seed}/a.jpg", "mask": f"{seed}/a.png"}
        for seed, row in enumerate(rows_of(folder))
    ]
    write_rows(folder, rows)
    for name in ("coco", "labelme"):
        assert_same(folder, again(folder, name, ""))


@given(arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=24), elements=st.integers(0, 8)))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_labels_come_back_from_every_format(
    tmp_path_factory: pytest.TempPathFactory, parts: NDArray[np.uint8]
) -> None:
    parts[0, 0] = 3  # never empty: that is nobody
    folder = make_folder(tmp_path_factory.mktemp("any") / "data", 1)
    high, wide = parts.shape
    (folder / "images/0.jpg").write_bytes(jpeg(picture_of(parts, 1)))
    (folder / "masks/0.png").write_bytes(indexed_png(parts))
    write_rows(folder, [rows_of(folder)[0] | {"width": wide, "height": high}])
    for name in HOLD_PARTS:
        assert_same(folder, again(folder, name, ""))


@given(MASKS)
def test_runs_come_back(mask: NDArray[np.bool_]) -> None:
    lengths = runs(mask)
    np.testing.assert_array_equal(from_runs(lengths, mask.shape[1], mask.shape[0]), mask)
    assert all(lengths[1:])  # only the first may be of no pixels


@given(MASKS)
def test_run_lengths_of_label_studio_come_back(mask: NDArray[np.bool_]) -> None:
    np.testing.assert_array_equal(label_studio.decode(label_studio.encode(mask), mask.shape[::-1]), mask)


@given(MASKS)
def test_compressed_run_lengths_of_coco_come_back(mask: NDArray[np.bool_]) -> None:
    np.testing.assert_array_equal(coco.decode(coco.encode(mask), mask.shape[::-1]), mask)


@given(MASKS)
def test_compressed_run_lengths_of_coco_are_those_of_its_own_code(mask: NDArray[np.bool_]) -> None:
    theirs = pytest.importorskip("pycocotools.mask", reason="compares with: pip install pycocotools")
    assert (
        theirs.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"].decode()
        == coco.encode(mask)["counts"]
    )


def test_polygons_differ_from_those_of_coco_by_pixels_of_the_outline_only() -> None:
    theirs = pytest.importorskip("pycocotools.mask", reason="compares with: pip install pycocotools")
    turns = np.arange(40) / 40 * 2 * np.pi
    corners = np.stack([50 + 30 * np.cos(turns), 40 + (20 + 8 * np.sin(5 * turns)) * np.sin(turns)], axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # its decoder's, under this numpy
        drawn = theirs.decode(theirs.merge(theirs.frPyObjects([corners.ravel().tolist()], 80, 100))) > 0
    ours = coco.decode([corners.ravel().tolist()], (100, 80))
    outline = cv2.morphologyEx(ours.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    assert not (drawn ^ ours)[~outline].any()
    assert np.count_nonzero(drawn ^ ours) < 0.5 * np.count_nonzero(outline)


@given(MASKS)
def test_uncompressed_run_lengths_of_coco_run_down_columns(mask: NDArray[np.bool_]) -> None:
    high, wide = mask.shape
    segmentation = {"size": [high, wide], "counts": runs(np.ascontiguousarray(mask.T))}
    np.testing.assert_array_equal(coco.decode(segmentation, (wide, high)), mask)


@given(MASKS)
def test_bitmaps_of_supervisely_come_back(mask: NDArray[np.bool_]) -> None:
    np.testing.assert_array_equal(supervisely.decode(supervisely.encode(mask)), mask)


@given(MASKS.filter(lambda mask: bool(mask.any())))
def test_a_crop_holds_all_of_a_mask_and_touches_its_box(mask: NDArray[np.bool_]) -> None:
    part, left, top = cropped(mask)
    whole = np.zeros_like(mask)
    whole[top : top + part.shape[0], left : left + part.shape[1]] = part
    np.testing.assert_array_equal(whole, mask)
    assert part[0].any()
    assert part[-1].any()
    assert part[:, 0].any()
    assert part[:, -1].any()


@given(arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=9)))
@settings(deadline=None)
def test_polygons_along_the_edges_of_pixels_hold_those_pixels(mask: NDArray[np.bool_]) -> None:
    high, wide = mask.shape
    squares = [
        [(x, y), (x + 1, y), (x + 1, y + 1), (x, y + 1)] for y, x in zip(*np.nonzero(mask), strict=True)
    ]
    np.testing.assert_array_equal(filled(squares, wide, high), mask)


CORNERS = st.lists(st.tuples(st.floats(-20, 40), st.floats(-20, 40)), min_size=3, max_size=8)


@given(st.lists(CORNERS, min_size=1, max_size=2))
@settings(max_examples=60, deadline=None)
def test_polygons_hold_the_pixels_whose_centres_lie_inside_an_odd_number_of_times(
    rings: list[list[tuple[float, float]]],
) -> None:
    found = filled(rings, 18, 14)
    for y in range(14):
        for x in range(18):
            crossings = 0
            for ring in rings:  # a ray to the left, from the pixel's centre
                for (x0, y0), (x1, y1) in zip(ring, ring[1:] + ring[:1], strict=True):
                    if (y0 <= y + 0.5) != (y1 <= y + 0.5):
                        crossings += x0 + (y + 0.5 - y0) * ((x1 - x0) / (y1 - y0)) <= x + 0.5
            assert found[y, x] == crossings % 2, (x, y)
