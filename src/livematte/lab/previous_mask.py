"""Simulated previous masks: what a still photo needs to teach a network about video.

After "Mobile Real-time Video Segmentation" (Bazarevsky and Tkachenka, 2018): from one annotated still make
the pair (frame, mask of the frame before). All masks are float32 N×1×H×W in 0..1; all randomness comes from
the generator that is given, so that the same seed gives the same masks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from livematte.lab.grid import affine_grid, centres

OWN = 0.3
"""Share of the simulated masks that start from the network's own mask instead of the truth."""

POINTS = 4
"""Control points of a spline along each side."""

STRENGTH = 0.12
"""The largest move of a spline's control point, as a share of the side."""


@dataclass(frozen=True)
class Mix:
    """How often each simulation is used, as weights.

    empty: the first frame, or somebody walks in.
    small: the true mask slightly moved: learn to follow it.
    large: the true mask far off or reversed, or another picture's: learn to distrust it.
    spline: the picture and its truth bent, the previous mask left: fast motion of camera or person.
    clip: the truth of an earlier frame, where the picture comes from a clip (elsewhere: small, or empty where
        small is left out).
    """

    empty: float = 0.3
    small: float = 0.2
    large: float = 0.15
    spline: float = 0.2
    clip: float = 0.15

    def at(self, progress: float) -> Mix:
        """The mix at this share of the training: mostly empty at first, or it would copy before it sees.

        What has no weight in the whole mix has none at any time.
        """
        start = {"empty": 0.85, "small": 0.15}
        early = max(0.0, 1 - progress / 0.4) if self.empty or self.small else 0.0
        weights = {
            name: (1 - early) * weight + early * start.get(name, 0) if weight else 0
            for name, weight in vars(self).items()
        }
        return Mix(**weights)


def empty(truth: Tensor) -> Tensor:
    """No previous mask: zeros of the truth's shape."""
    return torch.zeros_like(truth)


def affine_small(truth: Tensor, random: Generator) -> Tensor:
    """The truth moved by at most 2 % of the side, scaled by at most 3 % and turned by at most 2°."""
    return _affine(truth, 0.02, 0.03, 2.0, random)


def affine_large(truth: Tensor, random: Generator) -> Tensor:
    """The truth moved by 25 to 60 % of each side, scaled by up to 30 % and turned by up to 25°; or another's.

    A sixth is the truth reversed instead, and in a batch of several a third is that of the next picture.
    """
    moved = _affine(truth, 0.6, 0.3, 25.0, random, least=0.25)
    lot = _uniform((len(truth), 1, 1, 1), 0, 1, truth, random)
    if len(truth) > 1:
        moved = torch.where(lot < 1 / 3, truth.roll(1, 0), moved)
    return torch.where(lot > 5 / 6, 1 - truth, moved)


def thin_plate_spline(
    picture: Tensor, truth: Tensor, random: Generator, strength: float = STRENGTH
) -> tuple[Tensor, Tensor]:
    """Bend picture (N×3×H×W) and truth together by a random thin-plate spline (Bookstein 1989).

    strength: the largest move of a control point, as a share of the side. The previous mask is not this
    function's business: it stays as it was, which is the point of it.
    """
    return _bend(picture, truth, _spline_grid(truth, strength, random))


def _bend(picture: Tensor, truth: Tensor, grid: Tensor) -> tuple[Tensor, Tensor]:
    both = F.grid_sample(torch.cat([picture, truth], 1), grid, padding_mode="reflection", align_corners=False)
    return both[:, :-1], both[:, -1:]


