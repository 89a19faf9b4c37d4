"""CVAT: "CVAT for images 1.1" (XML with polygons and masks) and "Segmentation mask 1.1"."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import numpy as np
from numpy.typing import NDArray

from livematte.dataset.classes import NAMES
from livematte.dataset.formats.files import PICTURES, Files, Sink
from livematte.dataset.formats.item import Canvas, Item, Source, array_of, check_size, understanding
from livematte.dataset.formats.shapes import box_ring, cropped, filled, from_runs, runs
from livematte.dataset.write import indexed_png
from livematte.errors import InputError
from livematte.labels import PALETTE, PERSON_COLOUR

XML, LABELMAP, CLASSES = "annotations.xml", "labelmap.txt", "SegmentationClass"


def read(source: Source) -> Iterator[Item]:
    """Either of the two, whichever is there."""
    if found := source.files.ending(".xml"):
        return _read_xml(source, found)
    if source.files.find(LABELMAP):
        return _read_masks(source)
    raise InputError(f"{source.files.path}: neither {XML} nor {LABELMAP} is there, as CVAT writes them")


def _read_xml(source: Source, names: list[str]) -> Iterator[Item]:
    if len(names) != 1:
        raise InputError(f"{source.files.path}: one XML file is wanted; there is: {', '.join(names)}")
    where = source.files.where(names[0])
    root = _parsed(source.files, names[0])
    if root.tag != "annotations" or root.find("track") is not None:
        raise InputError(f"{where}: not 'CVAT for images 1.1'; export the task in that format")
    annotator = root.findtext("meta/task/owner/username", "")
    for image in root.iter("image"):
        name = image.get("name", "")
        with understanding(f"{where}: {name}"):
            found, data, size = source.images.get(name)
            check_size((int(image.attrib["width"]), int(image.attrib["height"])), size)
            canvas = Canvas(size, source.labels)
            for shape in sorted(image, key=lambda one: int(one.get("z_order", 0))):
                _paint(canvas, shape, source)
            truth, mask = canvas.truth()
        yield Item(found, data, truth, mask, annotator)


def _parsed(files: Files, name: str) -> Element:
    data = files.read(name)
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:  # entities could unfold without end
        raise InputError(f"{files.where(name)}: holds a document type, which CVAT writes none of")
    try:
        return ElementTree.fromstring(data)
    except ElementTree.ParseError as error:
        raise InputError(f"{files.where(name)}: {error}") from None


def _paint(canvas: Canvas, shape: Element, source: Source) -> None:
    label = shape.get("label", "")
    if shape.tag == "mask":
        left, top, wide, high = (int(shape.attrib[key]) for key in ("left", "top", "width", "height"))
        if not (0 < wide <= canvas.wide and 0 < high <= canvas.high):
            raise InputError(f"a mask of {wide}×{high} is larger than the picture")
        part = from_runs([int(run) for run in shape.attrib["rle"].split(",")], wide, high)
        canvas.paste(label, part, left, top)
    elif shape.tag == "polygon":
        ring = [tuple(map(float, point.split(","))) for point in shape.attrib["points"].split(";")]
        canvas.paint(label, filled([ring], canvas.wide, canvas.high))
    elif shape.tag == "box" and not float(shape.get("rotation", 0)):
        box = box_ring(*(float(shape.attrib[key]) for key in ("xtl", "ytl", "xbr", "ybr")))
        canvas.paint(label, filled([box], canvas.wide, canvas.high))
    else:
        source.notes.add(f"<{shape.tag}> passed over: masks, polygons and upright boxes are read")


def write(target: Sink, items: Iterable[Item]) -> None:
    """annotations.xml with one mask per class and picture, and images/."""
    root = document()
    for number, item in enumerate(items):
        target.write(f"images/{item.name}", item.picture)
        root.append(image_element(number, item))
    target.write(XML, text_of(root))


def document() -> Element:
    """CVAT's XML without pictures."""
    root = Element("annotations")
    SubElement(root, "version").text = "1.1"
    labels = SubElement(SubElement(SubElement(root, "meta"), "task"), "labels")
    for one in constructor():
        label = SubElement(labels, "label")
        for key in ("name", "color", "type"):
            SubElement(label, key).text = str(one[key])
    return root


def constructor() -> list[dict[str, object]]:
    """The labels as a new task's "raw" field wants them."""
    return [
        {"name": name, "color": "#{:02x}{:02x}{:02x}".format(*colour), "type": "any", "attributes": []}
        for name, colour in _colours().items()
        if name != "background"
    ]


def text_of(root: Element) -> str:
    """A document of XML as it stands in a file."""
    ElementTree.indent(root)
    return ElementTree.tostring(root, "unicode", xml_declaration=True) + "\n"


