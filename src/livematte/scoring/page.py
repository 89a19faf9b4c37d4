"""The results as one HTML page that needs nothing else: no script, no file, no network."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TypeVar

from livematte.scoring.columns import FIGURES, MISSED, PROMISES, WRONG, Column, fed
from livematte.scoring.pictures import views
from livematte.scoring.plots import Line, plot
from livematte.scoring.results import Evaluation, Measured, Promises, Score, Shown
from livematte.sheet import cell, div, figure, html, patches, section

Result = TypeVar("Result", Score, Promises, Measured)

DEFINITIONS = {
    "IoU, mean IoU": "intersection over union of the person; the mean of that and the background's. The "
    "person is where alpha is above one half.",
    "boundary F": "how much of the mask's outline lies on the truth's and the reverse, within 0.8 % of the "
    "diagonal (DAVIS).",
    "MAD, MSE": "mean absolute and mean squared difference of alpha, where the truth is alpha or a key.",
    "flicker": "mean change of alpha from frame to frame where the truth stands still.",
    "dtSSD": "root mean square of the difference between alpha's change and the truth's "
    "(Erofeev et al., 2015).",
    "appearance": "IoU that a frame loses when it is seen as a clip's first one, with no previous mask.",
    "fast motion": "IoU that a frame loses when only one frame in five is shown.",
    "distrust": "frames until the IoU is back within 0.01 after a wrong previous mask: the right one "
    "reversed, or moved by half the width.",
    "stand-in": "clips made for this evaluation: people cut out of this split's stills, moved, turned, "
    "scaled and blurred before moving backgrounds.",
}


def page(evaluation: Evaluation) -> str:
    """The whole page as HTML."""
    networks = list(dict.fromkeys(score.network for score in evaluation.scores))
    title = f"{', '.join(networks)} on {evaluation.data.name}, {evaluation.split}"
    sections = [
        _scores(evaluation.scores),
        _promises(evaluation.promises),
        _distributions(evaluation.measured, networks),
        _clips(evaluation.measured, networks),
        _worst(evaluation.worst, networks),
        _definitions(),
    ]
    about = (
        f"<code>{escape(str(evaluation.data))}</code>, split <code>{escape(evaluation.split)}</code>: "
        f"{escape(', '.join(networks))}"
    )
    return html(title, "How well the person is cut out", about, sections)


def _scores(scores: Sequence[Score]) -> str:
    rows = {
        of_set: [([score.network, fed(score, group), str(score.pictures)], score) for score in group]
        for of_set, group in _by_set(scores).items()
    }
    about = "Means over the pictures of each set; the best of several in colour."
    return section("Scores", about, _table(("network", "previous mask", "pictures"), FIGURES, rows))


def _promises(promises: Sequence[Promises]) -> str:
    if not promises:
        return ""
    rows = {
        of_set: [([promise.network], promise) for promise in group]
        for of_set, group in _by_set(promises).items()
    }
    about = "What the previous mask should do, measured on clips. Lower is better; below 0 nothing is lost."
    return section("Promises", about, _table(("network",), PROMISES, rows))


def _table(
    about: Sequence[str],
    columns: Sequence[Column],
    rows: Mapping[str, Sequence[tuple[list[str], Score | Promises]]],
) -> str:
    """about: what stands before the figures; rows: by set, the words for that and the result."""
    kinds = ["" if title == "pictures" else "word" for title in about]
    heads = [cell("th", title, kind) for title, kind in zip(about, kinds, strict=True)]
    heads = [cell("th", "set", "word"), *heads, *(cell("th", column.title) for column in columns)]
    parts = [f"<thead><tr>{''.join(heads)}</tr></thead>"]
    for of_set, group in rows.items():
        rivals = [result for _, result in group]
        parts.append("<tbody>")
        for number, (words, result) in enumerate(group):
            cells = [cell("th", "" if number else of_set, "word")]
            cells += [cell("td", word, kind) for word, kind in zip(words, kinds, strict=True)]
            cells += [
                cell("td", column.text(result), "best" if column.is_best(result, rivals) else "")
                for column in columns
            ]
            parts.append(f"<tr>{''.join(cells)}</tr>")
        parts.append("</tbody>")
    return div("scroll", ["<table>", *parts, "</table>"])


def _distributions(measured: Sequence[Measured], networks: Sequence[str]) -> str:
    panels = []
    for of_set, group in _by_set(measured).items():
        lines = [
            Line(network, _quantiles([one.iou for one in group if one.network == network]), colour)
            for colour, network in enumerate(networks)
        ]
        low = min(y for line in lines for _, y in line.points if y is not None)
        drawn = plot(
            lines,
            title=f"IoU of the pictures of {of_set}, from the worst to the best",
            x_ticks=[(0, "0 %"), (0.25, "25 %"), (0.5, "50 %"), (0.75, "75 %"), (1, "100 %")],
            y_ticks=_ticks(low),
        )
        panels.append(f'<div class="panel"><h3>{escape(of_set)}</h3>{drawn}</div>')
    about = "IoU against the share of pictures that do no better: the further up and left, the fewer fail."
    return section("Distributions", about, _key(networks) + div("grid-of", panels))


def _clips(measured: Sequence[Measured], networks: Sequence[str]) -> str:
    clips: dict[tuple[str, str], list[Measured]] = defaultdict(list)
    for one in measured:
        if one.clip is not None:
            clips[one.set, one.clip].append(one)
    if not clips:
        return ""
    panels = [_clip(f"{of_set}: {clip}", frames, networks) for (of_set, clip), frames in clips.items()]
    about = "Above, IoU frame by frame; below, flicker ×10³. Dotted: the first network, each frame by itself."
    return section("Clips", about, _key(networks, alone=True) + div("grid-of", panels))


def _clip(name: str, frames: Sequence[Measured], networks: Sequence[str]) -> str:
    areas, flickers = [], []
    first = [one for one in frames if one.network == networks[0]]
    for colour, network in enumerate(networks):
        own = [one for one in frames if one.network == network]
        areas.append(Line(network, _course([(one, one.iou) for one in own]), colour))
        flickers.append(Line(network, _course([(one, _thousandfold(one.flicker)) for one in own]), colour))
    alone = [(one, one.alone) for one in first if one.alone]
    name_alone = f"{networks[0]}, each frame by itself"
    areas.append(Line(name_alone, _course([(one, figures.iou) for one, figures in alone]), 0, True))
    course = _course([(one, _thousandfold(figures.flicker)) for one, figures in alone])
    flickers.append(Line(name_alone, course, 0, True))
    numbers = [one.frame or 0 for one in frames]
    x_ticks = [(float(number), str(number)) for number in sorted({min(numbers), max(numbers)})]
    low = min(y for line in areas for _, y in line.points if y is not None)
    top = max((y for line in flickers for _, y in line.points if y is not None), default=0.0)
    top = max(1.0, math.ceil(top))
    drawn = plot(areas, title=f"IoU of {name}", x_ticks=x_ticks, y_ticks=_ticks(low), size=(360, 150))
    drawn += plot(
        flickers,
        title=f"flicker of {name}",
        x_ticks=x_ticks,
        y_ticks=[(0, "0"), (top, f"{top:.0f}")],
        size=(360, 90),
    )
    mean = sum(one.iou for one in first) / len(first)
    caption = f"<p>{len(first)} frames, mean IoU {mean:.3f}</p>"
    return f'<div class="panel"><h3>{escape(name)}</h3>{drawn}{caption}</div>'


def _worst(worst: Sequence[Shown], networks: Sequence[str]) -> str:
    parts = [patches([("missed", MISSED), ("wrongly taken", WRONG)])]
    for number, network in enumerate(networks):
        own = [shown for shown in worst if shown.figures.network == network]
        parts.append(f"<details{'' if number else ' open'}><summary>{escape(network)}</summary>")
        for of_set in dict.fromkeys(shown.figures.set for shown in own):
            cards = [_card(shown) for shown in own if shown.figures.set == of_set]
            parts.append(f"<h3>{escape(of_set)}</h3>\n{div('worst', cards)}")
        parts.append("</details>")
    about = "The pictures of lowest IoU of each set, one at most of each clip."
    return section("Where it fails", about, "\n".join(parts))


def _card(shown: Shown) -> str:
    figures = shown.figures
    caption = f"<b>IoU {figures.iou:.3f}</b>, boundary F {figures.boundary_f:.3f}: {escape(figures.image)}"
    return figure(caption, figures.image, list(views(shown).items()))


def _definitions() -> str:
    items = "\n".join(f"<dt>{term}</dt><dd>{text}</dd>" for term, text in DEFINITIONS.items())
    return f"<section>\n<h2>What the figures are</h2>\n<dl>\n{items}\n</dl>\n</section>"


def _key(networks: Sequence[str], *, alone: bool = False) -> str:
    items = [f'<li><i class="c{number % 6}"></i>{escape(name)}</li>' for number, name in enumerate(networks)]
    if alone:
        items.append(f'<li><i class="c0 dashed"></i>{escape(networks[0])}, each frame by itself</li>')
    return f'<ul class="key">{"".join(items)}</ul>\n'


def _by_set(results: Iterable[Result]) -> dict[str, list[Result]]:
    groups = defaultdict(list)
    for result in results:
        groups[result.set].append(result)
    return dict(sorted(groups.items()))


def _quantiles(values: Sequence[float]) -> list[tuple[float, float | None]]:
    ordered = sorted(values)
    return [(number / max(1, len(ordered) - 1), value) for number, value in enumerate(ordered)]


def _course(values: Sequence[tuple[Measured, float | None]]) -> list[tuple[float, float | None]]:
    """Points over frame numbers, with a gap wherever frames are missing."""
    points: list[tuple[float, float | None]] = []
    for number, (one, value) in enumerate(values):
        if number and (one.frame or 0) != (values[number - 1][0].frame or 0) + 1:
            points.append((one.frame or 0, None))
        points.append((one.frame or 0, value))
    return points


def _ticks(low: float) -> list[tuple[float, str]]:
    """Ticks from the tenth below `low`, a fifth at least below 1, up to 1."""
    tenth = max(0, min(8, math.floor(low * 10)))
    step = 1 if tenth >= 6 else 2
    tenth -= (10 - tenth) % step
    return [(number / 10, f"{number / 10:.1f}") for number in range(max(0, tenth), 11, step)]


def _thousandfold(value: float | None) -> float | None:
    return None if value is None else value * 1e3
