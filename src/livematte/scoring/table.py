"""The results as tables for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from livematte.labels import Label
from livematte.scoring.columns import FIGURES, PROMISES, Column, fed
from livematte.scoring.results import ClassScore, Evaluation, Promises, Score


def tables(evaluation: Evaluation) -> list[Table]:
    """The scores set by set, all networks of a set together, then the promises and the classes if any."""
    scores = _table("set", "network", "previous mask", "pictures", columns=FIGURES)
    for of_set in sorted({score.set for score in evaluation.scores}):
        rivals = [score for score in evaluation.scores if score.set == of_set]
        for score in rivals:
            # as Text, which takes no brackets of a name for markup
            about: list[str | Text] = [
                Text(of_set),
                Text(score.network),
                fed(score, rivals),
                str(score.pictures),
            ]
            scores.add_row(*about, *_cells(score, rivals, FIGURES))
        scores.add_section()
    promises = _table("set", "network", columns=PROMISES)
    for of_set in sorted({promise.set for promise in evaluation.promises}):
        kept = [promise for promise in evaluation.promises if promise.set == of_set]
        for promise in kept:
            promises.add_row(Text(of_set), Text(promise.network), *_cells(promise, kept, PROMISES))
        promises.add_section()
    return [
        scores,
        *([promises] if evaluation.promises else []),
        *([_classes(evaluation.classes)] if evaluation.classes else []),
    ]


def _classes(scores: Sequence[ClassScore]) -> Table:
    names = [label.name.lower() for label in Label if any(label.name.lower() in one.iou for one in scores)]
    table = _table("set", "network", "pictures", columns=[])
    for name in names:
        table.add_column(f"{name} IoU", justify="right")
    for score in scores:
        ious = ("–" if name not in score.iou else f"{score.iou[name]:.4f}" for name in names)
        table.add_row(Text(score.set), Text(score.network), str(score.pictures), *ious)
    return table


def _table(*about: str, columns: Sequence[Column]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in about:
        table.add_column(title, justify="right" if title == "pictures" else "left", overflow="fold")
    for column in columns:
        table.add_column(column.title, justify="right")
    return table


def _cells(
    result: Score | Promises, rivals: Sequence[Score | Promises], columns: Sequence[Column]
) -> list[Text]:
    return [Text(column.text(result), "bold" if column.is_best(result, rivals) else "") for column in columns]
