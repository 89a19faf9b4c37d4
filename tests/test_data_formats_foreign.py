"""Files as other tools write them, laid out by their documentation."""

from __future__ import annotations

import base64
import io
import json
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from folders import command, jpeg, make_folder
from numpy.typing import NDArray
from PIL import Image

import livematte
from livematte.dataset import Pictures, Row, read_index
from livematte.labels import Label

WIDE, HIGH = 12, 10
SQUARE = [[2.0, 3.0], [7.0, 3.0], [7.0, 8.0], [2.0, 8.0]]


def square(label: int = Label.HAIR) -> NDArray[np.uint8]:
    mask = np.zeros((HIGH, WIDE), np.uint8)
    mask[3:8, 2:7] = label
    return mask


def photo(wide: int = WIDE, high: int = HIGH) -> bytes:
    return jpeg(np.full((high, wide, 3), 90, np.uint8))


def png(pixels: NDArray[Any]) -> bytes:
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "PNG")
    return data.getvalue()


def write(folder: Path, files: dict[str, bytes | str]) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data.encode() if isinstance(data, str) else data)
    return folder


def imported(format: str, source: Path, **more: Any) -> tuple[list[Row], list[NDArray[np.uint8] | None]]:
    back = source.parent / f"{source.stem}-imported"
    livematte.import_data(format, source, back, **more)
    rows = read_index(back)
    with Pictures(back) as pictures:
        masks = [
            None
            if row.mask is None
            else pictures.parts(row)
            if row.truth == "parts"
            else pictures.person(row)
            for row in rows
        ]
    return rows, masks


def coco(segmentation: object, **more: object) -> str:
    annotation = {"id": 7, "image_id": 31, "category_id": 18, "segmentation": segmentation, "iscrowd": 0}
    content = {
        "info": {"year": 2017},
        "licenses": [{"id": 1, "name": "CC"}],
        "images": [{"id": 31, "file_name": "a.jpg", "width": WIDE, "height": HIGH, "license": 1}],
        "annotations": [annotation | more],
        "categories": [{"id": 18, "name": "Hair", "supercategory": "person"}],
    }
    return json.dumps(content)


# the square of columns 2 to 6 and rows 3 to 7 as COCO counts: down the columns, background first
COUNTS = [23, 5, 5, 5, 5, 5, 5, 5, 5, 5, 52]


@pytest.mark.parametrize(
    "segmentation",
    [
        [[2, 3, 7, 3, 7, 8, 2, 8]],
        [[2, 3, 7, 3, 7, 5, 2, 5], [2, 5, 7, 5, 7, 8, 2, 8]],
        {"size": [HIGH, WIDE], "counts": COUNTS},
        {"size": [HIGH, WIDE], "counts": "g0550000000_1"},
    ],
    ids=["polygon", "two polygons", "run lengths", "compressed"],
)
def test_coco(tmp_path: Path, segmentation: object) -> None:
    source = write(tmp_path / "s", {"annotations/instances.json": coco(segmentation), "train/a.jpg": photo()})
    rows, masks = imported("coco", source, licence="CC BY 4.0", split="val", set="mine", commercial=True)
    np.testing.assert_array_equal(masks[0], square())
    row = rows[0]
    assert (row.licence, row.split, row.set, row.commercial) == ("CC BY 4.0", "val", "mine", True)
    assert (row.width, row.height) == (WIDE, HIGH)


def test_coco_in_one_file_with_pictures_elsewhere(tmp_path: Path) -> None:
    write(tmp_path, {"s/instances.json": coco([[2, 3, 7, 3, 7, 8, 2, 8]]), "pictures/a.jpg": photo()})
    _, masks = imported("coco", tmp_path / "s/instances.json", images=tmp_path / "pictures")
    np.testing.assert_array_equal(masks[0], square())


def cvat(shapes: str, name: str = "a.jpg") -> str:
    return f"""<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta>
    <task>
      <id>4</id><name>heads</name><size>1</size><mode>annotation</mode>
      <labels><label><name>hair</name><color>#7a4828</color><attributes></attributes></label></labels>
      <owner><username>anna</username><email></email></owner>
    </task>
    <dumped>2024-05-03 10:00:00.000000+00:00</dumped>
  </meta>
  <image id="0" name="{name}" width="{WIDE}" height="{HIGH}">
{shapes}
  </image>
</annotations>
"""


