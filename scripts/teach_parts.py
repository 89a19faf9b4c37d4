"""Make a data folder whose people are told apart into parts by a larger network that anybody may use.

    python scripts/teach_parts.py DATA OUT selfie_multiclass_256x256.tflite
    livematte train OUT RUN --network parts --start checkpoints/best.pt

The teacher is MediaPipe's selfie multiclass model (Apache-2.0). It says hair, skin, clothes or other; where
the person ends stays as DATA says. Left out is what is known to forbid commercial use; clips, cut-outs and
pictures without a person are copied as they are.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray
from rich.progress import track

from livematte.dataset import Pictures, Row, read_index, select
from livematte.dataset.candidates import candidates
from livematte.dataset.index import NINE
from livematte.dataset.write import Writer, new_folder
from livematte.labels import Label

Teacher = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]

CLASSES = np.array([Label.HAIR, Label.SKIN, Label.SKIN, Label.CLOTHES, Label.ACCESSORY], np.uint8)
"""Of the teacher's classes 1 to 5: hair, body's skin, face's skin, clothes, others."""

OTHERS = (("accessory", "glasses"),)
"""What may be either. Skin is all of it, and of the face everything: no picture tells neck, lips or eyes."""

TAUGHT = ("picsart", "vikram", "ecssd", "figaro1k", "lfw")
"""Sets of stills whose people are large enough for the teacher."""


def main(data: Path, out: Path, model: Path) -> None:
    """Write OUT: the split `train`, and of `val` what chooses the best checkpoint."""
    teacher = open_teacher(model)
    rows = read_index(data)
    usable = select(rows, split="train", commercial_only=True) + select(rows, split="val", sets=["picsart"])
    with Pictures(data) as pictures, new_folder(out) as fresh:
        writer = Writer(fresh)
        for row in track(usable, f"writing {len(usable)} pictures"):
            told, mask = labelled(pictures, row, teacher)
            # names of two sets may be alike
            told = replace(told, image=f"{row.set}-{Path(row.image).name}")
            writer.add(told, pictures.data(row, row.image), mask)
        writer.finish()


def labelled(pictures: Pictures, row: Row, teacher: Teacher) -> tuple[Row, NDArray[np.uint8] | None]:
    """The row and the mask to write for a row."""
    if row.truth == "parts":
        sets = candidates(pictures, row)
        # the lowest bit that is set: the first class of those that a pixel may be of
        first = np.log2(sets & -sets.astype(np.int32)).astype(np.uint8)
        return replace(row, labels=NINE), first
    if row.split != "train" or row.set not in TAUGHT:
        return row, None if row.mask is None else pictures.person(row)
    parts = teacher(pictures.rgb(row))
    if row.hair_mask is not None:
        parts = with_hair(parts, pictures.hair(row) > 127)
    parts[pictures.person(row) < 128] = Label.BACKGROUND
    return replace(row, truth="parts", by="teacher", hair_mask=None, merged=OTHERS), parts


def with_hair(parts: NDArray[np.uint8], hair: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Parts with the hair that people marked; what only the teacher took for hair becomes what is nearest."""
    taken = (parts == Label.HAIR).astype(np.uint8)
    _, nearest = cv2.distanceTransformWithLabels(taken, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    known = np.zeros(int(nearest.max()) + 1, np.uint8)
    known[nearest[taken == 0]] = parts[taken == 0]
    return np.where(hair, np.uint8(Label.HAIR), known[nearest])


def open_teacher(model: Path) -> Teacher:
    """What gives the class of each pixel, uint8 H×W and never background, of uint8 RGB H×W×3."""
    network = Interpreter(str(model), num_threads=1)
    network.allocate_tensors()
    given, wanted = network.get_input_details()[0]["index"], network.get_output_details()[0]["index"]

    def see(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        small = cv2.resize(picture, (256, 256), interpolation=cv2.INTER_AREA)
        network.set_tensor(given, small[None] / np.float32(127.5) - 1)
        network.invoke()
        scores = network.get_tensor(wanted)[0, :, :, 1:]
        whole = cv2.resize(scores, picture.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        return CLASSES[whole.argmax(2)]

    return see


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*map(Path, sys.argv[1:]))
