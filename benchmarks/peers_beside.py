"""Networks of others, to be measured beside livematte: functions for `livematte evaluate DATA --peer`.

PEER=network.tflite livematte evaluate DATA --peer peers_beside:litert
PEER=rvm_mobilenetv3_fp32.onnx livematte evaluate DATA --peer peers_beside:Recurrent
"""

from __future__ import annotations

import os

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

import livematte


def litert() -> livematte.Peer:
    """The LiteRT network in the file that the environment variable PEER names, on one thread.

    It takes RGB in 0..1 and gives one mask in 0..1; or, as MediaPipe's multiclass model, takes RGB in
    -1..1 and gives a score for each of several classes, background first.
    """
    network = Interpreter(os.environ["PEER"], num_threads=1)
    network.allocate_tensors()
    given, wanted = network.get_input_details()[0], network.get_output_details()[0]
    height, width = (int(side) for side in given["shape"][1:3])
    classes = wanted["shape"][-1] > 1

    def cut_out(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)[None] / np.float32(255)
        network.set_tensor(given["index"], 2 * small - 1 if classes else small)
        network.invoke()
        found = network.get_tensor(wanted["index"]).reshape(height, width, -1)
        # by how much the likeliest class of a person leads
        mask = 1 / (1 + np.exp(found[..., 0] - found[..., 1:].max(2))) if classes else found[..., 0]
        whole = cv2.resize(mask, picture.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        return np.clip(whole, 0, 1)

    return cut_out


class Recurrent:
    """RobustVideoMatting's ONNX file that PEER names, at the picture's own size, on one thread."""

    def __init__(self) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(os.environ["PEER"], options)
        self.reset()

    def reset(self) -> None:
        """Forget the frames before."""
        self._memory = [np.zeros((1, 1, 1, 1), np.float32)] * 4

    def __call__(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The alpha of the next frame."""
        ratio = min(512 / max(picture.shape[:2]), 1)  # its authors' advice
        given = {f"r{number}i": state for number, state in enumerate(self._memory, 1)}
        given["src"] = picture.transpose(2, 0, 1)[None] / np.float32(255)
        given["downsample_ratio"] = np.array([ratio], np.float32)
        alpha, *self._memory = self._session.run(["pha", "r1o", "r2o", "r3o", "r4o"], given)
        return alpha[0, 0]