POLYGON = '<polygon label="hair" points="2.00,3.00;7.00,3.00;7.00,8.00;2.00,8.00" z_order="{z}"/>'
CVAT_MASK = '<mask label="{label}" rle="0, 25" left="2" top="3" width="5" height="5" z_order="0"/>'


@pytest.mark.parametrize(
    "shapes",
    [
        POLYGON.format(z=0),
        CVAT_MASK.format(label="hair"),
        '<box label="hair" occluded="0" xtl="2.00" ytl="3.00" xbr="7.00" ybr="8.00" z_order="0"></box>',
        POLYGON.format(z=2) + CVAT_MASK.format(label="skin"),
    ],
    ids=["polygon", "mask", "box", "above"],
)
def test_cvat_for_images(tmp_path: Path, shapes: str) -> None:
    with zipfile.ZipFile(tmp_path / "task.zip", "w") as archive:
        archive.writestr("annotations.xml", cvat(shapes, "sub/a.jpg"))
        archive.writestr("images/sub/a.jpg", photo())
    rows, masks = imported("cvat", tmp_path / "task.zip")
    np.testing.assert_array_equal(masks[0], square())
    assert rows[0].annotator == "anna"


def test_runs_of_cvat_go_along_rows_within_the_box(tmp_path: Path) -> None:
    shape = '<mask label="hair" rle="1, 2, 1, 2" left="4" top="2" width="3" height="2" z_order="0"/>'
    source = write(tmp_path / "s", {"annotations.xml": cvat(shape), "images/a.jpg": photo()})
    wanted = np.zeros((HIGH, WIDE), np.uint8)
    wanted[2, 5:7] = wanted[3, 5:7] = Label.HAIR
    _, masks = imported("cvat", source)
    np.testing.assert_array_equal(masks[0], wanted)


def test_what_has_no_area_is_passed_over_and_said(tmp_path: Path) -> None:
    shapes = POLYGON.format(z=0) + '<points label="hair" points="1.0,2.0" z_order="0"></points>'
    source = write(tmp_path / "s", {"annotations.xml": cvat(shapes), "images/a.jpg": photo()})
    result = livematte.import_data("cvat", source, tmp_path / "back")
    assert len(result.notes) == 1
    assert "<points>" in result.notes[0]


LABELMAP = "# label:color_rgb:parts:actions\nbackground:0,0,0::\nhair:128,0,64::\nskin:0,200,0::\n"


