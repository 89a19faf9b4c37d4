import math

import pytest

torch = pytest.importorskip("torch", reason="the losses are torch functions")

from livematte.lab.losses import (  # noqa: E402
    area_loss,
    edge_band,
    likeness_loss,
    loss_terms,
    pixel_loss,
    taught_terms,
    total,
)

torch.set_num_threads(1)


def square(size=24, low=6, high=18):
    truth = torch.zeros(1, 1, size, size)
    truth[..., low:high, low:high] = 1
    return truth


def logits(mask, confidence=20.0):
    return (2 * mask - 1) * confidence


@pytest.mark.parametrize("loss", [pixel_loss, area_loss])
def test_a_perfect_mask_costs_nothing_and_its_opposite_much(loss):
    truth = square()
    assert loss(logits(truth), truth) < 1e-3
    assert loss(logits(1 - truth), truth) > 0.9


@pytest.mark.parametrize("loss", [pixel_loss, area_loss])
def test_less_overlap_costs_more(loss):
    truth = square()
    costs = [loss(logits(truth.roll(shift, 3)), truth).item() for shift in (0, 1, 3, 6, 12)]
    assert costs == sorted(costs)
    assert len(set(costs)) == len(costs)


@pytest.mark.parametrize("loss", [pixel_loss, area_loss])
def test_a_step_down_the_gradient_costs_less(loss):
    truth = square()
    guess = torch.zeros_like(truth, requires_grad=True)
    before = loss(guess, truth)
    (slope,) = torch.autograd.grad(before, guess)
    assert loss(guess - 10 * slope, truth) < before


def test_an_undecided_mask_costs_one_bit_a_pixel_whatever_the_edges_weigh():
    truth = square()
    for weight in (0.0, 4.0):
        assert pixel_loss(torch.zeros_like(truth), truth, weight).item() == pytest.approx(math.log(2))


def test_the_area_loss_is_one_minus_the_iou_of_a_hard_mask():
    truth, mask = square(64, 8, 40), square(64, 24, 56)
    both, either = 16 * 16, 2 * 32 * 32 - 16 * 16
    assert area_loss(logits(mask), truth).item() == pytest.approx(1 - both / either, abs=2e-3)


def test_the_area_loss_ignores_pictures_without_anybody():
    somebody, nobody = square(), torch.zeros(1, 1, 24, 24)
    guess = logits(square(low=9))
    alone = area_loss(guess, somebody)
    together = area_loss(torch.cat([guess, guess]), torch.cat([somebody, nobody]))
    assert together.item() == pytest.approx(alone.item())
    assert area_loss(guess, nobody) == 0


def test_the_pixel_loss_punishes_a_ghost_where_nobody_is():
    nobody = torch.zeros(1, 1, 24, 24)
    assert pixel_loss(logits(square()), nobody) > 1


@pytest.mark.parametrize("radius", [1, 2, 3])
def test_the_edge_band_reaches_exactly_its_radius_to_both_sides(radius):
    truth = torch.zeros(1, 1, 16, 20)
    truth[..., 10:] = 1
    columns = edge_band(truth, radius)[0, 0]
    wanted = torch.zeros(16, 20)
    wanted[:, 10 - radius : 10 + radius] = 1
    assert torch.equal(columns, wanted)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_there_is_no_edge_where_all_is_alike(value):
    assert edge_band(torch.full((1, 1, 16, 16), value)).count_nonzero() == 0


def test_an_error_near_the_edge_costs_more_than_one_far_from_it():
    truth = square()
    costs = []
    for column in (19, 22):  # the edge is at 18
        wrong = logits(truth, 6.0)
        wrong[0, 0, 12, column] *= -1
        costs.append(pixel_loss(wrong, truth).item())
    near, far = costs
    assert near > 3 * far


def test_without_extra_weight_all_pixels_cost_the_same():
    truth = square()
    guess = torch.randn(truth.shape, generator=torch.Generator().manual_seed(1))
    plain = torch.nn.functional.binary_cross_entropy_with_logits(guess, truth)
    assert pixel_loss(guess, truth, 0.0).item() == pytest.approx(plain.item(), rel=1e-5)


def test_the_total_is_the_sum_of_the_named_terms():
    truth = square()
    guess = logits(truth.roll(2, 3), 3.0)
    terms = loss_terms(guess, truth)
    assert total(terms).item() == pytest.approx(sum(term.item() for term in terms.values()))
    assert total(terms).item() == pytest.approx((pixel_loss(guess, truth) + area_loss(guess, truth)).item())


def test_features_are_as_alike_turned_scaled_and_moved():
    torch.manual_seed(1)
    features = torch.randn(4, 6, 8, 8)
    turn = torch.linalg.qr(torch.randn(6, 6)).Q
    same = 3 * torch.einsum("ij,njhw->nihw", turn, features) + torch.randn(6, 1, 1)
    assert likeness_loss([features], [same]).item() == pytest.approx(0, abs=1e-5)
    strange = likeness_loss([features], [torch.randn(4, 9, 8, 8)])
    assert strange > 0.9
    assert likeness_loss([features, features], [same, torch.randn(4, 9, 8, 8)]) == pytest.approx(0.5, abs=0.1)


def test_features_of_other_sizes_are_fitted():
    torch.manual_seed(1)
    coarse = torch.randn(2, 5, 4, 6)
    fine = torch.nn.functional.interpolate(coarse, (8, 12), mode="bilinear")
    assert likeness_loss([fine], [coarse]).item() == pytest.approx(0, abs=1e-5)


def test_a_step_down_the_gradient_makes_features_more_alike():
    torch.manual_seed(1)
    features, others = torch.randn(2, 5, 4, 4, requires_grad=True), torch.randn(2, 3, 4, 4)
    before = likeness_loss([features], [others])
    (slope,) = torch.autograd.grad(before, features)
    assert likeness_loss([features - 10 * slope], [others]) < before


def test_a_student_takes_over_classes_where_its_teacher_sees_people():
    torch.manual_seed(1)
    levels = [torch.randn(2, 3, 4, 4)]
    taught = torch.randn(2, 9, 16, 16)
    taught[:, :1] = logits(torch.cat([torch.ones(2, 1, 16, 8), torch.zeros(2, 1, 16, 8)], 3))
    same, there, elsewhere = (taught.clone() for _ in range(3))
    there[:, 1:, :, :8] = torch.randn(2, 8, 16, 8)
    elsewhere[:, 1:, :, 8:] = torch.randn(2, 8, 16, 8)
    costs = [taught_terms(one, taught, levels, levels) for one in (same, there, elsewhere)]
    classes = [cost["class taught"].item() for cost in costs]
    assert classes[1] > classes[0] + 0.3
    assert classes[2] == pytest.approx(classes[0])
    assert costs[0]["taught"] < 1e-3
    # a teacher of people alone, or a student of people alone, has no classes to hand on
    assert set(taught_terms(taught[:, :1], taught, levels, levels)) == {"taught", "likeness"}
    assert set(taught_terms(taught, taught[:, :1], levels, levels)) == {"taught", "likeness"}
