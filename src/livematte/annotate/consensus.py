"""One labelling made of several annotators' ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.uint8]
"""H×W class numbers, or 0 and 1 for a single class."""

SURE = 0.99
"""How often an annotator is taken to be right at first."""


@dataclass(frozen=True, slots=True, eq=False)
class Consensus:
    """What several annotators most probably meant.

    labels: uint8 H×W. probability: float32 H×W, of that label. confusion: float64 R×L×L, how often annotator
    r says the label in column s where that in row t is true; `classes` are the numbers of those labels.
    """

    labels: Labels
    probability: NDArray[np.float32]
    confusion: NDArray[np.float64]
    classes: NDArray[np.uint8]


def majority(votes: NDArray[np.uint8]) -> Labels:
    """The label that most of R annotators gave each pixel, R×H×W to H×W; of equals, the first annotator's."""
    classes = np.unique(votes)
    counts = np.stack([np.count_nonzero(votes == one, axis=0) for one in classes])
    best = counts.max(axis=0)
    result = np.zeros(votes.shape[1:], np.uint8)
    decided = np.zeros(votes.shape[1:], bool)
    for vote in votes:
        take = ~decided & (np.take_along_axis(counts, np.searchsorted(classes, vote)[None], 0)[0] == best)
        result[take] = vote[take]
        decided |= take
    return result


def staple(votes: NDArray[np.uint8], *, rounds: int = 100, tolerance: float = 1e-7) -> Consensus:
    """The most probable true labels of R annotators' votes, uint8 R×H×W (STAPLE, Warfield et al. 2004).

    Expectation maximisation over how reliable each annotator is for each label; with labels 0 and 1 it is the
    binary form, whose sensitivity and specificity are the diagonal of `confusion`. The prior of a label is
    its share of all votes. Pixels with the same votes are one case: a round costs next to nothing.
    """
    raters, classes = len(votes), np.unique(votes)
    number = np.searchsorted(classes, votes).reshape(raters, -1)
    cases, of_pixel, weight = np.unique(number, axis=1, return_inverse=True, return_counts=True)
    of_pixel = of_pixel.reshape(-1)
    size = len(classes)
    prior = np.bincount(number.ravel(), minlength=size) / number.size
    confusion = np.full((raters, size, size), (1 - SURE) / max(1, size - 1))
    confusion[:, np.arange(size), np.arange(size)] = SURE
    for _ in range(rounds):
        belief = _belief(cases, prior, confusion)
        before, confusion = confusion, _confusion(cases, weight * belief, size)
        if np.abs(confusion - before).max() < tolerance:
            break
    belief = _belief(cases, prior, confusion)
    best = belief.argmax(axis=0)
    shape = votes.shape[1:]
    return Consensus(
        classes[best][of_pixel].reshape(shape),
        belief.max(axis=0).astype(np.float32)[of_pixel].reshape(shape),
        confusion,
        classes,
    )


def _belief(
    cases: NDArray[np.int64], prior: NDArray[np.float64], confusion: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The probability of each label, L×N, in each case of votes, R×N."""
    logarithm = np.log(np.maximum(prior, 1e-300))[:, None] + sum(
        np.log(np.maximum(of_rater, 1e-300))[:, vote] for of_rater, vote in zip(confusion, cases, strict=True)
    )
    belief = np.exp(logarithm - logarithm.max(axis=0))
    result: NDArray[np.float64] = belief / belief.sum(axis=0)
    return result


def _confusion(cases: NDArray[np.int64], weight: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """How often each rater says each label where each is believed, R×L×L; weight: pixels believed, L×N."""
    counts = np.stack(
        [np.stack([weight[:, vote == said].sum(axis=1) for said in range(size)], axis=1) for vote in cases]
    )
    total = counts.sum(axis=2, keepdims=True)
    return np.where(total > 0, counts / np.maximum(total, 1e-300), 1 / size)