def image_element(number: int, item: Item) -> Element:
    """One picture's masks as CVAT's XML has them: runs row by row within a box, those outside it first."""
    assert item.row is not None
    size = {"width": str(item.row.width), "height": str(item.row.height)}
    image = Element("image", {"id": str(number), "name": item.name, **size})
    for name, mask in item.layers():
        part, left, top = cropped(mask)
        SubElement(
            image,
            "mask",
            {
                "label": name,
                "source": "semi-auto",
                "occluded": "0",
                "rle": ", ".join(map(str, runs(part))),
                "left": str(left),
                "top": str(top),
                "width": str(part.shape[1]),
                "height": str(part.shape[0]),
                "z_order": "0",
            },
        )
    return image


def _read_masks(source: Source) -> Iterator[Item]:
    files = source.files
    map_name = files.find(LABELMAP)
    assert map_name is not None
    with understanding(files.where(map_name)):
        labels = _labelmap(files.read(map_name).decode())
    known = {red << 16 | green << 8 | blue: name for name, (red, green, blue) in labels.items()}
    for name in _listed(files):
        found = files.find(f"{CLASSES}/{name}.png")
        if found is None:
            raise InputError(f"{files.path}: {CLASSES}/{name}.png is missing, which its list names")
        with understanding(files.where(found)):
            mask: NDArray[Any] = array_of(files.read(found), files.where(found))
            picture, data, size = source.images.get(*_named(name), loose=False)
            canvas = Canvas(size, source.labels)
            if mask.ndim == 2 and not _is_indexed(files.read(found)):
                by_number = dict(enumerate(labels))  # of one channel: the label's line in the map
            else:
                colours = array_of(files.read(found), found, "RGB").astype(np.int32)
                mask, by_number = colours @ np.array([65536, 256, 1], np.int32), known
            for number in np.unique(mask).tolist():
                if number not in by_number:
                    raise InputError(f"colour or number {number:#08x} is not in {LABELMAP}")
                if by_number[number] != "background":
                    canvas.paint(by_number[number], mask == number)
            truth, painted = canvas.truth()
        yield Item(picture, data, truth, painted)


def _is_indexed(png: bytes) -> bool:
    return png[25:26] == b"\x03"  # the header's colour type


def _named(name: str) -> list[str]:
    """What the picture of a mask may be called; a PNG only where no mask is called so."""
    return [f"JPEGImages/{name}.png", *(f"{name}{suffix}" for suffix in sorted(PICTURES - {".png"}))]


def _labelmap(text: str) -> dict[str, tuple[int, int, int]]:
    """The colour of each label, in the order of the lines `label:red,green,blue:parts:actions`."""
    labels = {}
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            name, colour = line.split(":")[:2]
            red, green, blue = map(int, colour.split(","))
            labels[name] = (red, green, blue)
    return labels


def _listed(files: Files) -> list[str]:
    lists = [name for name in files.ending(".txt") if "ImageSets/Segmentation/" in name]
    if lists:
        lines = [line for name in lists for line in files.read(name).decode().splitlines()]
        return list(dict.fromkeys(line.strip() for line in lines if line.strip()))
    inside = f"{CLASSES}/"
    return [
        name[name.index(inside) + len(inside) :].removesuffix(".png")
        for name in files.ending(".png")
        if inside in name
    ]


def write_masks(target: Sink, items: Iterable[Item]) -> None:
    """Segmentation mask 1.1: labelmap.txt, lists, class and object masks, and the pictures."""
    lines = [f"{name}:{','.join(map(str, colour))}::" for name, colour in _colours().items()]
    target.write(LABELMAP, "# label:color_rgb:parts:actions\n" + "\n".join(lines) + "\n")
    names = []
    for item in items:
        assert item.row is not None
        stem = PurePosixPath(item.name).stem
        names.append(stem)
        mask = np.zeros((item.row.height or 0, item.row.width or 0), np.uint8)
        for name, inside in item.layers():
            mask[inside] = list(_colours()).index(name)
        png = indexed_png(mask, [*PALETTE.values(), PERSON_COLOUR])
        target.write(f"JPEGImages/{item.name}", item.picture)
        target.write(f"{CLASSES}/{stem}.png", png)
        target.write(f"SegmentationObject/{stem}.png", png)  # one object per class
    target.write("ImageSets/Segmentation/default.txt", "".join(f"{name}\n" for name in names))


def _colours() -> dict[str, tuple[int, int, int]]:
    return {**{name: PALETTE[label] for name, label in NAMES.items()}, "person": PERSON_COLOUR}
