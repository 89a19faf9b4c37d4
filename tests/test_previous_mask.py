from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="the simulated masks are torch tensors")

from livematte.lab.previous_mask import (  # noqa: E402
    Mix,
    affine_large,
    affine_small,
    empty,
    roughen,
    simulate,
    thin_plate_spline,
)

torch.set_num_threads(1)

HEIGHT, WIDTH = 48, 64
KINDS = ("empty", "small", "large", "spline", "clip")
few = settings(deadline=None, max_examples=12, derandomize=True, database=None)
seeds = st.integers(0, 2**31)
sizes = st.floats(0.5, 0.9)
places = st.tuples(st.floats(0, 1), st.floats(0, 1))


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def people(size, place, count=1, height=HEIGHT, width=WIDTH):
    """A head over shoulders, `size` of each side large, touching no border: 15 to 51 % of the picture."""
    room = 1 - size - 0.06
    x0, y0 = (0.03 + size / 2 + share * room for share in place)
    y = ((torch.arange(height) + 0.5) / height)[:, None]
    x = ((torch.arange(width) + 0.5) / width)[None]
    head = ((x - x0) / (0.28 * size)) ** 2 + ((y - y0 + 0.22 * size) / (0.28 * size)) ** 2 < 1
    body = ((x - x0) / (0.5 * size)) ** 2 + ((y - y0 - 0.25 * size) / (0.25 * size)) ** 2 < 1
    return (head | body).float().repeat(count, 1, 1, 1)


def ious(ours, theirs):
    ours, theirs = ours > 0.5, theirs > 0.5
    return (ours & theirs).sum((1, 2, 3)) / (ours | theirs).sum((1, 2, 3))


def same(ours, theirs):
    return (ours == theirs).flatten(1).all(1)


def simulated(kind, truth, earlier=None, is_clip=None, seed=1):
    mix = Mix(**{name: float(name == kind) for name in KINDS})
    earlier = torch.zeros_like(truth) if earlier is None else earlier
    is_clip = torch.ones(len(truth), dtype=torch.bool) if is_clip is None else is_clip
    return simulate(truth.repeat(1, 3, 1, 1), truth, earlier, is_clip, mix, seeded(seed))


@pytest.mark.parametrize("size", [0.5, 0.9])
@pytest.mark.parametrize("place", [(0, 0), (1, 1), (0.5, 0.5)])
def test_the_people_of_these_tests_are_large_and_touch_no_border(size, place):
    mask = people(size, place)[0, 0]
    assert 0.15 < mask.mean() < 0.55
    assert mask[[0, -1]].max() == mask[:, [0, -1]].max() == 0


@few
@given(sizes, places)
def test_empty_is_zero_everywhere(size, place):
    truth = people(size, place)
    assert empty(truth).shape == truth.shape
    assert empty(truth).count_nonzero() == 0


@few
@given(sizes, places, seeds)
def test_a_small_move_stays_close_to_the_truth_but_is_one(size, place, seed):
    truth = people(size, place, 64)
    overlap = ious(affine_small(truth, seeded(seed)), truth)
    assert overlap.min() > 0.75
    assert overlap.mean() < 0.97


@few
@given(seeds)
def test_a_small_move_leaves_no_gap_where_a_person_is_cut_off_by_the_frame(seed):
    everywhere = torch.ones(32, 1, HEIGHT, WIDTH)
    torch.testing.assert_close(affine_small(everywhere, seeded(seed)), everywhere)


@few
@given(sizes, places, seeds)
def test_a_large_move_is_far_off_even_for_a_batch_of_one(size, place, seed):
    random = seeded(seed)
    truth = people(size, place)
    moved = torch.cat([affine_large(truth, random) for _ in range(24)])
    overlap = ious(moved, truth.expand_as(moved))
    assert overlap.max() < 0.45
    assert moved.flatten(1).amax(1).mean() > 0.5, "far off, not gone"


@few
@given(st.floats(0.5, 0.6), seeds)
def test_a_large_move_in_a_batch_is_far_off_or_a_neighbours_mask(size, seed):
    truth = torch.cat([people(size, (0, 0)), people(size, (1, 1))] * 24)
    moved = affine_large(truth, seeded(seed))
    swapped = same(moved, truth.roll(1, 0))
    assert ious(moved, truth).max() < 0.65
    assert 0.15 < swapped.float().mean() < 0.55


