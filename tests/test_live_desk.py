"""Keys, the panel and the preview window."""

from __future__ import annotations

import ctypes
import os
import pty
import sys
import time

import pytest
from frames import as_format, flat
from live_runs import Camera, Screen, pipeline, until

from livematte.live.desk import BACKGROUNDS, Desk, desk
from livematte.live.window import Window


class Typed:
    def __init__(self) -> None:
        self.waiting = ""

    def __call__(self) -> str:
        typed, self.waiting = self.waiting, ""
        return typed


def test_keys_change_what_is_shown() -> None:
    screen, keys, shown = Screen(), Typed(), []
    watch = Desk(keys, shown.append, None, "blur")
    number = len(watch.looks)
    with pipeline(Camera(60), screen, background="blur") as live:
        until(screen.shows_person)
        for key in "b" * len(BACKGROUNDS) + "k" + "l" * number:
            composed = live.tally.composed
            keys.waiting = key
            watch(live)
            until(lambda least=composed + 4: live.tally.composed >= least)
        keys.waiting = " "
        watch(live)
        assert live.hidden
        until(lambda: live.is_alone)
        keys.waiting = "xq"
        watch(live)
        assert live.stop.is_set()
    assert live.choice.look == watch.looks[-1]
    assert "noir" not in watch.looks
    assert live.choice.style.keep == "largest"
    assert shown[-1][0] == "background alone: as asked for"
    assert any(lines[0] == "on air" for lines in shown)


def test_no_key_leads_from_another_background_to_the_room() -> None:
    watch = Desk(str, print, None, "beach.jpg")
    assert watch.backgrounds == ["beach.jpg", "gradient:#8d9399,#3c4148", "green"]
    assert watch.looks == ["studio"]


def test_the_panel_says_why_the_background_is_alone() -> None:
    screen, shown = Screen(), []
    watch = Desk(str, shown.append, None, "teal")

    def broken(frame: object) -> None:
        raise RuntimeError("the network is out")

    with pipeline(Camera(60), screen, segment=broken) as live:
        until(lambda: live.tally.failed >= 2)
        watch(live)
    assert "network: RuntimeError: the network is out" in shown[-1][0]
    assert "failed" in shown[-1][-1]


def test_without_a_terminal_lines_tell_each_change(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen()
    with desk("teal", None, preview=False) as watch, pipeline(Camera(60), screen) as live:
        end = time.monotonic() + 15
        while "on air" not in (told := capsys.readouterr().err):
            assert time.monotonic() < end
            watch(live)
    assert told.startswith("livematte: ")


@pytest.mark.skipif(sys.platform == "win32", reason="terminals of POSIX")
def test_keys_are_read_one_by_one_from_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    import termios

    from livematte.live.keys import typed_keys

    outside, inside = pty.openpty()
    before = termios.tcgetattr(inside)
    with open(inside, closefd=False) as terminal:
        monkeypatch.setattr("sys.stdin", terminal)
        with typed_keys() as keys:
            assert keys() == ""
            os.write(outside, b"bl")
            until(lambda: keys() == "bl")
    assert termios.tcgetattr(inside) == before
    os.close(outside)
    os.close(inside)


def shown(window: Window) -> tuple[int, ...]:
    """Red, green and blue of the upper left pixel in a window."""
    import sdl2

    pixel = (ctypes.c_uint8 * 4)()
    corner = sdl2.SDL_Rect(0, 0, 1, 1)
    sdl2.SDL_RenderReadPixels(window._renderer, corner, sdl2.SDL_PIXELFORMAT_RGBA32, pixel, 4)
    return tuple(pixel[:3])


def test_a_window_shows_frames_of_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sdl2", reason="needs: pip install 'livematte[camera]'")
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    with Window() as window:
        for size in ((96, 64), (98, 66), (64, 96)):
            window.show(as_format(flat(size, (200, 60, 20)), "yuv420p"))
            red, green, blue = shown(window)
            assert abs(red - 200) + abs(green - 60) + abs(blue - 20) < 30
        assert window.keys() == ""
        assert not window.closed
