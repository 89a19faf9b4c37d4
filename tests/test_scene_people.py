"""Whom to keep, through a clip."""

from __future__ import annotations

import numpy as np
import pytest

from livematte.errors import OptionError
from livematte.frame import Matte, Orientation
from livematte.scene.people import PATIENCE, Chooser

SMALL, LARGE = (90, 160), (360, 640)


def matte(*people: tuple[int, int, int], orientation: Orientation = Orientation.UPRIGHT) -> Matte:
    """Upright people as (column, row, half side) of the small mask, with soft edges at full size."""
    mask, levels = np.zeros(SMALL, np.float32), np.zeros(LARGE, np.uint8)
    for column, row, half in people:
        mask[row - half : row + half, column - half : column + half] = 1
        top, left, bottom, right = (
            4 * side for side in (row - half, column - half, row + half, column + half)
        )
        levels[top - 6 : bottom + 6, left - 6 : right + 6] = 90
        levels[top:bottom, left:right] = 255
    return Matte(np.ascontiguousarray(orientation.stored(levels)), mask, orientation)


def present(result: Matte, *people: tuple[int, int, int]) -> list[bool]:
    """Which of these people are there, soft edges and all; none may be there in part."""
    found = []
    upright = result.orientation.upright(result.levels)
    for column, row, half in people:
        reach = np.s_[
            4 * (row - half) - 6 : 4 * (row + half) + 6, 4 * (column - half) - 6 : 4 * (column + half) + 6
        ]
        levels = upright[reach]
        assert levels.min() == 90 or levels.max() == 0
        found.append(bool(levels.max() == 255))
    return found


BIG, SMALLER, CENTRAL = (30, 45, 18), (130, 45, 10), (80, 45, 9)


def test_everybody_stays_by_default() -> None:
    both = matte(BIG, SMALLER)
    assert Chooser("all")(both) is both


@pytest.mark.parametrize("orientation", list(Orientation))
@pytest.mark.parametrize(
    ("keep", "expected"), [("largest", [True, False, False]), ("middle", [False, False, True])]
)
def test_the_one_that_is_asked_for_stays_whole(
    keep: str, expected: list[bool], orientation: Orientation
) -> None:
    result = Chooser(keep)(matte(BIG, SMALLER, CENTRAL, orientation=orientation))
    assert present(result, BIG, SMALLER, CENTRAL) == expected
    assert result.mask.max() > 0.5
    assert result.levels.dtype == np.uint8


@pytest.mark.parametrize("keep", ["largest", "middle"])
def test_somebody_alone_is_left_as_they_are(keep: str) -> None:
    alone = matte(BIG)
    assert Chooser(keep)(alone) is alone


def test_the_first_choice_is_followed_when_another_grows_larger() -> None:
    chooser = Chooser("largest")
    for step in range(20):
        walker, passer = (30 + 2 * step, 30, 12), (130, 60, 4 + step)
        result = chooser(matte(walker, passer))
        assert present(result, walker)[0]
        assert result.levels[4 * 60, 4 * 130] == 0


def test_a_speck_in_the_middle_is_nobody() -> None:
    assert present(Chooser("middle")(matte(BIG, (80, 45, 3))), BIG, (80, 45, 3)) == [True, False]


def test_parts_of_one_person_stay_together() -> None:
    arm = (30 + 18 + 2 + 5, 45, 4)  # three pixels of the small mask away
    parts = matte(BIG, arm, SMALLER)
    upright = Chooser("largest")(parts).levels
    assert upright[4 * 45, 4 * arm[0]] == 255
    assert upright[4 * 45, 4 * SMALLER[0]] == 0


def test_nobody_takes_over_at_once_from_one_who_leaves_but_somebody_as_large_does() -> None:
    chooser = Chooser("largest")
    chooser(matte(BIG, SMALLER))
    for _ in range(PATIENCE - 1):
        assert chooser(matte(SMALLER)).levels.max() == 0
    follower = (120, 45, 16)
    assert present(chooser(matte(follower)), follower) == [True]


def test_after_a_while_whoever_is_there_is_taken() -> None:
    chooser = Chooser("largest")
    chooser(matte(BIG, SMALLER))
    for _ in range(PATIENCE):
        chooser(matte(SMALLER))
    assert present(chooser(matte(SMALLER)), SMALLER) == [True]


def test_one_who_is_missed_for_some_frames_is_found_again() -> None:
    chooser = Chooser("largest")
    chooser(matte(BIG, SMALLER))
    for _ in range(5):
        assert chooser(matte()).levels.max() == 0
    assert present(chooser(matte(BIG, SMALLER)), BIG, SMALLER) == [True, False]


def test_an_empty_beginning_waits_for_anybody() -> None:
    chooser = Chooser("largest")
    assert chooser(matte()).levels.max() == 0
    assert present(chooser(matte(SMALLER)), SMALLER) == [True]


def test_a_clip_whose_shape_changes_chooses_anew() -> None:
    chooser = Chooser("largest")
    chooser(matte(BIG, SMALLER))
    other = Matte(np.full((64, 64), 255, np.uint8), np.ones((32, 32), np.float32))
    assert chooser(other) is other


def test_a_word_that_is_none_is_refused() -> None:
    with pytest.raises(OptionError, match="all, largest, middle"):
        Chooser("nearest")
