"""Write a checkpoint whose context layer is squeezed further: the closest product of two narrower layers.

    python scripts/squeeze_context.py CHECKPOINT.pt BY OUT.pt

BY is what the layer divides its channels by in between: 1 < BY. A few hundred steps of training make up for
what is lost, whose share is printed.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import torch

from livematte.lab.checkpoint import load_weights, save_weights
from livematte.lab.network import Network

LAYERS = ("context.mix.0.weight", "context.mix.1.weight")


def main(checkpoint: Path, by: int, out: Path) -> None:
    """Read it, squeeze it, write it; all but that layer stays as it is."""
    trained = load_weights(checkpoint)
    network = Network(replace(trained.sizes, context_squeeze=by))
    network.licence = trained.licence
    weights = trained.state_dict()
    inner, outer = (weights[name][..., 0, 0] for name in LAYERS)
    left, strengths, right = torch.linalg.svd(outer @ inner)
    rank = len(network.state_dict()[LAYERS[0]])
    kept = strengths[:rank].sqrt()
    weights[LAYERS[0]] = (kept[:, None] * right[:rank])[..., None, None]
    weights[LAYERS[1]] = (left[:, :rank] * kept)[..., None, None]
    network.load_state_dict(weights)
    save_weights(network, out)
    print(f"{1 - strengths[:rank].square().sum() / strengths.square().sum():.4f} of its energy is lost")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
