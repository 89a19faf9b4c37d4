import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from livematte.measure import iou

few = settings(deadline=None, max_examples=60, derandomize=True, database=None)
SHAPES = array_shapes(min_dims=2, max_dims=2, max_side=12)
masks = arrays(bool, SHAPES)
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
