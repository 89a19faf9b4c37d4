"""Batches of training pictures: cropped, put before other backgrounds, and seen by other cameras.

All on whole batches in torch, on whatever device the photos are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from livematte.dataset.candidates import BACKGROUND
from livematte.lab.grid import affine_grid
from livematte.lab.photos import Photos

NOBODY = 0.06
"""Share of pictures in which there is no person at all."""

WHOLE = 0.4
"""Share of pictures shown whole, of those that keep their own background."""

GENTLE_WHOLE = 0.75
"""The same share in a gentle training."""

WHOLE_BODY = 0.7
"""Share of stills that show people from head to foot and get another background: bodies in action need it."""

SMEARED = 0.3
"""Share of people before other backgrounds, and of those backgrounds, that move while the shutter is open."""

SMEAR = 0.08
"""How far they move at most, as a share of each side."""

MOMENTS = 8
"""How many moments are averaged while the shutter is open."""

PLAIN = 0.15
"""Share of other backgrounds that are one colour, as screens and painted walls are, fading a little."""


@dataclass(frozen=True)
class Batch:
    """picture N×3×H×W and truth N×1×H×W in 0..1; earlier: the truth a little before, where is_clip (N).

    sets: float N×1×H×W, whole numbers: bit n is set where a pixel may be of class n, if that is wanted.
    """

    picture: Tensor
    truth: Tensor
    earlier: Tensor
    is_clip: Tensor
    sets: Tensor | None = None


class Composer:
    """Draws batches from people and from pictures without any.

    gentle: pictures that keep their background are changed far less, as a training's end wants it; what
        gets another is not, because clips depend on that.
    """

    def __init__(self, people: Photos, empty: Photos, random: Generator, gentle: bool = False) -> None:
        self.people, self.empty, self.random, self.gentle = people, empty, random, gentle

    def batch(self, count: int, height: int, width: int) -> Batch:
        """One batch of height×width pictures."""
        draw = self._draw
        # the generator is the CPU's, wherever the photos are
        rows = torch.multinomial(self.people.weight.cpu(), count, replacement=True, generator=self.random)
        rows = rows.to(self.people.rgba.device)
        frame_aspect = width / height * torch.exp(draw((count,), -0.3, 0.3))
        sources, aspect = self.people.rgba[rows], self.people.aspect[rows]
        free = self._free(rows, sources[:, 3], aspect, frame_aspect)
        theta = self._windows(sources[:, 3], aspect, frame_aspect, free)
        grid = affine_grid(theta, height, width)
        shown = self._show(sources, grid, free)
        smeared = free & (draw((count,), 0, 1) < SMEARED)
        if smeared.any():
            shown[smeared] = self._in_motion(sources[smeared], theta[smeared], grid[smeared])
        picture, truth = shown[:, :3], shown[:, 3:]

        nobody = draw((count,), 0, 1) < NOBODY
        truth[nobody] = 0
        other = free | nobody
        if other.any():
            behind = self._backgrounds(int(other.sum()), height, width)
            picture[other] = self._compose(picture[other], truth[other], behind)

        before = self.people.earlier[rows]
        is_clip = (before != rows) & ~nobody
        earlier = truth.clone()
        earlier[is_clip] = self._show(self.people.rgba[before[is_clip], 3:], grid[is_clip], free[is_clip])
        sets = self._sets(rows, grid, free, truth, other) if self.people.sets is not None else None
        return Batch(self.camera(picture, ~other & self.gentle), truth, earlier, is_clip, sets)

    def camera(self, picture: Tensor, gentle: Tensor) -> Tensor:
        """Other light, white balance, contrast, saturation, blur and noise for each of N×3×H×W in 0..1.

        gentle: bool N, those to be changed far less.
        """
        count, draw = len(picture), self._draw
        one = (count, 1, 1)
        drawn = draw(one, 0, 1)  # most pictures are changed a little, some a lot
        much = torch.where(gentle.view(one), 0.4 * drawn**2, drawn)
        seldom = torch.where(gentle, 1 / 3, 1.0)
        picture = picture.clamp(1e-3, 1) ** torch.exp(much[..., None] * draw((count, 1, 1, 1), -0.5, 0.5))
        gain = torch.exp(much * (draw(one, -0.4, 0.25) + draw((count, 1, 3), -0.15, 0.15)))
        colourful = torch.where(draw(one, 0, 1) < 0.05, 0.0, torch.exp(much * draw(one, -0.7, 0.4)))
        grey = torch.full((3, 3), 1 / 3, device=picture.device)
        mix = (grey + colourful * (torch.eye(3, device=picture.device) - grey)) * gain
        contrast = torch.exp(much * draw(one, -0.4, 0.3))
        mean = picture[:, :, ::4, ::4].mean((1, 2, 3)).view(one) * gain.mean(2, keepdim=True)
        shift = (mean * (1 - contrast)).expand(count, 3, 1)
        picture = torch.baddbmm(shift, mix * contrast, picture.flatten(2)).view(picture.shape)
        blurred = draw((count,), 0, 1) < 0.15 * seldom
        picture[blurred] = F.avg_pool2d(picture[blurred], 3, 1, 1, count_include_pad=False)
        noisy = draw((count,), 0, 1) < 0.2 * seldom
        noise = torch.randn(picture[noisy].shape, generator=self.random).to(picture.device)
        picture[noisy] += noise * draw((len(noise), 1, 1, 1), 0, 0.06)
        return picture.clamp_(0, 1)

    def _free(self, rows: Tensor, alpha: Tensor, aspect: Tensor, frame_aspect: Tensor) -> Tensor:
        """Which get another background: all keyed ones, some stills whose person is whole at both sides."""
        tall = (aspect < 0.75 * frame_aspect).float()
        whole = alpha[:, :, [0, -1]].float().mean((1, 2)) < 12
        share = torch.where(_cut_below(alpha), 0.25 + 0.3 * tall, WHOLE_BODY)
        return self.people.cut_out[rows] | (whole & (self._draw((len(rows),), 0, 1) < share))

    def _show(self, sources: Tensor, grid: Tensor, free: Tensor) -> Tensor:
        """uint8 N×C×S×S seen through N windows, float N×C×H×W in 0..1; nothing lies around what is free."""
        shown = torch.empty(len(grid), sources.shape[1], *grid.shape[1:3], device=grid.device)
        for chosen, padding in ((free, "zeros"), (~free, "reflection")):
            if chosen.any():
                shown[chosen] = F.grid_sample(
                    sources[chosen] / 255, grid[chosen], padding_mode=padding, align_corners=False
                )
        return shown

    def _in_motion(self, sources: Tensor, theta: Tensor, grid: Tensor) -> Tensor:
        """uint8 N×4×S×S seen through N windows and smeared: float N×4×H×W in 0..1, colour where alpha is."""
        alpha = sources[:, 3:] / 255
        seen = self._smear(torch.cat([sources[:, :3] / 255 * alpha, alpha], 1), theta, grid, "zeros")
        return torch.cat([seen[:, :3] / seen[:, 3:].clamp(min=1e-3), seen[:, 3:]], 1)

    def _smear(self, sources: Tensor, theta: Tensor, grid: Tensor, padding: str) -> Tensor:
        """The mean of what N×C×S×S show through windows that move, each its own way."""
        # a window runs from -1 to 1, so a share of the side counts twice
        move = (theta[:, :, :2] @ (2 * SMEAR * self._draw((len(theta), 2, 1), -1, 1))).view(-1, 1, 1, 2)
        times = [moment / MOMENTS - 0.5 for moment in range(MOMENTS)]
        moments = [
            F.grid_sample(sources, grid + time * move, padding_mode=padding, align_corners=False)
            for time in times
        ]
        return torch.stack(moments).mean(0)

    def _sets(self, rows: Tensor, grid: Tensor, free: Tensor, truth: Tensor, other: Tensor) -> Tensor:
        """The classes that each pixel may be of; what shows another background is background."""
        assert self.people.sets is not None
        sources = self.people.sets[rows].float()
        sets = torch.empty_like(truth)
        for chosen, padding in ((free, "zeros"), (~free, "reflection")):
            if chosen.any():
                sets[chosen] = F.grid_sample(
                    sources[chosen], grid[chosen], mode="nearest", padding_mode=padding, align_corners=False
                )
        clear = other[:, None, None, None] & (truth < 0.5)
        return torch.where(clear | (sets == 0), float(BACKGROUND), sets)

    def _compose(self, picture: Tensor, truth: Tensor, behind: Tensor) -> Tensor:
        """Put the person before another background, with some of its light so that the seam is no clue."""
        person = _mean(picture * truth) / _mean(truth).clamp(min=1e-3)
        light = (_mean(behind) + 0.2) / (person + 0.2)
        lit = picture * light.clamp(0.6, 1.5) ** self._draw((len(picture), 1, 1, 1), 0, 0.7)
        return behind.lerp(lit.clamp(0, 1), truth)

    def _backgrounds(self, count: int, height: int, width: int) -> Tensor:
        rows = torch.randint(len(self.empty), (count,), generator=self.random).to(self.empty.rgba.device)
        aspect = self.empty.aspect[rows]
        share = width / height * torch.ones_like(aspect)
        high = torch.minimum(torch.ones_like(aspect), aspect / share) * self._draw((count,), 0.5, 1)
        theta = self._theta(aspect, share * high, high, self._room(aspect, share * high), self._room(1, high))
        places = self.empty.rgba[rows, :3] / 255
        grid = affine_grid(theta, height, width)
        behind = F.grid_sample(places, grid, padding_mode="reflection", align_corners=False)
        smeared = self._draw((count,), 0, 1) < SMEARED
        if smeared.any():
            behind[smeared] = self._smear(places[smeared], theta[smeared], grid[smeared], "reflection")
        plain = self._draw((count,), 0, 1) < PLAIN
        behind[plain] = self._plain(int(plain.sum()), height, width)
        return behind

    def _plain(self, count: int, height: int, width: int) -> Tensor:
        """One colour each, often of full saturation, that fades by up to a tenth from edge to edge."""
        colour = self._draw((count, 3, 1, 1), -0.5, 1.5).clamp(0, 1)
        across, down = (self._draw((count, 1, 1, 1), -0.1, 0.1) for _ in range(2))
        columns = torch.linspace(-0.5, 0.5, width, device=colour.device)
        rows = torch.linspace(-0.5, 0.5, height, device=colour.device)[:, None]
        return (colour * (1 + across * columns + down * rows)).clamp(0, 1)

    def _windows(self, alpha: Tensor, aspect: Tensor, frame_aspect: Tensor, free: Tensor) -> Tensor:
        """The affine that shows a window of each source; lengths in units of half the source's height.

        free: the window may reach beyond the source, because nothing lies around the person.
        """
        count = len(aspect)
        # often the source as a whole, as a camera's frame is seen, squeezed to the frame's shape
        whole = ~free & (self._draw((count,), 0, 1) < (GENTLE_WHOLE if self.gentle else WHOLE))
        squeezed = torch.minimum(torch.maximum(aspect, 0.7 * frame_aspect), frame_aspect / 0.7)
        frame_aspect = torch.where(whole, squeezed, frame_aspect)
        inside = torch.minimum(torch.ones_like(aspect), aspect / frame_aspect)
        around = torch.maximum(torch.ones_like(aspect), aspect / frame_aspect)
        near = inside * torch.exp(self._draw((count,), math.log(0.55), math.log(1.1)))
        # somebody cut off by the lower edge of the source stands on the lower edge of the frame
        stands = free & _cut_below(alpha)
        out = self._draw((count,), 0.3, 1)
        out = torch.where(stands, out, (1 + out) / 2)  # who is shown whole stays so more often
        far = inside * (around / inside) ** out * torch.exp(self._draw((count,), -0.3, 0.55))
        near = torch.where(whole, inside * torch.exp(self._draw((count,), -0.08, 0.05)), near)
        high = torch.where(free, far, near)
        wide = high * frame_aspect
        x, y = self._room(aspect, wide), self._room(1, high)
        slack = self._draw((count,), -0.5, 0.5) * wide
        x = torch.where(free, x + slack, x)
        y = torch.where(stands, 1 - high - self._draw((count,), 0, 0.15) * high, y)
        y = torch.where(free & ~stands, y + self._draw((count,), -0.3, 0.3) * high, y)
        return self._theta(aspect, wide, high, x, y)

    def _room(self, source: Tensor | int, window: Tensor) -> Tensor:
        """A centre anywhere that keeps the window within the source, or the middle where it is larger."""
        return (source - window).clamp(min=0) * self._draw((len(window),), -1, 1)

    def _theta(self, aspect: Tensor, wide: Tensor, high: Tensor, x: Tensor, y: Tensor) -> Tensor:
        angle = (torch.randn(len(aspect), generator=self.random) * 6).deg2rad().to(aspect.device)
        mirror = self._draw((len(aspect),), -1, 1).sign()
        cosine, sine = angle.cos(), angle.sin()
        across = torch.stack([cosine * wide * mirror / aspect, -sine * high / aspect, x / aspect], 1)
        down = torch.stack([sine * wide * mirror, cosine * high, y], 1)
        return torch.stack([across, down], 1)

    def _draw(self, shape: tuple[int, ...], low: float, high: float) -> Tensor:
        drawn = torch.rand(shape, generator=self.random) * (high - low) + low
        return drawn.to(self.people.rgba.device)


def _cut_below(alpha: Tensor) -> Tensor:
    """Whether the person of each uint8 N×H×W reaches the lower edge."""
    return alpha[:, -2:].float().mean((1, 2)) > 12


def _mean(picture: Tensor) -> Tensor:
    """Each channel's mean, N×C×1×1; every fourth pixel is enough."""
    return picture[:, :, ::4, ::4].mean((2, 3), keepdim=True)