@pytest.mark.parametrize("kind", ["colours", "numbers", "palette"])
def test_segmentation_mask_of_cvat(tmp_path: Path, kind: str) -> None:
    colours = np.array([(0, 0, 0), (128, 0, 64), (0, 200, 0)], np.uint8)
    numbers = square(1)
    numbers[0, 0] = 2
    mask = png(colours[numbers] if kind == "colours" else numbers)
    if kind == "palette":
        image = Image.fromarray(numbers)
        image.putpalette(colours.tobytes())
        data = io.BytesIO()
        image.save(data, "PNG")
        mask = data.getvalue()
    files = {
        "labelmap.txt": LABELMAP,
        "ImageSets/Segmentation/default.txt": "sub/a\n",
        "SegmentationClass/sub/a.png": mask,
        "SegmentationObject/sub/a.png": png(numbers),
    }
    write(tmp_path, {"pictures/sub/a.jpg": photo()})
    with zipfile.ZipFile(tmp_path / "task.zip", "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    _, masks = imported("cvat", tmp_path / "task.zip", images=tmp_path / "pictures")
    wanted = square()
    wanted[0, 0] = Label.SKIN
    np.testing.assert_array_equal(masks[0], wanted)


def task(*results: dict[str, Any], **more: Any) -> dict[str, Any]:
    common = {"original_width": WIDE, "original_height": HIGH, "image_rotation": 0, "from_name": "tag"}
    annotation = {
        "id": 1,
        "completed_by": {"id": 3, "email": "anna@example.org"},
        "was_cancelled": False,
        "ground_truth": False,
        "result": [common | {"to_name": "image", "origin": "manual"} | result for result in results],
    }
    return {
        "id": 1,
        "annotations": [annotation | more],
        "predictions": [],
        "data": {"image": "/data/upload/1/0a1b2c3d-a.jpg"},
    }


def polygon_result(label: str = "Hair") -> dict[str, Any]:
    points = [[x / WIDE * 100, y / HIGH * 100] for x, y in SQUARE]
    return {"type": "polygonlabels", "value": {"points": points, "closed": True, "polygonlabels": [label]}}


def packed(rgba: NDArray[np.uint8]) -> list[int]:
    """RGBA as rle-pack would hold it with literals only, of 3 bits' length, to be read by another code."""
    flat = rgba.ravel().tolist()
    bits = f"{len(flat):032b}{7:05b}{2:04b}{3:04b}{4:04b}{5:04b}"
    for start in range(0, len(flat), 8):
        part = flat[start : start + 8]
        bits += f"000{len(part) - 1:03b}" + "".join(f"{value:08b}" for value in part)
    bits += "0" * (-len(bits) % 8)
    return [int(bits[at : at + 8], 2) for at in range(0, len(bits), 8)]


def brush_result(label: str = "hair") -> dict[str, Any]:
    rgba = np.zeros((HIGH, WIDE, 4), np.uint8)
    rgba[3:8, 2:7] = (12, 200, 40, 255)  # painted in the label's colour, as the page does
    return {"type": "brushlabels", "value": {"format": "rle", "rle": packed(rgba), "brushlabels": [label]}}


@pytest.mark.parametrize("result", [polygon_result(), brush_result()], ids=["polygon", "brush"])
def test_label_studio(tmp_path: Path, result: dict[str, Any]) -> None:
    source = write(tmp_path / "s", {"export.json": json.dumps([task(result)]), "images/a.jpg": photo()})
    rows, masks = imported("label-studio", source)
    np.testing.assert_array_equal(masks[0], square())
    assert rows[0].annotator == "anna@example.org"


def test_of_several_annotations_the_last_is_taken_but_none_that_was_cancelled(tmp_path: Path) -> None:
    one = task(polygon_result("skin"))
    one["annotations"].append(task(polygon_result("hair"), completed_by=4)["annotations"][0])
    one["annotations"].append(task(polygon_result("neck"), was_cancelled=True)["annotations"][0])
    empty = task() | {"annotations": [], "data": {"image": "/data/local-files/?d=images/b%20c.jpg"}}
    files = {"e.json": json.dumps([one, empty]), "images/a.jpg": photo(), "images/b c.jpg": photo()}
    source = write(tmp_path / "s", files)
    rows, masks = imported("label-studio", source)
    assert len(rows) == 1
    assert rows[0].annotator == "4"
    np.testing.assert_array_equal(masks[0], square())


def labelme(shape: dict[str, Any], **more: Any) -> str:
    common = {"label": "hair", "group_id": None, "description": "", "flags": {}}
    content = {
        "version": "5.4.1",
        "flags": {},
        "shapes": [common | shape],
        "imagePath": "..\\pictures\\a.jpg",
        "imageData": None,
        "imageHeight": HIGH,
        "imageWidth": WIDE,
    }
    return json.dumps(content | more)


@pytest.mark.parametrize(
    "shape",
    [
        {"shape_type": "polygon", "points": SQUARE},
        {"shape_type": "rectangle", "points": [[7.0, 8.0], [2.0, 3.0]]},
        {
            "shape_type": "mask",
            "points": [[2.0, 3.0], [6.0, 7.0]],
            "mask": base64.b64encode(png(np.ones((5, 5), np.uint8))).decode(),
        },
    ],
    ids=["polygon", "rectangle", "mask"],
)
def test_labelme(tmp_path: Path, shape: dict[str, Any]) -> None:
    source = write(tmp_path / "s", {"ann/a.json": labelme(shape), "pictures/a.jpg": photo()})
    np.testing.assert_array_equal(imported("labelme", source)[1][0], square())


def test_labelme_with_the_picture_inside_and_a_circle(tmp_path: Path) -> None:
    shape = {"shape_type": "circle", "points": [[6.0, 5.0], [6.0, 8.0]]}
    inside = base64.b64encode(photo()).decode()
    source = write(tmp_path / "s", {"a.json": labelme(shape, imageData=inside)})
    _, masks = imported("labelme", source)
    y, x = np.mgrid[:HIGH, :WIDE] + 0.5
    np.testing.assert_array_equal(masks[0] == Label.HAIR, (x - 6) ** 2 + (y - 5) ** 2 < 9)


def supervisely(thing: dict[str, Any]) -> str:
    common = {"id": 1, "classId": 2, "labelerLogin": "anna", "classTitle": "hair", "tags": []}
    size = {"height": HIGH, "width": WIDE}
    return json.dumps({"description": "", "tags": [], "size": size, "objects": [common | thing]})


def bitmap(part: NDArray[np.uint8]) -> str:
    rgba = np.zeros((*part.shape, 4), np.uint8)
    rgba[part > 0] = 255
    return base64.b64encode(zlib.compress(png(rgba))).decode()


RING = np.ones((5, 5), np.uint8)
RING[2, 2] = 0


@pytest.mark.parametrize(
    "thing",
    [
        {"geometryType": "bitmap", "bitmap": {"data": bitmap(RING), "origin": [2, 3]}},
        {
            "geometryType": "polygon",
            "points": {"exterior": SQUARE, "interior": [[[4, 5], [5, 5], [5, 6], [4, 6]]]},
        },
    ],
    ids=["bitmap", "polygon"],
)
def test_supervisely(tmp_path: Path, thing: dict[str, Any]) -> None:
    files = {
        "meta.json": json.dumps(
            {"classes": [{"title": "hair", "shape": "bitmap", "color": "#F00000"}], "tags": []}
        ),
        "ds0/ann/a.jpg.json": supervisely(thing),
        "ds0/img/a.jpg": photo(),
        "ds1/img/a.jpg": photo(20, 20),  # another dataset's picture of the same name
    }
    rows, masks = imported("supervisely", write(tmp_path / "s", files))
    wanted = square()
    wanted[5, 4] = 0
    np.testing.assert_array_equal(masks[0], wanted)
    assert rows[0].annotator == "anna"


def test_celebamask_with_masks_of_half_the_size(tmp_path: Path) -> None:
    def part(*box: slice) -> bytes:
        mask = np.zeros((HIGH, WIDE, 3), np.uint8)
        mask[box] = 255
        return png(mask)

    every = (slice(1, 9), slice(1, 11))
    files = {
        "CelebA-HQ-img/2000.jpg": photo(2 * WIDE, 2 * HIGH),
        "CelebAMask-HQ-mask-anno/1/02000_skin.png": part(*every),
        "CelebAMask-HQ-mask-anno/1/02000_hair.png": part(slice(1, 3), slice(1, 11)),
        "CelebAMask-HQ-mask-anno/1/02000_r_brow.png": part(slice(4, 5), slice(3, 5)),
        "CelebAMask-HQ-mask-anno/1/02000_neck_l.png": part(slice(8, 9), slice(1, 11)),
        "CelebAMask-HQ-mask-anno/1/02000_neck.png": part(slice(7, 9), slice(1, 11)),
    }
    wanted = np.zeros((HIGH, WIDE), np.uint8)
    wanted[every] = Label.SKIN
    wanted[7:9, 1:11] = Label.NECK
    wanted[8, 1:11] = Label.ACCESSORY
    wanted[1:3, 1:11] = Label.HAIR
    wanted[4, 3:5] = Label.EYES
    _, masks = imported("celebamask", write(tmp_path / "s", files))
    np.testing.assert_array_equal(masks[0], wanted.repeat(2, axis=0).repeat(2, axis=1))


def test_mattes_as_pictures_with_alpha_of_their_own(tmp_path: Path) -> None:
    rgba = np.full((HIGH, WIDE, 4), 120, np.uint8)
    rgba[..., 3] = np.arange(WIDE) * 20
    rows, masks = imported("alpha", write(tmp_path / "s", {"a.png": png(rgba), "b.jpg": photo()}))
    assert [row.truth for row in rows] == ["alpha"]
    np.testing.assert_array_equal(masks[0], rgba[..., 3])


@pytest.mark.parametrize("name", ["images/a.webp", "images/a.png", "fgr/a.jpg"])
def test_a_matte_is_never_taken_for_its_picture(tmp_path: Path, name: str) -> None:
    matte = png(np.full((HIGH, WIDE), 40_000, np.uint16))
    source = write(tmp_path / "s", {name: photo(), "alpha/a.png": matte})
    rows, masks = imported("alpha", source)
    np.testing.assert_array_equal(masks[0], np.full((HIGH, WIDE), 40_000 >> 8))
    assert (source.parent / "s-imported" / rows[0].image).read_bytes() == photo()


def test_two_pictures_that_may_be_meant_are_named(tmp_path: Path) -> None:
    files = {"i.json": coco([[2, 3, 7, 3, 7, 8, 2, 8]]), "x/a.jpg": photo(), "y/a.jpg": photo(20, 20)}
    with pytest.raises(livematte.InputError, match=r"'a\.jpg' may be x/a\.jpg or y/a\.jpg"):
        imported("coco", write(tmp_path / "s", files))


@pytest.mark.parametrize("coloured", [False, True])
def test_any_label_set_by_a_map(tmp_path: Path, coloured: bool) -> None:
    numbers = square(11)
    numbers[0, :3] = (12, 13, 14)
    colours = np.zeros((256, 3), np.uint8)
    colours[[11, 12, 13, 14]] = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (1, 2, 3)]
    mask = png(colours[numbers] if coloured else numbers)
    names = ["#FF0000", "#00FF00", "#0000FF", "#010203"] if coloured else ["11", "12", "13", "14"]
    labels = dict(zip(names, ["hair", "skin", "neck", None], strict=True))
    write(tmp_path, {"map.json": json.dumps({"labels": labels, "merged": [["skin", "neck"]]})})
    source = write(tmp_path / "s", {"images/a.jpg": photo(), "masks/a.png": mask})
    rows, masks = imported("masks", source, labels=tmp_path / "map.json", licence="CC0")
    wanted = square()
    wanted[0, :2] = Label.SKIN
    np.testing.assert_array_equal(masks[0], wanted)
    assert rows[0].merged == (("skin", "neck"),)
    assert livematte.check_data(tmp_path / "s-imported").sound


