"""A LiteRT network that takes RGB in 0..1 and gives one mask in 0..1, to be measured beside livematte.

PEER=network.tflite livematte evaluate DATA --peer peers_beside:litert
"""

from __future__ import annotations

import os

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

import livematte


def litert() -> livematte.Peer:
    """The network in the file that the environment variable PEER names, on one thread."""
    network = Interpreter(os.environ["PEER"], num_threads=1)
    network.allocate_tensors()
    given, wanted = network.get_input_details()[0], network.get_output_details()[0]
    height, width = (int(side) for side in given["shape"][1:3])

    def cut_out(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
        network.set_tensor(given["index"], small[None] / np.float32(255))
        network.invoke()
        mask = network.get_tensor(wanted["index"]).reshape(height, width)
        whole = cv2.resize(mask, picture.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        return np.clip(whole, 0, 1)

    return cut_out