@few
@given(st.sampled_from([1, 240]), seeds)
def test_a_sixth_of_what_is_far_off_is_the_mask_reversed(batch, seed):
    random, truth = seeded(seed), people(0.6, (0.4, 0.4), batch)
    moved = torch.cat([affine_large(truth, random) for _ in range(240 // batch)])
    assert 0.06 < same(moved, 1 - truth.expand_as(moved)).float().mean() < 0.28


@few
@given(sizes, places, seeds)
def test_the_spline_bends_picture_and_truth_alike(size, place, seed):
    truth = people(size, place, 4)
    picture, bent = thin_plate_spline(truth.repeat(1, 3, 1, 1), truth, seeded(seed))
    torch.testing.assert_close(picture, bent.expand_as(picture))


@few
@given(sizes, places, seeds)
def test_the_spline_bends_visibly_and_every_picture_otherwise(size, place, seed):
    truth = people(size, place, 32)
    _, bent = thin_plate_spline(truth.repeat(1, 3, 1, 1), truth, seeded(seed))
    overlap = ious(bent, truth)
    assert 0.5 < overlap.mean() < 0.9
    assert not same(bent[1:], bent[:-1]).any()


def test_a_spline_without_strength_moves_nothing():
    truth = people(0.7, (0.3, 0.8), 2)
    picture = torch.rand(2, 3, HEIGHT, WIDTH, generator=seeded(3))
    still, bent = thin_plate_spline(picture, truth, seeded(4), strength=0.0)
    torch.testing.assert_close((still, bent), (picture, truth), atol=1e-3, rtol=0)


@few
@given(seeds, st.booleans())
def test_roughen_stays_in_range_and_does_something(seed, hard):
    random = seeded(seed)
    mask = torch.rand(16, 1, HEIGHT, WIDTH, generator=random)
    mask = (mask > 0.5).float() if hard else mask
    rough = roughen(mask, random)
    assert rough.shape == mask.shape
    assert rough.min() >= 0
    assert rough.max() <= 1
    assert not same(rough, mask).all()


@few
@given(sizes, places, seeds)
def test_roughen_keeps_most_of_the_person(size, place, seed):
    truth = people(size, place, 64)
    overlap = ious(roughen(truth, seeded(seed)), truth)
    assert overlap.median() > 0.9
    assert overlap.min() > 0.55


@few
@given(sizes, places, seeds)
def test_only_empty_gives_no_previous_mask_and_leaves_the_rest(size, place, seed):
    truth = people(size, place, 8)
    picture, same_truth, previous = simulated("empty", truth, seed=seed)
    assert previous.count_nonzero() == 0
    assert torch.equal(same_truth, truth)
    assert torch.equal(picture, truth.expand_as(picture))


@pytest.mark.parametrize(("kind", "low", "high"), [("small", 0.7, 1.0), ("large", 0.0, 0.5)])
def test_only_one_affine_gives_that_one_and_leaves_the_rest(kind, low, high):
    truth = people(0.8, (0.5, 0.5), 1)
    overlap = []
    for seed in range(40):
        picture, same_truth, previous = simulated(kind, truth, seed=seed)
        assert torch.equal(same_truth, truth)
        assert torch.equal(picture, truth.expand_as(picture))
        overlap.append(ious(previous, truth))
    assert low <= torch.cat(overlap).mean() <= high


@few
@given(sizes, places, seeds)
def test_only_spline_bends_the_truth_and_leaves_previous(size, place, seed):
    truth = people(size, place, 32)
    picture, bent, previous = simulated("spline", truth, seed=seed)
    torch.testing.assert_close(picture, bent.expand_as(picture))
    assert ious(previous, truth).median() > 0.9
    assert ious(bent, truth).mean() < 0.9


@few
@given(seeds)
def test_only_clip_takes_the_earlier_mask_of_clips_and_the_truth_elsewhere(seed):
    truth, earlier = people(0.5, (0, 0), 32), people(0.5, (1, 1), 32)
    is_clip = torch.arange(32) % 2 == 0
    _, same_truth, previous = simulated("clip", truth, earlier, is_clip, seed)
    assert torch.equal(same_truth, truth)
    assert ious(previous, earlier)[is_clip].median() > 0.9
    assert ious(previous, truth)[~is_clip].median() > 0.75
    assert ious(previous, earlier)[~is_clip].max() < 0.5


@few
@given(seeds)
def test_the_full_mix_stays_in_range_and_changes_no_argument(seed):
    random = seeded(seed)
    given = torch.rand(16, 3, HEIGHT, WIDTH, generator=random), people(0.7, (0.2, 0.6), 16)
    kept = [tensor.clone() for tensor in given]
    results = simulate(*given, given[1], torch.ones(16, dtype=torch.bool), Mix(), random)
    assert all(torch.equal(a, b) for a, b in zip(given, kept, strict=True))
    for result, channels in zip(results, (3, 1, 1), strict=True):
        assert result.shape == (16, channels, HEIGHT, WIDTH)
        assert result.min() >= 0
        assert result.max() <= 1 + 1e-6


@pytest.mark.parametrize("kind", ["small", "spline", "clip"])
def test_some_masks_start_from_the_networks_own_and_the_truth_stays(kind):
    """The network of this test is wrong everywhere: it sees nobody."""
    truth, asked = people(0.7, (0.4, 0.4), 400), []
    mix = Mix(**{name: float(name == kind) for name in KINDS})

    def guess(pictures):
        asked.append(len(pictures))
        return torch.zeros(len(pictures), 1, HEIGHT, WIDTH)

    is_clip = torch.ones(400, dtype=torch.bool)
    _, kept, previous = simulate(truth.repeat(1, 3, 1, 1), truth, truth, is_clip, mix, seeded(3), guess)
    nobody = previous.mean((1, 2, 3)) < 0.1
    assert sum(asked) == nobody.sum()
    assert 0.22 < nobody.float().mean() < 0.38
    assert (kept.mean((1, 2, 3)) > 0.15).all()


def test_an_empty_mask_is_empty_whatever_the_network_thinks():
    truth = people(0.7, (0.4, 0.4), 32)
    mix = Mix(empty=1.0, small=0.0, large=0.0, spline=0.0, clip=0.0)
    given = truth.repeat(1, 3, 1, 1), truth, truth, torch.ones(32, dtype=torch.bool), mix, seeded(3)
    assert simulate(*given, lambda pictures: torch.ones(len(pictures), 1, HEIGHT, WIDTH))[2].max() == 0


@pytest.mark.parametrize("make", [affine_small, affine_large, roughen])
def test_a_mask_depends_on_nothing_but_the_seed(make):
    truth = people(0.7, (0.4, 0.4), 8)
    assert torch.equal(make(truth, seeded(5)), make(truth, seeded(5)))
    assert not torch.equal(make(truth, seeded(5)), make(truth, seeded(6)))


def test_a_simulation_depends_on_nothing_but_the_seed():
    truth = people(0.7, (0.4, 0.4), 16)

    def run(seed):
        is_clip = torch.ones(16, dtype=torch.bool)
        return torch.cat(simulate(truth.repeat(1, 3, 1, 1), truth, truth, is_clip, Mix(), seeded(seed)), 1)

    assert torch.equal(run(5), run(5))
    assert not torch.equal(run(5), run(6))


def test_the_mix_starts_mostly_empty_and_ends_as_it_is():
    start = Mix().at(0)
    weights = [getattr(start, name) for name in KINDS]
    assert start.empty / sum(weights) > 0.75
    assert start.large == start.spline == start.clip == 0
    assert Mix().at(1) == Mix()


@few
@given(st.floats(0, 1), st.floats(0, 1))
def test_the_mix_grows_less_empty_and_always_sums_to_one(one, other):
    first, second = Mix().at(min(one, other)), Mix().at(max(one, other))
    assert first.empty >= second.empty - 1e-9
    for mix in (first, second):
        weights = [getattr(mix, name) for name in KINDS]
        assert min(weights) >= 0
        assert sum(weights) == pytest.approx(1)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("progress", [0, 0.2, 1])
def test_what_a_mix_leaves_out_is_left_out_at_any_time(name, progress):
    without = replace(Mix(), **{name: 0}).at(progress)
    assert getattr(without, name) == 0
    assert sum(vars(without).values()) > 0


def test_a_mix_without_small_gives_stills_no_small_mask_for_a_clip_either():
    truth = people(0.5, (0, 0), 32)
    is_clip = torch.zeros(32, dtype=torch.bool)
    mix = Mix(empty=1e-9, small=0, large=0, spline=0, clip=1)
    _, _, previous = simulate(truth.repeat(1, 3, 1, 1), truth, truth, is_clip, mix, seeded(1))
    assert not previous.any()
