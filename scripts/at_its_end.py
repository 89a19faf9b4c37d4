"""Write the averaged weights that a training ended with; its `best.pt` may be of an earlier step.

    python scripts/at_its_end.py RUN OUT.pt

RUN is the training's folder.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from livematte.lab.checkpoint import load_weights, save_weights


def main(run: Path, out: Path) -> None:
    """Read both of the run's files, write one."""
    network = load_weights(run / "best.pt")
    network.load_state_dict(torch.load(run / "last.pt", map_location="cpu", weights_only=True)["average"])
    save_weights(network, out)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
