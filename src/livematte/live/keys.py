"""Single keys from the terminal, without a return key."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Keys(Protocol):
    """Called, it gives the characters typed since the last call, without waiting."""

    def __call__(self) -> str:
        """The characters."""
        ...


@contextmanager
def typed_keys() -> Iterator[Keys]:
    """What is typed into the terminal, key by key; nothing where standard input is none."""
    if not sys.stdin.isatty():
        yield str
        return
    if sys.platform == "win32":
        yield _of_windows
        return
    import os
    import select
    import termios
    import tty

    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)

    def keys() -> str:
        ready, _, _ = select.select([terminal], [], [], 0)
        return os.read(terminal, 64).decode(errors="ignore") if ready else ""

    tty.setcbreak(terminal)  # Ctrl-C still is Ctrl-C
    try:
        yield keys
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def _of_windows() -> str:
    typed = ""
    if sys.platform == "win32":
        import msvcrt

        while msvcrt.kbhit():
            typed += msvcrt.getwch()
    return typed
