import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from livematte.measure import (
    boundary_f,
    dtssd,
    flicker,
    frames_until_back,
    iou,
    mad,
    mean_iou,
    mse,
    shortfall,
)
from livematte.measure.boundary import dilated, outline

few = settings(deadline=None, max_examples=60, derandomize=True, database=None)
SHAPES = array_shapes(min_dims=2, max_dims=2, max_side=12)
masks = arrays(bool, SHAPES)
alphas = arrays(np.float64, (5, 7), elements=st.floats(0, 1))
pairs = SHAPES.flatmap(lambda shape: st.tuples(arrays(bool, shape), arrays(bool, shape)))


def box(top, bottom, left, right):
    mask = np.zeros((10, 12), bool)
    mask[top:bottom, left:right] = True
    return mask


@pytest.mark.parametrize(
    ("mask", "truth", "wanted"),
    [
        (box(0, 10, 0, 6), box(0, 10, 0, 6), 1),
        (box(0, 10, 0, 6), box(0, 10, 6, 12), 0),
        (box(0, 10, 0, 6), box(0, 10, 3, 9), 30 / 90),
        (box(2, 4, 2, 4), box(0, 10, 0, 12), 4 / 120),
        (box(0, 0, 0, 0), box(0, 10, 0, 12), 0),
        (box(0, 10, 0, 12), box(0, 0, 0, 0), 0),
        (box(0, 0, 0, 0), box(0, 0, 0, 0), 1),
    ],
)
def test_iou_of_boxes(mask, truth, wanted):
    assert iou(mask, truth) == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("mask", "person"),
    [
        (np.array([[127]], np.uint8), False),
        (np.array([[128]], np.uint8), True),
        (np.array([[0.49]], np.float32), False),
        (np.array([[0.51]], np.float32), True),
        (np.array([[0.51]], np.float64), True),
    ],
)
def test_the_person_is_what_lies_above_half_of_the_range(mask, person):
    assert iou(mask, np.array([[True]])) == person


@pytest.mark.parametrize(("threshold", "wanted"), [(0.1, 3 / 4), (0.3, 2 / 4), (0.6, 1 / 4), (0.9, 0)])
@pytest.mark.parametrize(("kind", "top"), [(np.uint8, 255), (np.float32, 1)])
def test_the_threshold_is_a_share_of_the_range(threshold, wanted, kind, top):
    mask = (np.array([[0.05, 0.2, 0.5, 0.8]]) * top).astype(kind)
    truth = np.ones((1, 4), bool)
    assert iou(mask, truth, threshold) == iou(truth, mask, threshold) == wanted


@few
@given(pairs)
def test_iou_is_symmetric_and_in_range(pair):
    ours, theirs = pair
    assert iou(ours, theirs) == iou(theirs, ours)
    assert 0 <= iou(ours, theirs) <= 1


@few
@given(masks)
def test_iou_with_itself_is_one(mask):
    assert iou(mask, mask) == 1


@few
@given(pairs)
def test_iou_is_one_only_for_equal_masks(pair):
    ours, theirs = pair
    assert (iou(ours, theirs) == 1) == np.array_equal(ours, theirs)


@few
@given(pairs)
def test_iou_counts_what_sets_count(pair):
    ours, theirs = ({tuple(place) for place in np.argwhere(mask)} for mask in pair)
    wanted = len(ours & theirs) / len(ours | theirs) if ours | theirs else 1
    assert iou(*pair) == pytest.approx(wanted)


@few
@given(pairs)
def test_iou_is_the_same_for_every_kind_of_mask(pair):
    def kinds(mask):
        return mask, mask.astype(np.uint8) * 255, mask.astype(np.float32), mask.astype(np.float64)

    assert len({iou(ours, theirs) for ours in kinds(pair[0]) for theirs in kinds(pair[1])}) == 1


