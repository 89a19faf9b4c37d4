"""What a mask is trained for: area and edges, each a named term."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce

import torch
import torch.nn.functional as F
from torch import Tensor


def pixel_loss(
    logits: Tensor, truth: Tensor, edge_weight: float = 4.0, known: Tensor | None = None
) -> Tensor:
    """Binary cross-entropy of N×1×H×W, the band around the true edge counted `edge_weight` times more.

    known: 1 where the truth is known and 0 elsewhere, N×1×H×W.
    """
    weight = 1 + edge_weight * edge_band(truth)
    if known is not None:
        weight = weight * known
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


def class_loss(logits: Tensor, allowed: Tensor) -> Tensor:
    """How unlikely it is that a person's pixel is of one of the classes that it may be of.

    Negative logarithm of the sum of their probabilities (partial labels: Cour et al. 2011), mean over the
    pixels that say anything. logits: N×8×H×W; allowed: bool, the same shape.
    """
    told = allowed.any(1) & ~allowed.all(1)
    likely = torch.where(allowed, logits, -math.inf).logsumexp(1) - logits.logsumexp(1)
    return -torch.where(told, likely, 0).sum() / told.sum().clamp(min=1)


def class_area_loss(logits: Tensor, allowed: Tensor) -> Tensor:
    """One minus the soft IoU of each class over the batch, mean over those in it: small classes count, too.

    Counted are pixels that may be of one class alone.
    """
    single = allowed.sum(1, keepdim=True) == 1
    likely, truth = logits.softmax(1) * single, (allowed & single).to(logits.dtype)
    both = (likely * truth).sum((0, 2, 3))
    either = (likely + truth - likely * truth).sum((0, 2, 3))
    there = (truth.sum((0, 2, 3)) > 0).to(logits.dtype)
    return ((1 - (both + 1) / (either + 1)) * there).sum() / there.sum().clamp(min=1)


def taught_terms(
    logits: Tensor, taught: Tensor, levels: Sequence[Tensor], theirs: Sequence[Tensor]
) -> dict[str, Tensor]:
    """What a student takes over from its teacher, by name: masks, classes where both tell them, features.

    logits, taught: N×1×H×W or N×9×H×W, the student's and the teacher's; levels, theirs: their features.
    """
    person = taught[:, :1].sigmoid()
    terms = {"taught": pixel_loss(logits[:, :1], person), "likeness": likeness_loss(levels, theirs)}
    if logits.shape[1] > 1 and taught.shape[1] > 1:
        own, wanted, weight = map(_quarter, (logits[:, 1:], taught[:, 1:], person))
        unlike = -(wanted.softmax(1) * own.log_softmax(1)).sum(1, keepdim=True)
        terms["class taught"] = (unlike * weight).sum() / weight.sum().clamp(min=1)
    return terms


def likeness_loss(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> Tensor:
    """One minus how alike two networks see the places of a batch, mean over the levels that are given.

    Linear centred kernel alignment (Kornblith et al. 2019): it asks for no layer that turns one network's
    features into the other's. ours, theirs: N×C×h×w each, channels and sizes as they are; theirs are fitted.
    """
    apart = []
    for mine, other in zip(ours, theirs, strict=True):
        a, b = _places(mine), _places(F.interpolate(other.float(), mine.shape[-2:], mode="bilinear"))
        alike = (a.T @ b).square().sum() / ((a.T @ a).norm() * (b.T @ b).norm()).clamp(min=1e-6)
        apart.append(1 - alike)
    return torch.stack(apart).mean()


def _places(features: Tensor) -> Tensor:
    """N×C×h×w as one row a place, less the mean of all, (N·h·w)×C."""
    rows = features.float().movedim(1, -1).flatten(0, 2)
    return rows - rows.mean(0)


def loss_terms(logits: Tensor, truth: Tensor, sets: Tensor | None = None) -> dict[str, Tensor]:
    """The terms by name; their sum is what is trained.

    sets: float N×1×H×W, whole numbers whose bit n is set where a pixel may be of class n; the logits then
    are N×9×H×W.
    """
    if sets is None:
        return {"pixel": pixel_loss(logits, truth), "area": area_loss(logits, truth)}
    person, classes = logits[:, :1], sets.long()
    known = (classes & 1 == 0) | (classes == 1)
    # what may be background or not is left out of the area as if the network were right there
    right = torch.where(known, person, truth.logit(1e-4))
    told, told_logits = map(_quarter, (classes * (known & (truth > 0.5)), logits[:, 1:]))
    numbers = torch.arange(1, logits.shape[1], device=logits.device).view(-1, 1, 1)
    allowed = told >> numbers & 1 > 0
    return {
        "pixel": pixel_loss(person, truth, known=known.to(truth.dtype)),
        "area": area_loss(right, truth),
        "class": class_loss(told_logits, allowed),
        "class area": class_area_loss(told_logits, allowed),
    }


def _quarter(x: Tensor) -> Tensor:
    """Every second row and column: as the network makes the classes' logits, a quarter says all."""
    return x[..., ::2, ::2]


def total(terms: dict[str, Tensor]) -> Tensor:
    """The sum of the terms."""
    return torch.stack(list(terms.values())).sum()
