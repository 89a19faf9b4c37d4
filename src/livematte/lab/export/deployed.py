"""The network as files hold it: the same sums in fewer, wider convolutions; the mask instead of logits."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from livematte.lab.network import Network, Refinement, enlarge


class Regrouped(Refinement):
    """A trained refinement, its sums grouped by what they read: nothing is put together or read twice.

    The picture gives every layer its part in one convolution, and so does each layer's output all later ones.
    Fewer and wider convolutions keep a processor's registers full.
    """

    def __init__(self, trained: Refinement) -> None:
        nn.Module.__init__(self)
        self.block, self.narrow = trained.block, trained.narrow
        whole = [*(_fused(layer) for layer in trained.layers), trained.head]
        self.acts = nn.ModuleList(list(layer.children())[-1] for layer in trained.layers)
        self.grown = [layer.out_channels for layer in whole[:-1]]
        # where the channels of each source begin: the picture's with the features', then each layer's
        starts = [0, *(layer.in_channels for layer in whole)]
        self.layers = nn.ModuleList(
            _reading(starts[number], starts[number + 1], whole[number:], bias=number == 0)
            for number in range(len(whole))
        )

    def forward(self, picture: Tensor, features: Tensor) -> Tensor:
        """As `Refinement`'s."""
        seen = F.pixel_unshuffle(picture, self.block)
        sums = self.layers[0](torch.cat([seen, enlarge(self.narrow(features), seen)], 1))
        for grown, act, layer in zip(self.grown, self.acts, self.layers[1:], strict=True):
            sums = sums[:, grown:] + layer(act(sums[:, :grown]))
        return F.pixel_shuffle(sums, self.block)


def _fused(layer: nn.Module) -> nn.Conv2d:
    """A `Convolution` with its normalisation inside; its activation is left to the caller."""
    convolution, normalisation, *_ = layer.children()
    return fuse_conv_bn_eval(cast(nn.Conv2d, convolution), cast(nn.BatchNorm2d, normalisation))


def _reading(first: int, last: int, layers: Sequence[nn.Conv2d], bias: bool) -> nn.Conv2d:
    """One convolution from the channels first..last to all of these layers, the 1×1 ones padded to 3×3."""
    side = max(layer.kernel_size[0] for layer in layers)
    pads = [(side - layer.kernel_size[0]) // 2 for layer in layers]
    outputs = sum(layer.out_channels for layer in layers)
    joined = nn.Conv2d(last - first, outputs, side, padding=side // 2, bias=bias)
    weights = [F.pad(layer.weight[:, first:last], [pad] * 4) for layer, pad in zip(layers, pads, strict=True)]
    joined.weight = nn.Parameter(torch.cat(weights).detach())
    if bias:
        joined.bias = nn.Parameter(torch.cat([cast(Tensor, layer.bias) for layer in layers]).detach())
    return joined


class Deployed(nn.Module):
    """A copy of the network as a file holds it: channels last, and the mask instead of logits."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = copy.deepcopy(network).eval()
        if isinstance(self.network.refine, Refinement):
            self.network.refine = Regrouped(self.network.refine)

    def forward(self, x: Tensor) -> Tensor:
        """1×H×W×4 (RGB and previous mask in 0..1) to 1×H×W×1, the mask in 0..1.

        With parts to 1×H×W×9: the mask, then the share of each class 1 to 8, which sum up to the mask.
        """
        logits: Tensor = self.network(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        mask = logits[..., :1].sigmoid()
        if self.network.parts is None:
            return mask
        return torch.cat([mask, mask * logits[..., 1:].softmax(-1)], -1)