@pytest.mark.parametrize(
    ("mask", "truth", "wanted"),
    [
        (box(0, 10, 0, 6), box(0, 10, 0, 6), 1),
        (box(0, 10, 0, 6), box(0, 10, 6, 12), 0),
        (box(0, 10, 0, 6), box(0, 10, 3, 9), (30 / 90 + 30 / 90) / 2),
        (box(2, 4, 2, 4), box(2, 4, 2, 6), (4 / 8 + 112 / 116) / 2),
        (box(0, 10, 0, 12), box(0, 10, 0, 12), 1),
        (box(0, 0, 0, 0), box(0, 10, 0, 12), 0),
    ],
)
def test_mean_iou_of_boxes(mask, truth, wanted):
    assert mean_iou(mask, truth) == pytest.approx(wanted)


@few
@given(pairs)
def test_mean_iou_is_the_same_for_the_reverse(pair):
    ours, theirs = pair
    assert mean_iou(ours, theirs) == pytest.approx(mean_iou(~ours, ~theirs))
    assert mean_iou(ours, theirs) == pytest.approx((iou(ours, theirs) + iou(~ours, ~theirs)) / 2)


def test_the_outline_of_a_box():
    wanted = box(1, 5, 1, 6) & ~box(2, 4, 2, 5)  # 2×3 pixels inside: one more to the left and above
    assert np.array_equal(outline(box(2, 5, 2, 6)), wanted)


@pytest.mark.parametrize("mask", [box(0, 10, 0, 12), box(0, 0, 0, 0)])
def test_the_border_of_the_picture_is_no_outline(mask):
    assert not outline(mask).any()


@few
@given(masks, st.integers(0, 6))
def test_dilation_is_a_disc_around_every_pixel(mask, radius):
    wanted = np.zeros_like(mask)
    for row, column in np.argwhere(mask):
        for y, x in np.ndindex(mask.shape):
            away = abs(y - row)
            wanted[y, x] |= away <= radius and abs(x - column) <= round(math.sqrt(radius**2 - away**2))
    assert np.array_equal(dilated(mask, radius), wanted)


def half(column, shape=(60, 80)):
    """Everything left of a column, in a picture whose diagonal is 100: the tolerance is one pixel."""
    mask = np.zeros(shape, bool)
    mask[:, :column] = True
    return mask


@pytest.mark.parametrize(("column", "wanted"), [(40, 1), (41, 1), (39, 1), (42, 0), (38, 0), (0, 0)])
def test_boundary_f_forgives_the_tolerance_and_no_more(column, wanted):
    assert boundary_f(half(column), half(40)) == boundary_f(half(40), half(column)) == wanted


@pytest.mark.parametrize(("tolerance", "wanted"), [(0.05, 1), (0.049, 1), (0.04, 0), (0.0, 0)])
def test_the_tolerance_is_rounded_up(tolerance, wanted):
    assert boundary_f(half(45), half(40), tolerance) == wanted


def test_boundary_f_is_the_mean_of_precision_and_recall():
    truth = half(40)
    mask = truth.copy()
    mask[:30, :50] = True  # the upper half is off, with a step of ten pixels between
    # of 60 pixels down and 10 across, those below the step agree, and two at its foot
    precision, recall = (30 + 1 + 1) / (60 + 10), (30 + 1 + 1) / 60
    assert boundary_f(mask, truth) == pytest.approx(2 * precision * recall / (precision + recall))


def test_boundary_f_without_outlines():
    assert boundary_f(half(0), half(0)) == boundary_f(half(80), half(0)) == 1
    assert boundary_f(half(0), half(40)) == boundary_f(half(40), half(80)) == 0


@few
@given(pairs)
def test_boundary_f_is_symmetric_in_range_and_one_for_itself(pair):
    ours, theirs = pair
    assert boundary_f(ours, theirs) == pytest.approx(boundary_f(theirs, ours))
    assert 0 <= boundary_f(ours, theirs) <= 1
    assert boundary_f(ours, ours) == 1


