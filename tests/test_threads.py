"""Work beside the main loop: in order, bounded, and gone when it is no longer wanted."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Iterator
from itertools import count

import pytest

from livematte.threads import Behind, ahead

DEPTHS = [1, 4]


class FaultError(Exception):
    pass


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    yield
    assert ours() == []


def ours() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("livematte-")]


def wait_until(holds: Callable[[], bool], seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


def failing(after: int, error: BaseException) -> Iterator[int]:
    yield from range(after)
    raise error


# ahead


@pytest.mark.parametrize("number", [0, 1, 100])
@pytest.mark.parametrize("depth", DEPTHS)
def test_ahead_keeps_the_order(depth: int, number: int) -> None:
    assert list(ahead(range(number), depth)) == list(range(number))


def test_ahead_hands_on_none_as_an_item() -> None:
    assert list(ahead([None, 1, None], 2)) == [None, 1, None]


def test_ahead_works_in_a_thread_of_its_own() -> None:
    names = ahead((threading.current_thread().name for _ in range(3)), 2)
    assert set(names) == {"livematte-ahead"}


class Thing:
    """Something whose end can be watched."""


def test_what_is_handed_on_is_not_held_until_the_next_comes() -> None:
    more = threading.Event()

    def make() -> Iterator[Thing]:
        yield Thing()
        more.wait()

    items = ahead(make(), 1)
    thing = weakref.ref(next(items))
    wait_until(lambda: thing() is None)
    more.set()
    items.close()


def test_what_was_worked_on_behind_is_not_held() -> None:
    done = threading.Event()
    with Behind(lambda thing: done.set(), 1) as behind:
        given = Thing()
        thing = weakref.ref(given)
        behind.put(given)
        del given
        assert done.wait(5)
        wait_until(lambda: thing() is None)


@pytest.mark.parametrize("depth", DEPTHS)
def test_ahead_makes_no_more_than_may_wait(depth: int) -> None:
    made = 0

    def make() -> Iterator[int]:
        nonlocal made
        while True:
            made += 1
            yield made

    items = ahead(make(), depth)
    for taken in range(1, 4):
        assert next(items) == taken
        # `depth` wait and one more is in the maker's hands
        wait_until(lambda least=taken + depth: made >= least)
        time.sleep(0.15)
        assert made <= taken + depth + 1
    items.close()


@pytest.mark.parametrize("error", [FaultError("here"), KeyboardInterrupt()], ids=["fault", "ctrl-c"])
@pytest.mark.parametrize("after", [0, 1, 10])
def test_aheads_error_comes_after_the_items_before_it(after: int, error: BaseException) -> None:
    taken: list[int] = []
    with pytest.raises(type(error)) as caught:
        taken.extend(item for item in ahead(failing(after, error), 3))
    assert caught.value is error
    assert taken == list(range(after))


@pytest.mark.parametrize("taken", [1, 5])
def test_closing_ahead_early_ends_its_thread(taken: int) -> None:
    items = ahead(count(), 2)
    for _ in range(taken):
        next(items)
    assert ours() == ["livematte-ahead"]
    items.close()
    assert ours() == []


def test_ahead_starts_no_thread_before_it_is_asked() -> None:
    items = ahead(count(), 2)
    assert ours() == []
    items.close()


def test_a_fault_of_the_consumer_ends_aheads_thread() -> None:
    def consume() -> None:
        for item in ahead(count(), 2):
            if item == 3:
                raise FaultError

    with pytest.raises(FaultError):
        consume()


# Behind


@pytest.mark.parametrize("number", [0, 1, 100])
@pytest.mark.parametrize("depth", DEPTHS)
def test_behind_does_all_in_order_before_the_block_is_left(depth: int, number: int) -> None:
    done: list[int] = []
    with Behind(done.append, depth) as behind:
        for item in range(number):
            behind.put(item)
    assert done == list(range(number))


def test_behind_hands_on_none_as_an_item() -> None:
    done: list[None] = []
    with Behind(done.append, 2) as behind:
        behind.put(None)
        behind.put(None)
    assert done == [None, None]


@pytest.mark.parametrize("depth", DEPTHS)
def test_behind_lets_no_more_wait(depth: int) -> None:
    gate, begun, put = threading.Event(), threading.Event(), []

    def work(_: int) -> None:
        begun.set()
        gate.wait(10)

    def fill() -> None:
        with Behind(work, depth) as behind:
            for item in range(depth + 5):
                behind.put(item)
                put.append(item)

    filler = threading.Thread(target=fill)
    filler.start()
    try:
        assert begun.wait(5)
        wait_until(lambda: len(put) >= depth + 1)  # one is at work, `depth` wait
        time.sleep(0.15)
        assert len(put) == depth + 1
    finally:
        gate.set()
        filler.join()
    assert len(put) == depth + 5


def work_that_fails(at: int) -> Callable[[int], None]:
    def work(item: int) -> None:
        if item == at:
            raise FaultError(str(item))

    return work


def test_behinds_error_is_raised_by_a_later_put() -> None:
    def run() -> None:
        with Behind(work_that_fails(2), 2) as behind:
            for item in count():
                behind.put(item)
                assert item < 1000

    with pytest.raises(FaultError, match="2"):
        run()


def test_behinds_error_on_the_last_item_is_raised_on_leaving() -> None:
    put = []

    def run() -> None:
        with Behind(work_that_fails(2), 4) as behind:
            for item in range(3):
                behind.put(item)
                put.append(item)

    with pytest.raises(FaultError, match="2"):
        run()
    assert put == [0, 1, 2]


def test_behind_does_nothing_more_after_an_error() -> None:
    done = []

    def work(item: int) -> None:
        done.append(item)
        raise FaultError

    def run() -> None:
        with Behind(work, 4) as behind:
            for item in range(4):
                behind.put(item)

    with pytest.raises(FaultError):
        run()
    assert done == [0]


@pytest.mark.parametrize("stop", [FaultError(), KeyboardInterrupt()], ids=["fault", "ctrl-c"])
def test_what_waits_is_dropped_when_the_block_is_left_by_an_exception(stop: BaseException) -> None:
    done, begun = [], threading.Event()

    def work(item: int) -> None:
        begun.set()
        time.sleep(0.1)
        done.append(item)

    def run() -> None:
        with Behind(work, 4) as behind:
            for item in range(4):
                behind.put(item)
            assert begun.wait(5)
            raise stop

    with pytest.raises(type(stop)):
        run()
    assert done in ([], [0])  # the one at work is finished, those behind it are not begun


def test_the_blocks_own_error_comes_before_behinds() -> None:
    failed = threading.Event()

    def work(_: int) -> None:
        failed.set()
        raise FaultError

    def run() -> None:
        with Behind(work, 2) as behind:
            behind.put(0)
            assert failed.wait(5)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run()


def test_both_side_by_side_under_ctrl_c() -> None:
    done: list[int] = []

    def run() -> None:
        items = ahead(count(), 2)
        try:
            with Behind(done.append, 2) as behind:
                for item in items:
                    behind.put(item)
                    if item == 20:
                        raise KeyboardInterrupt
        finally:
            items.close()

    with pytest.raises(KeyboardInterrupt):
        run()
    assert done == list(range(len(done)))
