"""Where a background picture goes in a frame of another shape."""

from __future__ import annotations

from dataclasses import dataclass

from livematte.errors import OptionError

FITS = ("cover", "contain", "stretch")
"""Fill the frame and cut off the rest; show all of the picture and leave bars; pull it into shape."""

_WORDS = {
    "left": (0.0, None),
    "right": (1.0, None),
    "top": (None, 0.0),
    "bottom": (None, 1.0),
    "centre": (None, None),
    "center": (None, None),
}

Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of pixels."""

    left: int
    top: int
    width: int
    height: int

    @property
    def rows(self) -> slice:
        """Its rows in an H×W plane."""
        return slice(self.top, self.top + self.height)

    @property
    def columns(self) -> slice:
        """Its columns in an H×W plane."""
        return slice(self.left, self.left + self.width)


@dataclass(frozen=True, slots=True)
class Placement:
    """How a picture fills a frame of another shape.

    fit: one of FITS; across, down: which part stays (cover) or where it goes (contain), 0 left or top, 1
    right or bottom.
    """

    fit: str = "cover"
    across: float = 0.5
    down: float = 0.5

    def __post_init__(self) -> None:
        if self.fit not in FITS:
            raise OptionError(f"fit is one of {', '.join(FITS)}, not {self.fit!r}")
        if not (0 <= self.across <= 1 and 0 <= self.down <= 1):
            raise OptionError(f"a position is two numbers from 0 to 1, not {self.across:g},{self.down:g}")

    @classmethod
    def of(cls, fit: str, position: str) -> Placement:
        """Of words: position is `centre`, `top`, `bottom-left`, … or two shares of the way, `0.5,0.2`."""
        return cls(fit, *_shares(position))

    def boxes(self, picture: Size, frame: Size) -> tuple[Box, Box]:
        """Which part of a picture goes where in a frame; sizes are (width, height)."""
        (wide, high), (width, height) = picture, frame
        across, down = width / wide, height / high
        if self.fit == "contain":
            scale = min(across, down)
            return Box(0, 0, wide, high), self._part((width, height), (wide * scale, high * scale))
        whole = Box(0, 0, width, height)
        if self.fit == "stretch":
            return Box(0, 0, wide, high), whole
        scale = max(across, down)
        return self._part((wide, high), (width / scale, height / scale)), whole

    def _part(self, whole: Size, part: tuple[float, float]) -> Box:
        wide, high = (min(side, max(1, round(share))) for side, share in zip(whole, part, strict=True))
        return Box(round((whole[0] - wide) * self.across), round((whole[1] - high) * self.down), wide, high)


COVER = Placement()


def _shares(position: str) -> tuple[float, float]:
    across, down = 0.5, 0.5
    try:
        if "," in position:
            across, down = (float(share) for share in position.split(","))
        else:
            for word in position.lower().split("-"):
                x, y = _WORDS[word]
                across, down = across if x is None else x, down if y is None else y
    except (KeyError, ValueError):
        raise OptionError(
            f"position is centre, left, right, top, bottom, two of them such as top-left, or two numbers "
            f"from 0 to 1 such as 0.5,0.2, not {position!r}"
        ) from None
    return across, down