def test_differences_of_alpha():
    alpha, truth = np.array([[0.0, 0.5], [1.0, 0.25]]), np.array([[0.0, 1.0], [1.0, 0.0]])
    assert mad(alpha, truth) == pytest.approx((0.5 + 0.25) / 4)
    assert mse(alpha, truth) == pytest.approx((0.25 + 0.0625) / 4)


@few
@given(alphas, alphas)
def test_differences_of_alpha_agree_with_each_other(alpha, truth):
    assert mad(alpha, truth) ** 2 - 1e-9 <= mse(alpha, truth) <= mad(alpha, truth) + 1e-9
    assert mad(alpha, truth) == mad(truth, alpha)
    assert mse(alpha, alpha) == mad(alpha, alpha) == 0


@pytest.mark.parametrize("measure", [mad, mse])
def test_alpha_may_be_levels_or_truth_and_falsehood(measure):
    levels, truth = np.array([[0, 51, 255]], np.uint8), np.array([[True, False, True]])
    assert measure(levels, truth) == pytest.approx(measure(levels / 255, truth.astype(float)))


def test_flicker_counts_only_where_the_truth_stands_still():
    before, truth = np.zeros((6, 8)), np.zeros((6, 8))
    truth[:, 0] = 1  # somebody came in at the left: columns 0 and 1, its neighbour, do not count
    alpha = np.zeros((6, 8))
    alpha[:, :2] = 1
    assert flicker(alpha, before, truth, before) == 0
    alpha[0, 2] = 0.5
    alpha[5, 7] = 0.25
    assert flicker(alpha, before, truth, before) == pytest.approx(0.75 / 36)


def test_a_truth_that_changes_a_little_stands_still():
    before, alpha = np.zeros((4, 4)), np.full((4, 4), 0.5)
    assert flicker(alpha, before, before + 0.02, before) == 0.5
    assert flicker(alpha, before, before + 0.03, before) == 0


def test_dtssd_is_of_the_changes():
    before = np.full((1, 4), 0.2)
    alpha = before + np.array([[0.5, 0, 0, 0]])
    truth_before, truth = np.zeros((1, 4)), np.array([[0.5, 0.3, 0, 0]])
    assert dtssd(alpha, before, truth, truth_before) == pytest.approx(math.sqrt(0.3**2 / 4))


@few
@given(alphas, alphas, alphas)
def test_a_mask_that_is_wrong_in_the_same_way_all_the_time_does_not_flicker(truth, before, alpha):
    off = 0.3 * alpha
    assert dtssd(truth + off, before + off, truth, before) == pytest.approx(0, abs=1e-9)
    assert flicker(alpha, alpha, truth, before) == 0
    assert 0 <= flicker(alpha, before, truth, truth) == pytest.approx(mad(alpha, before))


def test_the_shortfall_is_a_mean():
    assert shortfall([0.5, 0.75], [1.0, 0.75]) == 0.25
    assert shortfall([1.0], [0.75]) == -0.25
    with pytest.raises(ValueError, match="no frame"):
        shortfall([], [])
    with pytest.raises(ValueError, match="argument 2"):
        shortfall([1.0], [1.0, 1.0])


@pytest.mark.parametrize(
    ("ious", "wanted"),
    [([0.9, 0.9, 0.9], 0), ([0.5, 0.895, 0.9], 1), ([0.5, 0.88, 0.95], 2), ([0.5, 0.6, 0.88], 3), ([], 0)],
)
def test_frames_until_the_iou_is_back(ious, wanted):
    assert frames_until_back(ious, [0.9] * len(ious)) == wanted


def test_back_is_measured_against_the_same_frame():
    assert frames_until_back([0.5, 0.5], [0.9, 0.505]) == 1
    assert frames_until_back([0.5, 0.5], [0.9, 0.6], within=0.1) == 1
