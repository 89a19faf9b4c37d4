"""Live: the newest frame on time, the background alone whenever anything fails, and never the room."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from frames import as_format, flat
from hypothesis import given, settings
from hypothesis import strategies as st
from live_runs import BEHIND, SIZE, Camera, Screen, ours, pipeline, room, shows_room, stage, until, white

import livematte
from livematte import Frame, InputError, Matte, OutputError
from livematte.live import Choice, LivePipeline, Shot
from livematte.live.canvas import Canvas
from livematte.live.feeds import SourceClock
from livematte.live.latency import STEP, Latencies
from livematte.live.latest import Latest
from livematte.live.maker import Maker, StageError
from livematte.live.stage import SceneStage

GREY = (37, 37, 37)  # luma 48 of limited range


class FaultError(Exception):
    pass


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    yield
    until(lambda: ours() == [], "threads end")


# what goes through


def test_the_person_is_shown_before_the_background_on_time() -> None:
    screen = Screen()
    with pipeline(Camera(60), screen) as live:
        until(lambda: live.tally.composed >= 60)
        until(lambda: screen.shows_person() and not live.is_alone)
        assert live.faults == []
    assert not any(map(shows_room, screen.pictures))
    tally = live.tally
    assert 0 <= tally.captured - tally.late - tally.failed - tally.composed <= 2
    assert 0 <= tally.composed + tally.repeated + tally.alone - tally.sent <= 2
    assert np.all(np.diff(screen.times) > 0)
    p50, p95, p99 = live.latencies.percentiles()
    assert 0 < p50 <= p95 <= p99


def test_a_slow_stage_gets_the_newest_frame_and_nothing_queues() -> None:
    screen, lags = Screen(), []

    def slow(frame: Frame) -> Matte:
        time.sleep(0.1)
        return white(frame)

    with pipeline(Camera(100), screen, segment=slow) as live:
        for wanted in range(1, 9):
            until(lambda wanted=wanted: live.tally.composed >= wanted)
            lags.append(live.latencies.percentiles()[2])
        tally = live.tally
    # 0.1 s for the frame itself, and at most as long for the one that was waiting
    assert lags[-1] < 260
    assert tally.late > 4 * tally.composed
    assert tally.repeated > tally.composed  # on time none the less


def test_what_the_source_shows_late_is_dropped_and_counted() -> None:
    screen = Screen()

    def instead(number: int) -> Any:
        return LATE if number % 2 else None

    class Halting(Camera):
        def __call__(self) -> Iterator[Shot | None]:
            for shot in super().__call__():
                yield None if shot is LATE else shot

    with pipeline(Halting(100, instead), screen) as live:
        until(lambda: live.tally.composed >= 20)
    assert live.tally.late >= 20


LATE = object()


def test_a_source_that_gives_another_size_is_fitted() -> None:
    screen = Screen()
    small = as_format(room((48, 64)), "yuv420p")
    wide = as_format(room((130, 40)), "yuv444p")

    def instead(number: int) -> Shot | None:
        other = {0: None, 1: small, 2: wide}[number // 20 % 3]
        return Shot(other, time.monotonic()) if other else None

    with pipeline(Camera(60, instead), screen) as live:
        until(lambda: live.tally.composed >= 80)
    assert live.tally.failed == 0
    assert {picture.shape for picture in screen.pictures} == {(64, 96, 3)}
    assert not any(map(shows_room, screen.pictures))


def test_a_turned_source_is_shown_upright() -> None:
    turned = room((64, 96)).copy()
    turned[:16, :] = (0, 255, 0)  # a green ceiling, stored on its side
    stored = np.ascontiguousarray(livematte.Orientation.TURNED_RIGHT.stored(turned))
    frame = as_format(stored, "yuv420p")
    frame = Frame(frame.image, None, livematte.Orientation.TURNED_RIGHT)
    fitted = Canvas(64, 96).fitted(frame).rgb()
    assert fitted.shape == (96, 64, 3)
    assert fitted[4, 32, 1] > 200
    assert fitted[4, 32, 0] < 60


@pytest.mark.parametrize("background", ["own", "blur", "bokeh", "pixelate", "grey"])
def test_of_a_background_made_from_the_room_only_plain_grey_is_shown_alone(background: str) -> None:
    alone = stage(Choice(background)).alone(Canvas(*SIZE)).rgb()
    assert (abs(alone.astype(int) - GREY) < 6).all()


def test_a_background_of_somebody_elses_making_is_not_asked_for_what_is_shown_alone() -> None:
    class Remembering:
        def planes(self, frame: Frame, levels: np.ndarray) -> list[np.ndarray]:
            return as_format(flat(SIZE, (200, 0, 200)), "yuv420p").planes()

    alone = stage(Choice(Remembering())).alone(Canvas(*SIZE)).rgb()
    assert (abs(alone.astype(int) - GREY) < 6).all()


def test_the_background_alone_is_the_photo_with_its_style(tmp_path: Path) -> None:
    photo = np.zeros((64, 96, 3), np.uint8)
    photo[:, :48], photo[:, 48:] = (250, 200, 0), (0, 60, 250)
    choice = Choice(photo, style=livematte.Style(saturation=0, shadow=0.5, light_wrap=0.5, match=0.5))
    alone = stage(choice).alone(Canvas(*SIZE)).rgb().astype(int)
    assert alone[:, :40].mean() > alone[:, 56:].mean() + 60
    assert abs(alone - alone.mean(axis=2, keepdims=True)).max() < 8


# faults, one after the other at each stage


def during(first: int, last: int, fault: Any) -> Any:
    """Counts its calls; from the first to the last of them it raises the fault or gives it back."""
    calls = 0

    def instead(*given: Any) -> Any:
        nonlocal calls
        calls += 1
        if first <= calls <= last:
            if isinstance(fault, Exception):
                raise fault
            return fault(*given) if callable(fault) else fault
        return None

    return instead


def or_else(instead: Any, work: Any) -> Any:
    """A stage that gives what `instead` gives, or else works."""

    def stage(*given: Any) -> Any:
        other = instead(*given)
        return work(*given) if other is None else other

    return stage


def all_of_it(frame: Frame) -> Matte:
    return Matte(np.full((frame.height, frame.width), 255, np.uint8), np.ones((4, 4), np.float32))


def no_numbers(frame: Frame) -> Matte:
    return Matte(np.full((frame.height, frame.width), 255, np.uint8), np.full((4, 4), np.nan, np.float32))


def wrong_size(frame: Frame) -> Matte:
    return Matte(np.full((8, 8), 255, np.uint8), np.ones((4, 4), np.float32))


SOURCE_FAULTS = {
    "raises": FaultError("the cable is out"),
    "goes away": InputError("the camera is gone"),
    "memory": MemoryError(),
    "is no shot": "garbage",
    "is no picture": Shot("garbage", 0.0),  # type: ignore[arg-type]
    "is nothing": Shot(None, 0.0),  # type: ignore[arg-type]
}
NETWORK_FAULTS = {
    "raises": FaultError("no network"),
    "whole picture": all_of_it,
    "no numbers": no_numbers,
    "wrong size": wrong_size,
    "no matte": lambda frame: "garbage",
}


@pytest.mark.parametrize("fault", SOURCE_FAULTS)
def test_a_fault_of_the_source_shows_the_background_alone_until_it_is_over(fault: str) -> None:
    screen = Screen()
    camera = Camera(60, during(20, 22, SOURCE_FAULTS[fault]))
    with pipeline(camera, screen) as live:
        recovers(live, screen, "source")


@pytest.mark.parametrize("fault", NETWORK_FAULTS)
def test_a_fault_of_the_network_shows_the_background_alone_until_it_is_over(fault: str) -> None:
    screen = Screen()
    segment = or_else(during(20, 24, NETWORK_FAULTS[fault]), white)
    with pipeline(Camera(60), screen, segment=segment) as live:
        recovers(live, screen, "network")
    assert live.tally.failed >= 5


def test_a_fault_of_the_composition_shows_the_background_alone_until_it_is_over() -> None:
    screen = Screen()
    fault = during(20, 24, FaultError("no scene"))

    class Faulty(SceneStage):
        def __call__(self, frame: Frame, matte: Matte) -> Frame:
            fault()
            return super().__call__(frame, matte)

    from livematte.report import Stopwatch

    with pipeline(Camera(60), screen, stage=lambda choice: Faulty(choice, Stopwatch())) as live:
        recovers(live, screen, "composite")


def test_an_effect_that_gives_another_size_shows_the_background_alone_until_it_is_over() -> None:
    screen = Screen()
    fault = during(20, 24, lambda: as_format(room((32, 32)), "yuv420p"))

    class Effect:
        def apply(self, frame: Frame, matte: Matte) -> Frame:
            return fault() or frame

    with pipeline(Camera(60), screen, choice=Choice("teal", effects=[Effect()])) as live:
        recovers(live, screen, "composite")


def recovers(live: LivePipeline, screen: Screen, where: str) -> None:
    """First people, then the background alone and a word of why, then people again; never the room."""
    until(lambda: any(fault.startswith(where) for fault in live.faults), f"a fault of {where} is told")
    assert live.tally.composed >= 5
    kinds = ("person", "person") if where == "source" else ("person", "alone", "person")
    until(lambda: screen.showed(*kinds) and live.faults == [], "all is well again")
    assert not any(map(shows_room, screen.pictures))


def test_a_network_that_is_missing_shows_the_background_alone_until_it_is_there(tmp_path: Path) -> None:
    screen, network = Screen(), tmp_path / "net.tflite"

    def segmenter() -> livematte.Segmenter:
        return livematte.Segmenter(network, threads=1)

    with pipeline(Camera(30), screen, segmenter=segmenter) as live:
        until(lambda: any("net.tflite: no such network file" in fault for fault in live.faults))
        until(lambda: screen.shows(BEHIND))
        network.write_bytes(b"no network either")
        until(lambda: any("not a LiteRT network" in fault for fault in live.faults))
        weights = Path(livematte.__file__).parent / "segment" / "weights" / "best-256x256.tflite"
        network.unlink()
        os.link(weights, network)
        until(lambda: live.tally.composed >= 5, "the network is there")
    assert live.faults == []


def test_a_source_that_begins_with_garbage_sets_no_size() -> None:
    screen = Screen()
    with pipeline(Camera(60, during(1, 20, Shot("garbage", 0.0))), screen) as live:  # type: ignore[arg-type]
        until(lambda: live.tally.composed >= 10 and screen.shows_person())
    assert {picture.shape for picture in screen.pictures} == {(64, 96, 3)}


def test_a_silent_source_shows_the_last_picture_shortly_then_the_background_alone() -> None:
    screen = Screen()

    def silence(number: int) -> None:
        if number == 30:
            time.sleep(1.2)

    with pipeline(Camera(60, silence), screen) as live:
        until(lambda: screen.showed("person", "alone", "person"))
    assert live.tally.repeated > 0
    assert np.diff(screen.times).max() < 0.6  # no gap as long as the silence


def test_a_stage_that_hangs_shows_the_background_alone_meanwhile() -> None:
    screen = Screen()

    def hangs(frame: Frame) -> Matte:
        if live.tally.composed == 20:
            time.sleep(1.2)
        return white(frame)

    with pipeline(Camera(60), screen, segment=hangs) as live:
        until(lambda: screen.showed("person", "alone", "person"))
    assert not any(map(shows_room, screen.pictures))


def test_a_source_that_never_comes_shows_the_background_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("livematte.live.pipeline.START", 0.2)
    screen = Screen()

    def nothing() -> Iterator[Shot]:
        raise InputError("no camera was found")

    with pipeline(nothing, screen) as live:
        until(lambda: screen.shows(BEHIND))
        assert live.faults == ["source: no camera was found"]
    assert screen.pictures[0].shape == (720, 1280, 3)
    assert live.tally.composed == 0


def test_where_even_the_background_cannot_be_made_plain_grey_is_shown() -> None:
    screen = Screen()

    def none(choice: Choice) -> SceneStage:
        raise FaultError("no background")

    with pipeline(Camera(60), screen, stage=none) as live:
        until(lambda: live.tally.failed >= 3)
        until(lambda: screen.shows(GREY))
        assert any("no background" in fault for fault in live.faults)
    assert not any(map(shows_room, screen.pictures))


def test_an_outlet_that_fails_is_opened_again_and_the_others_go_on() -> None:
    broken = Screen(during(10, 11, OutputError("the server is gone")))
    whole = Screen()
    live = LivePipeline(
        Camera(60), [broken.outlet, whole.outlet], lambda: white, stage, Choice("teal"), size=SIZE
    )
    with live:
        until(lambda: any("the server is gone" in fault for fault in live.faults))
        number = whole.number
        until(lambda: whole.number > number + 10, "the other goes on")
        number = broken.number
        until(lambda: broken.number > number + 10 and live.faults == [], "it comes again")
    assert broken.opened > 1
    assert live.senders[0].reopened == broken.opened - 1
    assert not any(map(shows_room, broken.pictures + whole.pictures))


def test_an_outlet_that_hangs_holds_up_nothing() -> None:
    go = threading.Event()
    hanging, whole = Screen(lambda number: number == 5 and go.wait(20)), Screen()
    live = LivePipeline(
        Camera(60), [hanging.outlet, whole.outlet], lambda: white, stage, Choice("teal"), size=SIZE
    )
    with live:
        until(lambda: whole.number > 60, "the other goes on")
        assert hanging.number == 5
        go.set()
    assert live.senders[0].dropped > 30


@settings(max_examples=40)
@given(st.lists(st.sampled_from(["raise", "whole", "none", "good"]), min_size=1, max_size=12))
def test_no_order_of_faults_shows_the_room(faults: list[str]) -> None:
    """The maker, frame by frame, without threads."""
    kinds = {"raise": FaultError(), "whole": all_of_it, "none": "garbage"}
    numbers = iter(faults)

    def segment(frame: Frame) -> Any:
        fault = kinds.get(next(numbers))
        if isinstance(fault, Exception):
            raise fault
        return fault(frame) if callable(fault) else fault or white(frame)

    maker = Maker(Canvas(*SIZE), lambda: segment, stage)
    maker.choose(Choice("teal"))
    frame = as_format(room(), "yuv420p")
    for fault in faults:
        if fault == "good":
            shown = maker(frame, Fraction(0))
        else:
            with pytest.raises(StageError, match="network: "):
                maker(frame, Fraction(0))
            shown = maker.cover
        assert not shows_room(shown.rgb())
    maker.close()


# changes while it runs


def test_what_is_shown_can_be_changed_while_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    # a machine that stalls is no fault: only one that fails shows the background alone here
    monkeypatch.setattr("livematte.live.pipeline.HOLD", 60.0)
    screen = Screen()
    with pipeline(Camera(60), screen) as live:
        until(screen.shows_person)
        live.change(background="navy")
        until(lambda: tuple(screen.pictures[-1][2, 2] // 50) == (0, 0, 2), "a navy background")
        live.hidden = True
        until(lambda: screen.shows((0, 0, 128)), "hidden")
        live.hidden = False
        until(screen.shows_person)
        shown = len(screen.kinds)
        live.change(background="nothing.jpg")
        until(lambda: any("nothing.jpg" in fault for fault in live.faults))
        until(lambda: len(screen.kinds) > shown + 10)
        assert set(screen.kinds[shown:]) == {"person"}
        live.change(background="teal")
        until(lambda: live.faults == [])
    assert not any(map(shows_room, screen.pictures))


# parts


def test_latest_keeps_the_newest_and_counts_the_rest() -> None:
    line: Latest[int] = Latest(2)
    for number in range(5):
        line.put(number)
    assert [line.get(0), line.get(0), line.get(0)] == [3, 4, None]
    assert line.dropped == 3


@given(st.lists(st.floats(0, 4.9), min_size=1, max_size=300))
def test_percentiles_are_those_of_the_values(seconds: list[float]) -> None:
    latencies = Latencies()
    for one in seconds:
        latencies.add(one)
    exact = np.percentile(np.array(seconds) * 1000, [50, 95, 99], method="inverted_cdf")
    assert np.all(np.abs(np.array(latencies.percentiles()) - exact) <= STEP)


def test_the_source_clock_tells_how_late_a_packet_is() -> None:
    clock = SourceClock()
    for number in range(100):
        stamp = number / 25
        delay = 0.2 if number % 10 == 5 else 0.01
        captured = clock.captured(1000 + stamp, 50 + stamp + delay)
        if number > 10:
            assert abs((50 + stamp + delay - captured) - (delay - 0.01)) < 0.02


def test_the_source_clock_finds_the_newest_in_a_burst() -> None:
    """What a server kept of the last seconds comes at once: only its newest is of now."""
    clock = SourceClock()
    for number in range(50):
        clock.captured(number / 25, 10 + number / 1000)
    assert 10.049 - clock.captured(49 / 25, 10.049) < 0.001
    assert 10.049 - clock.at(0.0) > 1.9


def test_the_source_clock_follows_a_clock_that_was_set() -> None:
    clock = SourceClock()
    for number in range(50):
        clock.captured(number / 25, 10 + number / 25)
    assert abs(clock.captured(5000.0, 12.0) - 12.0) < 0.01
    assert abs(clock.captured(3.0, 12.1) - 12.1) < 0.01
