"""Muon: the step of a kernel is an orthogonal matrix, whatever the gradient's size and shape."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from livematte.lab.muon import Muon, optimizers, orthogonal

SIDES = st.integers(1, 40)


def drawn(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@settings(deadline=None)
@given(SIDES, SIDES, st.integers(0, 1000), st.sampled_from([1e-6, 1.0, 1e4]))
def test_what_is_orthogonal_turns_and_mirrors_and_does_no_more(high, wide, seed, size):
    matrix = drawn(seed, high, wide) * size
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    found = torch.linalg.svdvals(orthogonal(matrix))
    assert found.max() < 1.25
    # a direction of next to nothing is not brought all the way up in five rounds
    assert (found[values > 0.05 * matrix.norm()] > 0.6).all()
    across = left.T @ orthogonal(matrix) @ right.T
    assert (across - torch.diag(across.diagonal())).abs().max() < 1e-2
    assert torch.allclose(orthogonal(matrix.T), orthogonal(matrix).T, atol=1e-4)


def test_no_gradient_is_no_step():
    assert (orthogonal(torch.zeros(3, 5)) == 0).all()
    weight = nn.Parameter(drawn(1, 4, 3, 3, 3))
    before = weight.detach().clone()
    optimizer = Muon([weight], 0.1, decay=0.0)
    optimizer.step()
    weight.grad = torch.zeros_like(weight)
    optimizer.step()
    assert torch.equal(weight, before)


@pytest.mark.parametrize("shape", [(4, 3, 3, 3), (24, 8, 1, 1), (8, 24, 1, 1)])
def test_a_step_is_as_large_as_adams_whatever_the_gradients_size(shape):
    steps = []
    for size in (1e-3, 1e3):
        weight = nn.Parameter(torch.zeros(shape))
        weight.grad = drawn(2, *shape) * size
        Muon([weight], 0.1, decay=0.0).step()
        steps.append(weight.detach())
    assert torch.allclose(*steps, atol=1e-4)
    assert 0.8 * 0.02 < steps[0].square().mean().sqrt() < 1.2 * 0.02
    assert (steps[0] * weight.grad).sum() < 0


def test_weights_decay():
    weight = nn.Parameter(torch.ones(2, 2, 1, 1))
    weight.grad = torch.zeros_like(weight)
    Muon([weight], 0.5, decay=0.1).step()
    assert torch.allclose(weight, torch.full_like(weight, 0.95))


def test_directions_that_hardly_show_are_learnt_sooner_than_by_adam():
    turned, _ = torch.linalg.qr(drawn(3, 16, 16))
    inputs = drawn(4, 256, 16) * torch.logspace(0, -2, 16) @ turned
    wanted = inputs @ drawn(5, 16, 12)

    def left(make):
        weight = nn.Parameter(torch.zeros(12, 16, 1, 1))
        optimizer = make([weight])
        for step in range(200):
            optimizer.param_groups[0]["lr"] = 0.3 * (1 - step / 200)
            optimizer.zero_grad()
            (inputs @ weight.flatten(1).T - wanted).square().mean().backward()
            optimizer.step()
        return (inputs @ weight.flatten(1).T - wanted).square().mean()

    ours = left(lambda weights: Muon(weights, 0.3, decay=0.0))
    assert ours < 0.5 * left(lambda weights: torch.optim.AdamW(weights, 0.3, weight_decay=0.0))


def test_every_weight_that_learns_has_one_optimiser_and_kernels_that_mix_channels_have_muon():
    network = nn.Sequential(
        nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6), nn.Conv2d(6, 6, 3, groups=6), nn.Conv2d(6, 2, 1)
    )
    network[3].requires_grad_(False)
    muon, adam = optimizers(network, 0.1, 0.0)
    (kernels,), (others,) = (
        [group["params"] for group in optimizer.param_groups] for optimizer in (muon, adam)
    )
    assert [id(weight) for weight in kernels] == [id(network[0].weight)]
    named = {id(weight) for weight in network[:3].parameters()}
    assert named == {id(weight) for weight in kernels + others}
