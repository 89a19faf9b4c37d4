"""What a training keeps: its whole state to go on from, and weights alone to use."""

from __future__ import annotations

import pickle
import zipfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from livematte.errors import InputError
from livematte.lab.network import Network, Sizes
from livematte.lab.ranks import Ranks


@dataclass
class State:
    """Everything that changes while training; saved whole, so that a stopped run goes on as if it had not."""

    network: Network
    average: Network
    optimizers: tuple[torch.optim.Optimizer, ...]
    random: torch.Generator
    step: int = 0
    best: tuple[int, float] = (-1, 0.0)
    history: list[dict[str, float]] = field(default_factory=list)

    def save(self, path: Path, ranks: Ranks) -> None:
        """Write to a neighbour first: a stop in the middle never costs the checkpoint.

        Of several processes all must call this, and the first one writes.
        """
        randoms = ranks.gathered(self.random.get_state())
        if ranks.number > 0:
            return
        values: dict[str, Any] = {
            "sizes": vars(self.network.sizes),
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "randoms": randoms,
            "step": self.step,
            "best": self.best,
            "history": self.history,
        }
        torch.save(values, path.with_suffix(".part"))
        path.with_suffix(".part").replace(path)

    def load(self, path: Path, ranks: Ranks) -> None:
        """Go on from what `save` wrote; InputError where it is of another network or number of processes."""
        values = _read(path, ranks.device)
        sizes = vars(Sizes()) | values.get("sizes", {})  # what was not known when it was written is as it was
        if sizes != vars(self.network.sizes) or "optimizers" not in values:
            raise InputError(f"{path}: a checkpoint of something else; give another folder to train in")
        if len(values["randoms"]) != ranks.count:
            raise InputError(f"{path}: trained by {len(values['randoms'])} processes, not by {ranks.count}")
        self.network.load_state_dict(values["network"])
        self.average.load_state_dict(values["average"])
        for optimizer, kept in zip(self.optimizers, values["optimizers"], strict=True):
            optimizer.load_state_dict(kept)
        self.random.set_state(values["randoms"][ranks.number].cpu())
        self.step, self.best, self.history = values["step"], tuple(values["best"]), values["history"]


def save_weights(network: Network, path: Path) -> None:
    """Write sizes, licence and weights alone, as a checkpoint that `load_weights` reads.

    A wide teacher's weights in float16: it is large, and only its students are shipped.
    """
    about = {"sizes": vars(network.sizes), "licence": network.licence}
    weights = network.state_dict()
    if network.sizes.pretrained:
        weights = {
            name: value.half() if value.is_floating_point() else value for name, value in weights.items()
        }
    torch.save({**about, "weights": weights}, path)


def load_weights(path: Path) -> Network:
    """The network of a checkpoint, ready to predict; reads only what `save_weights` wrote."""
    values = _read(path, "cpu")
    try:
        network = Network(Sizes(**values["sizes"]))
        network.load_state_dict(values["weights"])
        network.licence = values.get("licence", Network.licence)
    except (RuntimeError, KeyError, TypeError) as error:
        raise InputError(f"{path}: not a checkpoint of livematte ({error})") from None
    return network.eval()


def begin_with(path: Path, sizes: Sizes) -> Network:
    """A network to train, of these sizes, with the weights of a checkpoint.

    The classes' may be missing, and slopes: where ReLU was trained they begin as from random weights, since
    those that begin at 0 stay there. Some hundred steps at a high rate make up for what that breaks.
    Raises InputError where all else is not of the same sizes.
    """
    trained, network = load_weights(path), Network(sizes)
    given = replace(trained.sizes, parts=sizes.parts)
    if given.activation == "relu":
        given = replace(given, activation=sizes.activation)
    if given != sizes:
        raise InputError(f"{path}: a network of other sizes than the one to train")
    network.load_state_dict(trained.state_dict(), strict=False)
    network.licence = trained.licence
    return network


def _read(path: Path, device: str) -> dict[str, Any]:
    try:
        values = torch.load(path, map_location=device, weights_only=True)
    except (OSError, EOFError, RuntimeError, pickle.UnpicklingError, zipfile.BadZipFile) as error:
        reason = str(error).splitlines()[0] if str(error) else "it is empty"
        raise InputError(f"{path}: not a checkpoint of livematte ({reason})") from None
    if not isinstance(values, dict):
        raise InputError(f"{path}: not a checkpoint of livematte")
    return values
