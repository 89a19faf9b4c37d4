"""Core ML packages: pictures in and out as pixel buffers, as the camera of an iPhone or a Mac gives them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

import livematte
from livematte.errors import MissingExtraError, OptionError
from livematte.lab.export import contract
from livematte.lab.export.deployed import Deployed
from livematte.lab.network import Network
from livematte.segment.runtime import quiet

SUFFIX = ".mlpackage"

PICTURE, PREVIOUS, OUTPUT = "picture", "previous", "mask"

DEBUGGING = "executorch_debug_handle_mapping.json"
"""A tenth of a megabyte that the converter leaves in the package, unlisted; no app reads it."""


class OnImages(nn.Module):
    """The network with picture and previous mask apart and channels first, as Core ML's images are."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = Deployed(network).network

    def forward(self, picture: Tensor, previous: Tensor) -> Tensor:
        """1×3×H×W (RGB in 0..1) and 1×1×H×W to 1×1×H×W, masks in 0..1."""
        mask: Tensor = self.network(torch.cat([picture, previous], 1)).sigmoid()
        return mask


def write(network: Network, path: Path, height: int, width: int, precision: str) -> None:
    """Convert a network for one input shape; precision: float16 or float32, of the weights and the sums.

    The mask comes out as it is to go in again: one-component half floats.
    """
    if network.parts is not None:
        raise OptionError("Core ML packages hold the mask alone; export a network of parts to litert or onnx")
    try:
        with quiet(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import coremltools as ct
    except ModuleNotFoundError:
        raise MissingExtraError("exporting to Core ML", "export") from None
    grey = {"shape": (1, 1, height, width), "color_layout": ct.colorlayout.GRAYSCALE_FLOAT16}
    example = torch.rand(1, 3, height, width), torch.rand(1, 1, height, width)
    with quiet(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the converter's own dependencies
        program = torch.export.export(OnImages(network).eval(), example).run_decompositions({})
        model = ct.convert(
            program,
            convert_to="mlprogram",
            inputs=[
                ct.ImageType(PICTURE, (1, 3, height, width), scale=1 / 255, color_layout=ct.colorlayout.RGB),
                ct.ImageType(PREVIOUS, **grey),
            ],
            outputs=[ct.ImageType(OUTPUT, color_layout=ct.colorlayout.GRAYSCALE_FLOAT16)],
            compute_precision=ct.precision.FLOAT16 if precision == "float16" else ct.precision.FLOAT32,
            minimum_deployment_target=ct.target.iOS16,  # the first that knows half-float images
        )
    model.short_description = "Cuts the people out of a frame, given the mask of the frame before."
    model.author, model.license, model.version = "livematte", network.licence, livematte.__version__
    model.input_description[PICTURE] = "The whole frame, upright, squeezed to this size."
    model.input_description[PREVIOUS] = "The mask of the frame before; zeros at the start and after a cut."
    model.output_description[OUTPUT] = "How sure each pixel belongs to a person, 0 to 1."
    with quiet():
        model.save(str(path))
    (path / DEBUGGING).unlink(missing_ok=True)


def run(path: Path) -> None:
    """Core ML runs on Apple's systems only."""


def signature(path: Path, height: int, width: int, channels: Sequence[str]) -> contract.Signature:
    """What goes in and what comes out."""
    return contract.images(height, width, PICTURE, PREVIOUS, OUTPUT)
