"""Processes that train one network together, as `torchrun` starts them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor


@dataclass(frozen=True)
class Ranks:
    """This process among those that train together; alone where `torchrun` has not started it.

    number: of this process, from 0; count: of all; device: where this one computes.
    """

    number: int
    count: int
    device: str

    def average(self, values: Sequence[Tensor]) -> None:
        """Give every value, such as a gradient, its mean over all processes; all must ask."""
        if self.count == 1:
            return
        flat = torch.cat([value.flatten() for value in values])
        dist.all_reduce(flat)
        parts = torch.split(flat / self.count, [value.numel() for value in values])
        for value, part in zip(values, parts, strict=True):
            value.copy_(part.view(value.shape))

    def any(self, here: bool) -> bool:
        """Whether it is so in any process; all must ask."""
        if self.count == 1:
            return here
        found = torch.tensor(float(here), device=self.device)
        dist.all_reduce(found, dist.ReduceOp.MAX)
        return bool(found > 0)

    def gathered(self, value: Tensor) -> list[Tensor]:
        """The value of every process, in order; all must ask."""
        if self.count == 1:
            return [value]
        values: list[Tensor | None] = [None] * self.count
        dist.all_gather_object(values, value)
        return [found for found in values if found is not None]


@contextmanager
def together(device: str) -> Iterator[Ranks]:
    """Join the processes that `torchrun` has started, each on a GPU of its own where the device is `cuda`."""
    if "WORLD_SIZE" not in os.environ:
        yield Ranks(0, 1, device)
        return
    if device == "cuda":
        device = f"cuda:{os.environ['LOCAL_RANK']}"
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    try:
        yield Ranks(dist.get_rank(), dist.get_world_size(), device)
    finally:
        dist.destroy_process_group()