def bad(files: dict[str, bytes | str]) -> Callable[[Path], Path]:
    return lambda folder: write(folder / "s", files)


def slip(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "slip.zip", "w") as archive:
        archive.writestr("annotations.xml", cvat(POLYGON.format(z=0)))
        archive.writestr("../../a.jpg", photo())
    return folder / "slip.zip"


def huge() -> bytes:
    data = bytearray(photo())
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = b"\xff\xff\xff\xff"  # 65,535 × 65,535
    return bytes(data)


BILLION = '<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;&b;">]><annotations>&c;</annotations>'
GOOD = [[2, 3, 7, 3, 7, 8, 2, 8]]

WRONG: dict[str, tuple[str, Callable[[Path], Path], str]] = {
    "outside of a zip": ("cvat", slip, r"slip\.zip: names '\.\./\.\./a\.jpg'"),
    "huge": ("coco", bad({"i.json": coco(GOOD), "a.jpg": huge()}), r"a\.jpg: too many pixels"),
    "entities": ("cvat", bad({"a.xml": BILLION}), r"a\.xml: holds a document type"),
    "no picture": ("coco", bad({"i.json": coco(GOOD)}), r"no picture 'a\.jpg'; --images"),
    "no json": ("coco", bad({"i.json": "{"}), r"i\.json: not understood"),
    "nothing": ("coco", bad({"a.jpg": photo()}), r"one JSON file of COCO is wanted; there is: none"),
    "half a polygon": (
        "coco",
        bad({"i.json": coco([[1, 2, 3, 4]]), "a.jpg": photo()}),
        r"i\.json: annotation 7 of a\.jpg: not understood \(a polygon needs three",
    ),
    "runs too long": (
        "coco",
        bad({"i.json": coco({"size": [HIGH, WIDE], "counts": [1, 10**6]}), "a.jpg": photo()}),
        r"runs of 1000001 pixels",
    ),
    "negative runs": (
        "coco",
        bad({"i.json": coco({"size": [HIGH, WIDE], "counts": [130, -10]}), "a.jpg": photo()}),
        r"runs of 120 pixels",
    ),
    "size": (
        "coco",
        bad({"i.json": coco({"size": [HIGH, 9], "counts": COUNTS}), "a.jpg": photo()}),
        rf"run lengths of 9×{HIGH}, the picture is {WIDE}×{HIGH}",
    ),
    "damaged compression": (
        "coco",
        bad({"i.json": coco({"size": [HIGH, WIDE], "counts": "1~"}), "a.jpg": photo()}),
        r"annotation 7 of a\.jpg: not understood \('~' in compressed",
    ),
    "category": (
        "coco",
        bad({"i.json": coco(GOOD, category_id=5), "a.jpg": photo()}),
        r"annotation 7 of a\.jpg: 5 is missing",
    ),
    "label": (
        "cvat",
        bad({"a.xml": cvat(POLYGON.format(z=0).replace("hair", "beard")), "a.jpg": photo()}),
        r"label 'beard' is none of background, skin, .*--map",
    ),
    "runs of cvat": (
        "cvat",
        bad({"a.xml": cvat(CVAT_MASK.format(label="hair").replace('"0, 25"', '"3, 4"')), "a.jpg": photo()}),
        r"runs of 7 pixels for a mask of 5×5",
    ),
    "out of the picture": (
        "cvat",
        bad(
            {"a.xml": cvat(CVAT_MASK.format(label="hair").replace('left="2"', 'left="9"')), "a.jpg": photo()}
        ),
        r"reaches out of the picture|runs of",
    ),
    "another size": (
        "cvat",
        bad({"a.xml": cvat(POLYGON.format(z=0)), "a.jpg": photo(20, 20)}),
        rf"says {WIDE}×{HIGH}, but the picture is 20×20",
    ),
    "another size of coco": (
        "coco",
        bad({"i.json": coco(GOOD), "a.jpg": photo(20, 20)}),
        rf"i\.json: says {WIDE}×{HIGH}, but the picture is 20×20",
    ),
    "video": (
        "cvat",
        bad({"a.xml": "<annotations><track id='0' label='hair'/></annotations>"}),
        r"not 'CVAT for images 1\.1'",
    ),
    "colour": (
        "cvat",
        bad(
            {
                "labelmap.txt": LABELMAP,
                "SegmentationClass/a.png": png(np.full((HIGH, WIDE, 3), 7, np.uint8)),
                "a.jpg": photo(),
            }
        ),
        r"0x070707 is not in labelmap\.txt",
    ),
    "cut run lengths": (
        "label-studio",
        bad(
            {
                "e.json": json.dumps(
                    [task(brush_result() | {"value": brush_result()["value"] | {"rle": [0, 0, 1]}})]
                ),
                "a.jpg": photo(),
            }
        ),
        r"e\.json: task 1: .*cut off",
    ),
    "turned": (
        "label-studio",
        bad({"e.json": json.dumps([task(brush_result() | {"image_rotation": 90})]), "a.jpg": photo()}),
        r"turned by 90°",
    ),
    "no list": ("label-studio", bad({"e.json": "{}"}), r"not a list of tasks"),
    "no tasks": ("label-studio", bad({"e.json": "[7]"}), r"not a list of tasks"),
    "mask and box": (
        "labelme",
        bad(
            {
                "a.json": labelme(
                    {
                        "shape_type": "mask",
                        "points": [[2, 3], [9, 9]],
                        "mask": base64.b64encode(png(np.ones((5, 5), np.uint8))).decode(),
                    }
                ),
                "a.jpg": photo(),
            }
        ),
        r"5×5 does not fit its box",
    ),
    "bomb": (
        "supervisely",
        bad(
            {
                "d/ann/a.jpg.json": supervisely(
                    {
                        "geometryType": "bitmap",
                        "bitmap": {
                            "data": base64.b64encode(zlib.compress(bytes(80 << 20))).decode(),
                            "origin": [0, 0],
                        },
                    }
                ),
                "d/img/a.jpg": photo(),
            }
        ),
        r"a bitmap is too large",
    ),
    "parts and a person": (
        "cvat",
        bad(
            {
                "a.xml": cvat(POLYGON.format(z=0) + '<box label="person" xtl="0" ytl="0" xbr="1" ybr="1"/>'),
                "a.jpg": photo(),
            }
        ),
        r"holds parts and a person without",
    ),
    "no such source": ("coco", lambda folder: folder / "none", r"none does not exist"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_named_and_nothing_is_left(tmp_path: Path, name: str) -> None:
    format, make, message = WRONG[name]
    source = make(tmp_path)
    with pytest.raises(livematte.InputError, match=message):
        livematte.import_data(format, source, tmp_path / "back")
    assert not (tmp_path / "back").exists()
    assert not list(tmp_path.glob(".livematte*"))


def test_the_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_folder(tmp_path / "d", 2)

    def run(*arguments: str) -> tuple[int, str, str]:
        return command("data", *arguments, folder=tmp_path, patch=monkeypatch, captured=capsys)

    assert run("export", "cvat", "d", "out.zip")[1] == "out.zip: 2 pictures\n"
    assert run("import", "cvat", "out.zip", "back", "--licence", "CC BY 4.0") == (0, "back: 2 pictures\n", "")
    assert run("check", "back")[0] == 0
    for call in (
        ["export", "cvat", "d", "out.zip"],
        ["import", "cvat", "out.zip", "back"],
        ["import", "tarot", "out.zip", "new"],
        ["export", "alpha", "none", "new"],
        ["import", "masks", "d", "new"],
    ):
        code, _, errors = run(*call)
        assert code == 2, call
        assert errors.startswith("livematte: ")
    assert not (tmp_path / "new").exists()
