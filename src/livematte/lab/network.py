"""The network: an hourglass that reads a frame and the mask of the frame before.

After "Mobile Real-time Video Segmentation" (Bazarevsky and Tkachenka, Google AI Blog, 2018). Shapes in the
comments are for a 256×256 input and the sizes of `best`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from livematte.lab import efficientnet
from livematte.segment.runtime import LARGE, NETWORKS

Activation: TypeAlias = Literal["relu", "prelu"]


@dataclass(frozen=True)
class Sizes:
    """Everything that shapes the network; each idea of the 2018 design is a switch.

    stem_kernel, stem_stride: the convolution straight on the input; four channels make a big kernel cheap.
    widths: channels of the four levels of the hourglass, from the stem's resolution down.
    depths: residual bottlenecks on each level on the way down.
    squeeze: what each level's bottlenecks divide their channels by; far where channels are many.
    kernels: the inner kernel of each level's bottlenecks; wide where the map is small.
    skips: whether the way up sees what the way down saw (U-Net).
    context: whether the deepest level is told its own global mean; context_squeeze: what that layer divides
        its channels by in between.
    refine: the densely connected layers that read the picture again for the edges: at full resolution
        (`plain`), on 2×2 blocks as channels (`blocks`: same output, a quarter of the positions), or none.
    growth: channels that each of the dense layers adds; one number a layer.
    activation: ReLU, or PReLU (He et al. 2015): what is below zero is not lost but multiplied by a slope,
        which each channel learns.
    previous: whether the mask of the frame before is read at all.
    parts: whether the eight classes of a person are told apart, too.
    pretrained: whether the way down is EfficientNet-Lite0's and not this design's: a wide teacher. Stem and
        depths then say nothing, the widths are its own, and its first two levels stay what ImageNet taught.
    """

    stem_kernel: int = 7
    stem_stride: int = 4
    widths: tuple[int, int, int, int] = (24, 64, 128, 256)
    depths: tuple[int, int, int, int] = (1, 2, 6, 4)
    squeeze: tuple[int, int, int, int] = (4, 4, 8, 16)
    kernels: tuple[int, int, int, int] = (3, 3, 3, 5)
    skips: bool = True
    context: bool = True
    context_squeeze: int = 1
    refine: Literal["none", "plain", "blocks"] = "blocks"
    growth: tuple[int, ...] = (4, 4)
    activation: Activation = "relu"
    previous: bool = True
    parts: bool = False
    pretrained: bool = False


_BEST = Sizes(activation="prelu")
_TEACHER = Sizes(
    widths=efficientnet.WIDTHS,
    squeeze=(1, 1, 2, 4),
    kernels=(3, 3, 3, 3),
    growth=(8, 8),
    previous=False,
    pretrained=True,
)

PRESETS = {
    "best": _BEST,
    "fast": replace(_BEST, widths=(16, 40, 80, 192), growth=(4,), context_squeeze=8),
    "parts": replace(_BEST, parts=True),
    "teacher": _TEACHER,
    "parts-teacher": replace(_TEACHER, parts=True),
}


def preset_of(sizes: Sizes) -> str:
    """The name of the preset with these sizes, whichever activation; empty where there is none."""
    alike = ((name, replace(known, activation=sizes.activation)) for name, known in PRESETS.items())
    return next((name for name, known in alike if known == sizes), "")


def shapes_of(sizes: Sizes) -> Sequence[tuple[int, int]]:
    """Height and width of the files that are made of a network: as they ship with these sizes, else LARGE."""
    return NETWORKS.get(preset_of(sizes), LARGE)


def activated(activation: Activation, channels: int) -> nn.Module:
    """The layer of an activation."""
    return nn.PReLU(channels) if activation == "prelu" else nn.ReLU()


class Convolution(nn.Sequential):
    """Convolution without bias, batch normalisation and the activation, if one is given."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int = 1, *, activation: Activation | None = None
    ) -> None:
        layers: list[nn.Module] = [
            nn.Conv2d(inputs, outputs, kernel, stride, (kernel - 1) // 2, bias=False),
            nn.BatchNorm2d(outputs),
        ]
        super().__init__(*layers, *([activated(activation, outputs)] if activation else []))


class Halve(nn.Sequential):
    """A 2×2 convolution of stride 2; an odd side is first padded by one."""

    def __init__(self, inputs: int, outputs: int, activation: Activation) -> None:
        super().__init__(Convolution(inputs, outputs, 2, 2, activation=activation))

    def forward(self, x: Tensor) -> Tensor:
        """N×inputs×h×w to N×outputs×⌈h/2⌉×⌈w/2⌉."""
        height, width = x.shape[-2:]
        if height % 2 or width % 2:
            x = F.pad(x, (0, width % 2, 0, height % 2))
        halved: Tensor = super().forward(x)  # type: ignore[no-untyped-call]
        return halved


class Bottleneck(nn.Module):
    """Residual block whose middle has `squeeze` times fewer channels (He et al. 2015; 2018: 16 to 32)."""

    def __init__(self, channels: int, squeeze: int, kernel: int, activation: Activation) -> None:
        super().__init__()
        inner = max(channels // squeeze, 4)
        self.body = nn.Sequential(
            Convolution(channels, inner, 1, activation=activation),
            Convolution(inner, inner, kernel, activation=activation),
            Convolution(inner, channels, 1),
        )
        self.act = activated(activation, channels)

    def forward(self, x: Tensor) -> Tensor:
        """N×C×h×w to the same shape."""
        both: Tensor = self.act(x + self.body(x))
        return both


class Context(nn.Module):
    """Add to every position what the whole picture says (a global mean through one layer)."""

    def __init__(self, channels: int, squeeze: int) -> None:
        super().__init__()
        inner = channels // squeeze
        self.mix = (
            nn.Conv2d(channels, channels, 1)
            if squeeze == 1
            else nn.Sequential(nn.Conv2d(channels, inner, 1, bias=False), nn.Conv2d(inner, channels, 1))
        )

    def forward(self, x: Tensor) -> Tensor:
        """N×C×h×w to the same shape."""
        return x + F.relu(self.mix(x.mean((2, 3), keepdim=True)))


class Rise(nn.Module):
    """One step up: narrow, enlarge to the skip's size, add the skip, one bottleneck.

    beside: channels of what the way down saw at that size; 0 for no skip.
    """

    def __init__(
        self, below: int, beside: int, channels: int, squeeze: int, kernel: int, activation: Activation
    ) -> None:
        super().__init__()
        self.narrow = Convolution(below, channels, 1)
        self.skip = Convolution(beside, channels, 1) if beside else None
        self.act = activated(activation, channels)
        self.block = Bottleneck(channels, squeeze, kernel, activation)

    def forward(self, x: Tensor, beside: Tensor) -> Tensor:
        """N×below×h×w and, from the way down, N×beside×H×W: N×channels×H×W."""
        # doubled and cut, as an odd side was padded on the way down: places stay where they are
        x = F.interpolate(self.narrow(x), scale_factor=2, mode="bilinear", align_corners=False)
        for axis in (2, 3):
            if x.shape[axis] > beside.shape[axis]:  # Core ML's converter knows no cut that takes nothing away
                x = x.narrow(axis, 0, beside.shape[axis])
        if self.skip is not None:
            x = x + self.skip(beside)
        risen: Tensor = self.block(self.act(x))
        return risen


class Refinement(nn.Module):
    """Densely connected layers (Huang et al. 2017) over the picture and what the hourglass found."""

    def __init__(self, features: int, growth: tuple[int, ...], block: int, activation: Activation) -> None:
        super().__init__()
        self.block = block
        self.narrow = nn.Conv2d(features, block * block, 1)
        channels = 3 * block * block + self.narrow.out_channels
        self.layers = nn.ModuleList()
        for grown in growth:
            self.layers.append(Convolution(channels, grown, 3, activation=activation))
            channels += grown
        self.head = nn.Conv2d(channels, block * block, 1)

    def forward(self, picture: Tensor, features: Tensor) -> Tensor:
        """N×3×256×256 and N×24×64×64: logits N×1×256×256."""
        seen = F.pixel_unshuffle(picture, self.block)  # N×12×128×128
        x = torch.cat([seen, enlarge(self.narrow(features), seen)], 1)  # N×16×128×128
        for layer in self.layers:
            x = torch.cat([x, layer(x)], 1)
        logits: Tensor = F.pixel_shuffle(self.head(x), self.block)
        return logits


class Parts(nn.Module):
    """Which of a person's classes each pixel is, if it is a person's: a way up of its own, on 2×2 blocks."""

    CLASSES = 8
    SQUEEZE, KERNEL = 4, 3
    NARROW, GROWTH, BLOCK = 8, 3, 2

    def __init__(self, widths: tuple[int, int, int, int], activation: Activation) -> None:
        super().__init__()
        # narrower than the person's way up, but for the last step: 96, 48 and 24 channels
        own = (widths[0], widths[1] * 3 // 4, widths[2] * 3 // 4, widths[3])
        self.up = nn.ModuleList(
            Rise(own[level + 1], widths[level], own[level], self.SQUEEZE, self.KERNEL, activation)
            for level in (2, 1, 0)
        )
        channels = 3 * self.BLOCK**2 + self.NARROW
        self.narrow = nn.Conv2d(widths[0], self.NARROW, 1)
        self.layer = Convolution(channels, self.GROWTH, 3, activation=activation)
        self.head = nn.Conv2d(channels + self.GROWTH, self.CLASSES, 1)

    def forward(self, picture: Tensor, x: Tensor, seen: Sequence[Tensor]) -> Tensor:
        """Logits N×8×256×256 of the classes 1 to 8.

        Of N×3×256×256, the deepest level's N×256×8×8, and the three levels before it.
        """
        for rise, beside in zip(self.up, reversed(seen), strict=True):
            x = rise(x, beside)  # N×24×64×64
        blocks = F.pixel_unshuffle(picture, self.BLOCK)
        x = torch.cat([blocks, enlarge(self.narrow(x), blocks)], 1)
        return enlarge(self.head(torch.cat([x, self.layer(x)], 1)), picture)


class Network(nn.Module):
    """The hourglass with its refinement. Sides of the input are multiples of 4.

    licence: of its weights; that of data which forbids commercial use binds them.
    """

    licence = "Apache-2.0"
    frozen: Sequence[nn.Module] = ()

    def __init__(self, sizes: Sizes | None = None) -> None:
        super().__init__()
        self.sizes = s = sizes or Sizes()
        self.stem, self.down = efficientnet.way_down() if s.pretrained else _way_down(s)
        self.context = Context(s.widths[-1], s.context_squeeze) if s.context else nn.Identity()
        self.up = nn.ModuleList(
            Rise(
                s.widths[level + 1],
                s.widths[level] if s.skips else 0,
                s.widths[level],
                s.squeeze[level],
                s.kernels[level],
                s.activation,
            )
            for level in (2, 1, 0)
        )
        self.refine = (
            Refinement(s.widths[0], s.growth, 2 if s.refine == "blocks" else 1, s.activation)
            if s.refine != "none"
            else nn.Conv2d(s.widths[0], 1, 1)
        )
        self.parts = Parts(s.widths, s.activation) if s.parts else None
        if s.pretrained:
            self.freeze([self.stem, *self.down[:2]])

    def freeze(self, layers: Sequence[nn.Module]) -> None:
        """From now on these layers no longer learn: weights and batch statistics stay what they are."""
        self.frozen = layers
        for layer in layers:
            layer.requires_grad_(False)

    def freeze_person(self) -> None:
        """From now on only the layers that tell parts learn: the person's mask stays what it is."""
        self.freeze([layer for layer in self.children() if layer is not self.parts])

    def train(self, mode: bool = True) -> Network:
        """As every module's; what is frozen keeps its batch statistics."""
        super().train(mode)
        for layer in self.frozen:
            layer.eval()
        return self

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the person N×1×H×W for N×4×H×W: RGB and the previous mask, all in 0..1.

        With parts N×9×H×W: the person's, then those of the classes 1 to 8, given that it is a person.
        """
        return self.tell(x[:, :3], self.look(x))

    def look(self, x: Tensor) -> list[Tensor]:
        """What the way down sees in N×4×H×W, level by level: N×24×64×64 to N×256×8×8."""
        x = self.stem(x if self.sizes.previous else x[:, :3])  # N×24×64×64
        seen: list[Tensor] = []
        for level in self.down:  # 64², 32², 16², 8²
            x = level(x)
            seen.append(x)
        return seen

    def tell(self, picture: Tensor, seen: Sequence[Tensor]) -> Tensor:
        """The logits of `forward`, from N×3×H×W and what `look` saw in it."""
        *seen, x = seen
        size = picture.shape[-2:]
        x = deepest = self.context(x)
        for rise, beside in zip(self.up, reversed(seen), strict=True):
            x = rise(x, beside)  # back to N×24×64×64
        if isinstance(self.refine, Refinement):
            logits: Tensor = self.refine(picture, x)
        else:
            logits = F.interpolate(self.refine(x), size=size, mode="bilinear", align_corners=False)
        return logits if self.parts is None else torch.cat([logits, self.parts(picture, deepest, seen)], 1)


def _way_down(s: Sizes) -> tuple[nn.Sequential, nn.ModuleList]:
    """The large-stride stem and the four levels after it."""
    down = nn.ModuleList()
    for level, width in enumerate(s.widths):
        step = [] if level == 0 else [Halve(s.widths[level - 1], width, s.activation)]
        blocks = [
            Bottleneck(width, s.squeeze[level], s.kernels[level], s.activation)
            for _ in range(s.depths[level])
        ]
        down.append(nn.Sequential(*step, *blocks))
    inputs = 4 if s.previous else 3
    stem = Convolution(inputs, s.widths[0], s.stem_kernel, s.stem_stride, activation=s.activation)
    return stem, down


def enlarge(x: Tensor, like: Tensor) -> Tensor:
    """Bilinear resize of N×C×h×w to the height and width of `like`."""
    return F.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=False)


def count_macs(network: Network, height: int, width: int) -> int:
    """Multiply-accumulates of all convolutions for one height×width picture."""
    macs = 0

    def add(layer: nn.Module, _: object, output: Tensor) -> None:
        nonlocal macs
        assert isinstance(layer, nn.Conv2d)
        macs += output[0].numel() * layer.weight[0].numel()

    hooks = [m.register_forward_hook(add) for m in network.modules() if isinstance(m, nn.Conv2d)]
    mode = network.training
    with torch.no_grad():
        network.eval()(torch.zeros(1, 4, height, width))
    network.train(mode)
    for hook in hooks:
        hook.remove()
    return macs
