"""Write a checkpoint between two that began as one: what both have is averaged, the rest is the first one's.

    python scripts/average.py FIRST.pt SECOND.pt SHARE OUT.pt

SHARE, 0..1, is how much of the second goes in. Networks trained on from the same weights lie in one valley;
what is between them is often better than either (Wortsman et al. 2022, "Model soups").
"""

from __future__ import annotations

import sys
from pathlib import Path

from livematte.lab.checkpoint import load_weights, save_weights


def main(first: Path, second: Path, share: float, out: Path) -> None:
    """Read both, write the one between; its sizes and licence are the first one's."""
    network, other = load_weights(first), load_weights(second).state_dict()
    weights = network.state_dict()
    for name in weights.keys() & other.keys():
        if weights[name].is_floating_point():
            weights[name].lerp_(other[name], share)
    save_weights(network, out)


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4]))
