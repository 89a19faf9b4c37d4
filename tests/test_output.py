"""Results that appear whole or not at all: temporary files, dead and living processes, full disks."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from clips import CFR, make_clip, picture

from livematte.errors import OutputError
from livematte.media import write_photo
from livematte.media.output import check_target, whole_file
from livematte.media.temporary import temporary_beside

posix = pytest.mark.skipif(os.name == "nt", reason="leftovers are cleaned where files can be locked (flock)")
LIVE = """
import sys, time
from pathlib import Path
from livematte.media.output import whole_file
with whole_file(Path("other.bin")) as temporary:
    with temporary.open("wb") as file:  # closing it must not release the lock
        file.write(b"other")
    print("ready", flush=True)
    sys.stdin.readline()
"""
BUSY = """
from pathlib import Path
from livematte.media.output import whole_file
for number in range(150):
    with whole_file(Path("NAME.bin")) as temporary:
        temporary.write_bytes(b"NAME%d" % number)
    assert Path("NAME.bin").read_bytes() == b"NAME%d" % number
"""


def hidden(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.startswith(".livematte-"))


def write(path: Path, content: bytes = b"mine") -> None:
    with whole_file(path) as temporary:
        temporary.write_bytes(content)
    assert path.read_bytes() == content


@pytest.fixture
def alive(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that writes other.bin and waits for a line before it finishes."""
    process = subprocess.Popen(
        [sys.executable, "-c", LIVE], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield process
        finally:
            process.kill()


@posix
def test_what_a_killed_process_left_is_deleted_by_the_next_run(
    tmp_path: Path, alive: subprocess.Popen[str]
) -> None:
    alive.send_signal(signal.SIGKILL)
    alive.wait()
    assert len(hidden(tmp_path)) == 1
    write(tmp_path / "out.bin")
    assert hidden(tmp_path) == []
    assert not (tmp_path / "other.bin").exists()


def test_the_file_of_a_living_process_is_never_touched(tmp_path: Path, alive: subprocess.Popen[str]) -> None:
    (before,) = hidden(tmp_path)
    write(tmp_path / "out.bin")
    assert hidden(tmp_path) == [before]
    alive.communicate("go on\n", timeout=30)
    assert alive.returncode == 0
    assert (tmp_path / "other.bin").read_bytes() == b"other"
    assert hidden(tmp_path) == []


def test_two_results_at_once_in_one_process(tmp_path: Path) -> None:
    with whole_file(tmp_path / "one.bin") as one:
        one.write_bytes(b"one")
        write(tmp_path / "two.bin")
        assert one.read_bytes() == b"one"
    assert (tmp_path / "one.bin").read_bytes() == b"one"


def test_a_folder_of_a_living_process_stays_and_goes_in_the_end(tmp_path: Path) -> None:
    with temporary_beside(tmp_path / "pictures", folder=True) as folder:
        (folder / "00001.png").write_bytes(b"picture")
        write(tmp_path / "out.bin")
        assert (folder / "00001.png").read_bytes() == b"picture"
    assert hidden(tmp_path) == []


def test_many_processes_in_one_folder(tmp_path: Path) -> None:
    codes = [BUSY.replace("NAME", name) for name in "abc"]
    running = [subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path) for code in codes]
    assert [process.wait(timeout=60) for process in running] == [0, 0, 0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.bin", "b.bin", "c.bin"]


@posix
def test_only_own_leftovers_are_deleted(tmp_path: Path) -> None:
    with temporary_beside(tmp_path / "out.bin") as temporary:
        host, token = temporary.name.removeprefix(".livematte-").removesuffix(".bin").split("-")
    leftover = tmp_path / f".livematte-{host}-{token}.mp4"
    elsewhere = tmp_path / f".livematte-{'0' * len(host)}-{token}.mp4"  # of another host
    notes, precious = tmp_path / ".livematte-notes.txt", tmp_path / "precious.txt"
    for path in (leftover, elsewhere, notes, precious):
        path.write_text("text")
    link = tmp_path / f".livematte-{host}-{'1' * len(token)}"
    link.symlink_to(precious)
    pipe = tmp_path / f".livematte-{host}-{'2' * len(token)}"
    os.mkfifo(pipe)
    folder = tmp_path / f".livematte-{host}-{'3' * len(token)}"
    folder.mkdir()
    (folder / "00001.png").touch()
    write(tmp_path / "out.bin")
    assert hidden(tmp_path) == sorted(path.name for path in (elsewhere, notes, link, pipe))
    assert precious.read_text() == "text"


def test_the_result_has_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    write(tmp_path / "out.bin")
    assert (tmp_path / "out.bin").stat().st_mode == (tmp_path / "plain").stat().st_mode


@posix
@pytest.mark.parametrize("name", ["pipe.png", "device.png"])
def test_a_device_or_pipe_is_no_target(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "device.png").symlink_to("/dev/full")
    with pytest.raises(OutputError, match="device or a pipe"):
        check_target(tmp_path / name, {".png", ".jpg"})
    with pytest.raises(OutputError, match="device or a pipe"):
        write_photo(tmp_path / name, picture(0))
    assert not Path("/dev/full").is_file()


MAIN = "from livematte.cli import main; main()"
LIMITED = f"import resource as r; r.setrlimit(r.RLIMIT_FSIZE, (ROOM, ROOM)); {MAIN}"


def inputs(folder: Path) -> None:
    make_clip(folder / "in.mp4", size=(320, 240), times=CFR)
    write_photo(folder / "in.png", np.random.default_rng(1).integers(0, 256, (240, 320, 3), np.uint8))


def assert_says_it_is_full(done: subprocess.CompletedProcess[str], target: str, reason: str) -> None:
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"livematte: cannot write {target}: ")
    assert reason in line


@posix
@pytest.mark.parametrize("room", [0, 9_000])
@pytest.mark.parametrize("target", ["out.mp4", "out.mkv", "out.png"])
def test_a_file_that_may_not_grow(tmp_path: Path, target: str, room: int) -> None:
    inputs(tmp_path)
    call = ["replace", "in.png" if target.endswith("png") else "in.mp4", target, "--threads", "1"]
    done = subprocess.run(
        [sys.executable, "-c", LIMITED.replace("ROOM", str(room)), *call],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert_says_it_is_full(done, target, "too large")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", "in.png"]


def may_mount() -> bool:
    """Whether this user may mount a file system that only a process of its own sees."""
    if shutil.which("unshare") is None:
        return False
    trial = ["unshare", "-rm", "mount", "-t", "tmpfs", "-o", "size=64k", "none", "/tmp"]
    return subprocess.run(trial, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("target", ["out.mp4", "out.mkv", "out.png"])
def test_a_disk_that_is_full(tmp_path: Path, target: str) -> None:
    if not may_mount():
        pytest.skip("this machine lets no test mount a small file system")
    inputs(tmp_path)
    (tmp_path / "small").mkdir()
    source = "in.png" if target.endswith("png") else "in.mp4"
    call = f"{sys.executable} -c '{MAIN}' replace {source} small/{target} --threads 1"
    script = f"mount -t tmpfs -o size=12k none small && {call}; code=$?; ls -A small; exit $code"
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert_says_it_is_full(done, f"small/{target}", "No space left")
    assert done.stdout == ""
