"""Line plots as SVG, drawn with the colours of the page that holds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

LEFT, RIGHT, TOP, BOTTOM = 38, 8, 8, 20
"""Room around the plot's area, for the axes' numbers."""


@dataclass(frozen=True, slots=True)
class Line:
    """A named line through points, with a gap where y is None; colour: its number among the page's."""

    name: str
    points: Sequence[tuple[float, float | None]]
    colour: int = 0
    dashed: bool = False


def plot(
    lines: Sequence[Line],
    *,
    title: str,
    x_ticks: Sequence[tuple[float, str]],
    y_ticks: Sequence[tuple[float, str]],
    size: tuple[int, int] = (360, 200),
) -> str:
    """An `<svg>` of the lines. title: for those who cannot see it; the ticks' ends are the axes' ends."""
    width, height = size
    x_low, x_high = x_ticks[0][0], max(x_ticks[-1][0], x_ticks[0][0] + 1e-9)
    y_low, y_high = y_ticks[0][0], max(y_ticks[-1][0], y_ticks[0][0] + 1e-9)

    def across(x: float) -> float:
        return LEFT + (x - x_low) / (x_high - x_low) * (width - LEFT - RIGHT)

    def down(y: float) -> float:
        share = min(1.0, max(0.0, (y - y_low) / (y_high - y_low)))
        return height - BOTTOM - share * (height - TOP - BOTTOM)

    parts = [f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}">']
    for y, label in y_ticks:
        parts.append(f'<path class="grid" d="M{LEFT} {down(y):.1f}H{width - RIGHT}"/>')
        parts.append(f'<text x="{LEFT - 5}" y="{down(y) + 4:.1f}" text-anchor="end">{escape(label)}</text>')
    for number, (x, label) in enumerate(x_ticks):
        anchor = "end" if 0 < number == len(x_ticks) - 1 else "middle"
        place = f'x="{across(x):.1f}" y="{height - 5}" text-anchor="{anchor}"'
        parts.append(f"<text {place}>{escape(label)}</text>")
    for line in lines:
        kind = f"line c{line.colour % 6}" + (" dashed" if line.dashed else "")
        for piece in _pieces(line.points):
            path = "L".join(f"{across(x):.1f} {down(y):.1f}" for x, y in piece)
            # a piece of one point would be invisible
            path += "h0.01" if len(piece) == 1 else ""
            parts.append(f'<path class="{kind}" d="M{path}"><title>{escape(line.name)}</title></path>')
    return "".join([*parts, "</svg>"])


def _pieces(points: Sequence[tuple[float, float | None]]) -> list[list[tuple[float, float]]]:
    pieces: list[list[tuple[float, float]]] = [[]]
    for x, y in points:
        if y is None:
            pieces.append([])
        else:
            pieces[-1].append((x, y))
    return [piece for piece in pieces if piece]
