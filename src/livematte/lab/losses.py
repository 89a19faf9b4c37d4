"""What a mask is trained for: area and edges, each a named term."""

from __future__ import annotations

import math
from functools import reduce

import torch
import torch.nn.functional as F
from torch import Tensor


def pixel_loss(logits: Tensor, truth: Tensor, edge_weight: float = 4.0) -> Tensor:
    """Binary cross-entropy of N×1×H×W, the band around the true edge counted `edge_weight` times more."""
    weight = 1 + edge_weight * edge_band(truth)
    loss = F.binary_cross_entropy_with_logits(logits, truth, weight, reduction="sum")
    return loss / weight.sum()


def area_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """One minus the soft IoU of each picture (Rahman and Wang 2016), mean over the pictures with a person."""
    mask = logits.sigmoid()
    both = (mask * truth).sum((1, 2, 3))
    either = (mask + truth - mask * truth).sum((1, 2, 3))
    there = (truth.amax((1, 2, 3)) > 0.5).to(mask.dtype)
    return ((1 - (both + 1) / (either + 1)) * there).sum() / there.sum().clamp(min=1)


def edge_band(truth: Tensor, radius: int = 2) -> Tensor:
    """1 within `radius` pixels of the true edge, else 0; N×1×H×W."""
    return (_highest(truth, radius) + _highest(-truth, radius) > 0.5).to(truth.dtype)


def _highest(x: Tensor, radius: int) -> Tensor:
    """The maximum of the square around each pixel, rows then columns; pooling is seven times slower."""
    for axis in (2, 3):
        length = x.shape[axis]
        ends = (0, 0, radius, radius) if axis == 2 else (radius, radius)
        padded = F.pad(x, ends, value=-math.inf)
        x = reduce(torch.maximum, (padded.narrow(axis, move, length) for move in range(2 * radius + 1)))
    return x


def loss_terms(logits: Tensor, truth: Tensor) -> dict[str, Tensor]:
    """The terms by name; their sum is what is trained."""
    return {"pixel": pixel_loss(logits, truth), "area": area_loss(logits, truth)}


def total(terms: dict[str, Tensor]) -> Tensor:
    """The sum of the terms."""
    return torch.stack(list(terms.values())).sum()
