"""The commands as a user runs them: a process of their own, its exit code and what it prints."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
from clips import CFR, make_clip, packets_of, picture

from livematte import __version__
from livematte.media import read, write_photo

MAIN = [sys.executable, "-c", "from livematte.cli import main; main()"]
COMMANDS = [
    "demo",
    "replace",
    "matte",
    "batch",
    "info",
    "bench",
    "camera",
    "devices",
    "evaluate",
    "train",
    "ablate",
    "export",
    "serve",
    "data",
    "annotate",
]
with_torch = pytest.mark.skipif(
    find_spec("torch") is None, reason="needs torch: pip install 'livematte[lab]'"
)


def livematte(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*MAIN, *arguments], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds what the bad calls below name; none of them may add to it."""
    path = tmp_path_factory.mktemp("calls")
    make_clip(path / "in.mp4", times=CFR[:4])
    write_photo(path / "in.png", picture(0))
    (path / "text.mp4").write_text("no video at all\n" * 40)
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("call", "word"),
    [
        ("replace none.mp4 out.mp4", "none.mp4 does not exist"),
        ("replace text.mp4 out.mp4", "text.mp4 is not a video"),
        ("replace in.mp4 out.mp4 --background beech", "'beech'"),
        ("replace in.mp4 out.mp4 --background transparent", "transparency"),
        ("replace in.mp4 in.mp4", "input itself"),
        ("replace in.mp4 none/out.mp4", "none does not exist"),
        ("replace in.png out.mp4", "out.mp4"),
        ("info none.mp4", "none.mp4 does not exist"),
        ("info text.mp4", "text.mp4 is not a video"),
        ("matte in.mp4 out.mp4 --network nope", "'nope'"),
        ("matte in.mp4 out.mp4 --threads 0", "threads"),
        ("demo none/out.mp4", "none does not exist"),
        ("bench none.mp4", "none.mp4 does not exist"),
        ("bench in.mp4 --size 1280x720", "size"),
        ("bench --size 1281x720", "'1281x720'"),
        ("bench --size big", "'big'"),
        ("bench --frames 0", "frames"),
        ("bench --background transparent", "transparent"),
        ("bench -", "standard input"),
        ("evaluate .", "index.jsonl"),
        ("evaluate . --peer plain", "'plain'"),
        ("evaluate . --peer no_such_module:peer", "no_such_module"),
        ("evaluate . --html none/page.html", "none does not exist"),
        ("evaluate . --json .", "is a folder"),
        ("serve --port 70000", "port"),
        ("serve --jobs --clip-megabytes 0", "clip-megabytes"),
        pytest.param("train . out --phases 100:5", "100:5", marks=with_torch),
        pytest.param("ablate . out --only colour", "'colour'", marks=with_torch),
        pytest.param("export none.pt out", "none.pt", marks=with_torch),
        pytest.param("export none.pt out --precision int4", "int4", marks=with_torch),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(folder: Path, call: str, word: str) -> None:
    before = names(folder)
    done = livematte(folder, *call.split())
    assert "Traceback" not in done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("livematte: ")
    assert word in line
    assert done.returncode == 2
    assert done.stdout == ""
    assert names(folder) == before


@pytest.mark.parametrize(
    "call", ["nonsense", "replace", "replace in.mp4 out.mp4 --nope", "matte a b --threads x"]
)
def test_a_wrong_call_is_explained_with_exit_code_2(folder: Path, call: str) -> None:
    done = livematte(folder, *call.split())
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr != ""
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(tmp_path: Path, command: str) -> None:
    done = livematte(tmp_path, command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"livematte {command}" in done.stdout
    assert names(tmp_path) == []


def test_help_names_all_commands(tmp_path: Path) -> None:
    done = livematte(tmp_path, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert all(command in done.stdout for command in COMMANDS)


def test_the_version(tmp_path: Path) -> None:
    done = livematte(tmp_path, "--version")
    assert (done.returncode, done.stdout.strip()) == (0, __version__)


def test_the_script_is_installed() -> None:
    script = Path(sys.executable).with_name("livematte.exe" if os.name == "nt" else "livematte")
    if not script.exists():
        pytest.skip("scripts are installed elsewhere")
    assert subprocess.run([script, "--version"], capture_output=True, text=True).stdout.strip() == __version__


@pytest.mark.parametrize("command", ["replace", "matte"])
def test_a_run_says_what_it_did_and_nothing_else(tmp_path: Path, command: str) -> None:
    make_clip(tmp_path / "in.mp4", times=CFR[:4])
    done = livematte(tmp_path, command, "in.mp4", "out.mp4", "--threads", "1")
    assert done.returncode == 0
    (line,) = done.stdout.splitlines()
    assert line.startswith("out.mp4: 4 frames in ")
    # the network may be unsure of a picture that is no photograph
    assert all(warning.startswith("livematte: warning: ") for warning in done.stderr.splitlines())
    assert len(list(read(tmp_path / "out.mp4"))) == 4


def test_the_demo_writes_a_clip_with_sound_and_says_where(tmp_path: Path) -> None:
    done = livematte(tmp_path, "demo")
    assert (done.returncode, done.stderr) == (0, "")
    assert names(tmp_path) == ["livematte-demo.mp4"]
    result = tmp_path / "livematte-demo.mp4"
    assert len(list(read(result))) == 180
    assert len(packets_of(result)) > 100
    report, turn = done.stdout.splitlines()
    assert report.startswith("livematte-demo.mp4: 180 frames in ")
    assert "sound kept" in report
    assert str(result) in turn
    assert "livematte replace" in turn


@pytest.mark.skipif(os.name == "nt", reason="SIGINT is sent to one process only where there are signals")
def test_a_polite_kill_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    process = subprocess.Popen([*MAIN, "demo"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        end = time.monotonic() + 60
        while not names(tmp_path) and time.monotonic() < end:
            time.sleep(0.02)
        assert names(tmp_path) != []
        time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        stdout, stderr = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, stdout) == (130, b"")
    (line,) = stderr.decode().splitlines()
    assert line.startswith("livematte: stopped")
    assert names(tmp_path) == []


@pytest.mark.skipif(os.name == "nt", reason="SIGINT is sent to one process only where there are signals")
@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_once_keeps_what_is_done_twice_nothing(tmp_path: Path, times: int) -> None:
    sample = Path(__file__).parent.parent / "src" / "livematte" / "sample" / "clip.mp4"
    call = [*MAIN, "replace", str(sample), "out.mp4", "--threads", "1"]
    process = subprocess.Popen(call, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        end = time.monotonic() + 60
        while not names(tmp_path) and time.monotonic() < end:
            time.sleep(0.02)
        time.sleep(0.5)
        for _ in range(1 if times == 1 else 3):  # two that come at once count as one
            process.send_signal(signal.SIGINT)
            time.sleep(0.008)
        _, stderr = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130
    assert b"stopped" in stderr
    assert b"Traceback" not in stderr
    if times == 1:
        assert names(tmp_path) == ["out.mp4"]
        assert 0 < len(list(read(tmp_path / "out.mp4"))) < 180
    else:
        assert names(tmp_path) == []
