"""How results are written out, in the terminal and on the page alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from livematte.scoring.results import Promises, Score


@dataclass(frozen=True, slots=True)
class Column:
    """One figure of a table: what it is called, its attribute, its factor, and which value is best."""

    title: str
    name: str
    factor: float = 1.0
    digits: int = 4
    best: str = "high"

    def text(self, result: Score | Promises) -> str:
        """The figure as text; a dash where there is none."""
        value = getattr(result, self.name)
        return "–" if value is None else f"{value * self.factor:.{self.digits}f}"

    def value(self, result: Score | Promises) -> float | None:
        """The figure itself."""
        value: float | None = getattr(result, self.name)
        return value

    def is_best(self, result: Score | Promises, rivals: Sequence[Score | Promises]) -> bool:
        """Whether no rival has a better figure, where there are rivals at all."""
        known = [value for rival in rivals if (value := self.value(rival)) is not None]
        wanted = (max if self.best == "high" else min)(known, default=None)
        return len(rivals) > 1 and wanted is not None and self.value(result) == wanted


FIGURES = (
    Column("IoU", "iou"),
    Column("mean IoU", "mean_iou"),
    Column("boundary F", "boundary_f"),
    Column("MAD ×10³", "mad", 1e3, 2, "low"),
    Column("MSE ×10³", "mse", 1e3, 2, "low"),
    Column("flicker ×10³", "flicker", 1e3, 2, "low"),
    Column("dtSSD ×10²", "dtssd", 1e2, 2, "low"),
)

PROMISES = (
    Column("appearance: IoU lost", "appearance", best="low"),
    Column("fast motion: IoU lost", "fast", best="low"),
    Column("distrust: frames, mean", "distrust", 1, 1, "low"),
    Column("distrust: frames, worst", "distrust_worst", 1, 0, "low"),
)

MISSED, WRONG = (230, 120, 20), (40, 120, 240)
"""RGB of what a mask misses and of what it takes wrongly, in pictures of the difference."""


def fed(score: Score, scores: Sequence[Score]) -> str:
    """Whether a score is with or without the previous mask; nothing where that makes no difference."""
    if not score.previous_mask:
        return "without"
    pairs = [(other.network, other.set) for other in scores if not other.previous_mask]
    return "with" if (score.network, score.set) in pairs else ""