def roughen(mask: Tensor, random: Generator) -> Tensor:
    """Make a true mask look like a network's own: softer, and here and there a patch missing or added."""
    height, width = mask.shape[-2:]
    coarse = F.interpolate(mask, (height // 4, width // 4), mode="bilinear", antialias=True)
    coarse = F.interpolate(coarse, (height, width), mode="bilinear")
    soft = mask.lerp(coarse, _uniform((len(mask), 1, 1, 1), 0, 1, mask, random))
    rows = torch.linspace(0, 1, height, device=mask.device).view(1, 1, -1, 1)
    columns = torch.linspace(0, 1, width, device=mask.device).view(1, 1, 1, -1)
    y, x, radius, value, chosen = (_uniform((len(mask), 1, 1, 1), 0, 1, mask, random) for _ in range(5))
    patch = ((rows - y) ** 2 + (columns - x) ** 2 < (0.03 + 0.12 * radius) ** 2) & (chosen < 0.3)
    return torch.where(patch, (value > 0.5).to(mask.dtype), soft)


def simulate(
    picture: Tensor,
    truth: Tensor,
    earlier: Tensor,
    is_clip: Tensor,
    mix: Mix,
    random: Generator,
    guess: Callable[[Tensor], Tensor] | None = None,
    sets: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Give every picture of a batch a previous mask, each in one of the ways of `mix`.

    earlier: N×1×H×W, the truth of an earlier frame where is_clip (bool N) says so.
    guess: the network's own mask for N×3×H×W pictures; a share `OWN` of the masks starts from it instead of
        from the truth, so that the network learns to mend its own mistakes rather than to repeat them.
    sets: N×1×H×W, the classes that each pixel may be of, as numbers; bent in place where the picture is.
    Returns (picture, truth, previous): the first two are bent where the spline was drawn.
    """
    weights = torch.tensor([mix.empty, mix.small, mix.large, mix.spline, mix.clip])
    way = torch.multinomial(weights, len(truth), replacement=True, generator=random).to(truth.device)
    way[(way == 4) & ~is_clip] = 1 if mix.small or not mix.empty else 0
    previous, believed = empty(truth), truth.clone()
    picture, truth = picture.clone(), truth.clone()
    own = (_uniform((len(truth),), 0, 1, truth, random) < OWN) & (way != 0)
    if guess is not None and own.any():
        believed[own] = guess(picture[own])
        earlier = torch.where(own[:, None, None, None], believed, earlier)
    for number, make in ((1, affine_small), (2, affine_large)):
        here = way == number
        if here.any():
            previous[here] = make(believed[here], random)
    bent = way == 3
    if bent.any():
        previous[bent] = believed[bent]
        grid = _spline_grid(truth[bent], STRENGTH, random)
        picture[bent], truth[bent] = _bend(picture[bent], truth[bent], grid)
        if sets is not None:
            sets[bent] = F.grid_sample(
                sets[bent], grid, mode="nearest", padding_mode="reflection", align_corners=False
            )
    previous[way == 4] = earlier[way == 4]
    seen = way != 0
    previous[seen] = roughen(previous[seen], random)
    return picture, truth, previous


def _affine(
    mask: Tensor, shift: float, scale: float, degrees: float, random: Generator, least: float = 0.0
) -> Tensor:
    count = len(mask)
    angle = _uniform((count,), -degrees, degrees, mask, random).deg2rad()
    zoom = 1 + _uniform((count,), -scale, scale, mask, random)
    # the grid runs from -1 to 1, so a share of the side counts twice
    move = 2 * _uniform((count, 2), least, shift, mask, random)
    move = move * _uniform((count, 2), -1, 1, mask, random).sign()
    cosine, sine = angle.cos() * zoom, angle.sin() * zoom
    theta = torch.stack([cosine, -sine, move[:, 0], sine, cosine, move[:, 1]], 1).view(-1, 2, 3)
    grid = affine_grid(theta, *mask.shape[2:])
    # a person cut off by the frame goes on beyond it; a mask that is far off does not
    beyond = "zeros" if least else "border"
    return F.grid_sample(mask, grid, padding_mode=beyond, align_corners=False)


def _spline_grid(like: Tensor, strength: float, random: Generator) -> Tensor:
    count, _, height, width = like.shape
    control = _control(like.device)
    goal = 2 * _uniform((count, len(control), 2), -strength, strength, like, random)
    # solve for a spline through the moved control points, its kernel's weights orthogonal to what is affine
    top = _spline_basis(control, control)
    bottom = F.pad(top[:, -3:].T, (0, 3))
    weights = torch.linalg.solve(torch.cat([top, bottom]), F.pad(goal, (0, 0, 0, 3)))
    place, basis = _pixels(height, width, like.device)
    grid: Tensor = (place + basis @ weights).view(count, height, width, 2)
    return grid


def _control(device: torch.device) -> Tensor:
    ticks = torch.linspace(-1, 1, POINTS, device=device)
    return torch.cartesian_prod(ticks, ticks)


@lru_cache(maxsize=8)
def _pixels(height: int, width: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Every pixel's place and its basis, the same every time."""
    y, x = torch.meshgrid(centres(height, device), centres(width, device), indexing="ij")
    place = torch.stack([x, y], -1).view(-1, 2)
    return place, _spline_basis(place, _control(device))


def _spline_basis(place: Tensor, control: Tensor) -> Tensor:
    """What each control point, then the affine part, are to each place."""
    return torch.cat([_kernel(place, control), torch.ones(len(place), 1, device=place.device), place], 1)


def _kernel(a: Tensor, b: Tensor) -> Tensor:
    squared = (a[:, None] - b[None]).square().sum(-1)
    kernel: Tensor = squared * torch.log(squared + 1e-9)
    return kernel


def _uniform(shape: tuple[int, ...], low: float, high: float, like: Tensor, random: Generator) -> Tensor:
    return (torch.rand(shape, generator=random) * (high - low) + low).to(like.device)
