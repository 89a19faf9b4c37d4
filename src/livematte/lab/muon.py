"""What moves the weights: Muon, which torch itself has for plain matrices alone, and AdamW."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

COEFFICIENTS = (3.4445, -4.775, 2.0315)
"""Of the odd polynomial that drives all singular values towards 1 in five rounds (Jordan et al. 2024)."""


def optimizers(network: nn.Module, rate: float, decay: float) -> tuple[torch.optim.Optimizer, ...]:
    """Of all weights that learn: Muon for kernels that mix channels, AdamW for what is left.

    rate: the learning rate of both. decay: of the weights, times the rate a step.
    """
    learning = [weight for weight in network.parameters() if weight.requires_grad]
    kernels = [weight for weight in learning if _mixes(weight)]
    others = [weight for weight in learning if not _mixes(weight)]
    return Muon(kernels, rate, decay), torch.optim.AdamW(others, rate, weight_decay=decay, fused=True)


def _mixes(weight: Tensor) -> bool:
    return weight.ndim == 4 and weight.shape[1] > 1


class Muon(torch.optim.Optimizer):
    """Steps along the momentum's nearest orthogonal matrix (Jordan et al. 2024, Liu et al. 2025).

    Every direction that the gradients ask for then counts alike, however weak: in squeezed bottlenecks a few
    strong ones drown the others. A kernel is a matrix of one row an output channel. Steps are scaled to the
    size of those of Adam, so that one rate serves both.

    weights: kernels, N×C×h×w each. rate: the learning rate. decay: of the weights, times the rate a step.
    momentum: the share of the former gradients' mean that is kept; the step looks ahead by it (Nesterov).
    """

    def __init__(self, weights: Iterable[Tensor], rate: float, decay: float, momentum: float = 0.95) -> None:
        super().__init__(weights, {"lr": rate, "weight_decay": decay, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Move every weight that has a gradient."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    way = self._way(weight, weight.grad, group["momentum"])
                    weight.mul_(1 - group["lr"] * group["weight_decay"]).sub_(way, alpha=group["lr"])

    def _way(self, weight: Tensor, gradient: Tensor, momentum: float) -> Tensor:
        state = self.state[weight]
        if not state:
            state["mean"] = torch.zeros_like(weight)
        mean: Tensor = state["mean"]
        mean.lerp_(gradient, 1 - momentum)
        ahead = gradient.lerp(mean, momentum).flatten(1)
        # an orthogonal matrix is 1 / √(its longer side) in root mean square, Adam's steps are about 0.2
        return (0.2 * math.sqrt(max(ahead.shape)) * orthogonal(ahead)).view_as(weight)


def orthogonal(matrix: Tensor, rounds: int = 5) -> Tensor:
    """About the nearest matrix whose singular values are all 1, by Newton and Schulz's iteration.

    They end between 0.7 and 1.2, which is near enough; a matrix of zeros stays. matrix: m×n, float.
    """
    a, b, c = COEFFICIENTS
    tall = matrix.shape[0] > matrix.shape[1]
    x: Tensor = (matrix.T if tall else matrix) / (matrix.norm() + 1e-7)
    for _ in range(rounds):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x.T if tall else x
