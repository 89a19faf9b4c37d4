"""Live streams on loopback: real servers that are killed and come again; the command as a whole."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from clips import make_clip
from live_runs import (
    Camera,
    Screen,
    address,
    counted,
    free_port,
    peer,
    pipeline,
    room_clip,
    shows_room,
    stage,
    until,
    white,
)
from runs import MAIN, SAMPLE

import livematte
from livematte import Options, OutputError
from livematte.live import Choice, Clip, LivePipeline, Webcam
from livematte.live.feeds import Address
from livematte.live.sinks import outlet_for

KINDS = ["rtmp", "srt"]


@pytest.mark.parametrize("kind", [*KINDS, "rtsp"])
def test_a_server_that_is_killed_gets_the_stream_again(tmp_path: Path, kind: str) -> None:
    port = free_port()
    outlet = outlet_for(address(kind, port, listens=False), Options())
    live = LivePipeline(Camera(30), [outlet], lambda: white, stage, Choice("teal"))
    with live:
        for round in range(2):
            counts = tmp_path / f"{kind}{round}"
            with peer("receive", address(kind, port, listens=True), str(counts)):
                until(lambda counts=counts: counted(counts)[0] >= 20, f"pictures, time {round}", 120)
            assert counted(counts)[1] == 0
        assert live.senders[0].reopened >= 1
    assert live.tally.reopened == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_source_that_is_killed_is_read_again(tmp_path: Path, kind: str) -> None:
    clip = room_clip(tmp_path / "room.mp4")
    port = free_port()
    screen = Screen()
    with pipeline(Address(address(kind, port, listens=False)), screen) as live:
        for round in range(2):
            composed = live.tally.composed
            with peer("send", address(kind, port, listens=True), str(clip)):
                until(lambda least=composed + 20: live.tally.composed >= least, f"frames, time {round}", 120)
            until(lambda: live.is_alone and bool(live.faults), "the source is gone", 60)
    assert live.tally.reopened >= 1
    assert not any(map(shows_room, screen.pictures))


# files


def test_a_file_has_the_pictures_at_their_times_and_appears_whole(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    live = LivePipeline(
        Camera(60), [outlet_for(target, Options())], lambda: white, stage, Choice("teal"), rate=60
    )
    with live:
        until(lambda: live.tally.composed >= 60)
        assert not target.exists()
    with av.open(str(target)) as result:
        frames = list(result.decode(video=0))
    assert len(frames) == live.senders[0].written
    gaps = np.diff([float(frame.pts * frame.time_base) for frame in frames])
    assert gaps.min() > 0
    assert abs(np.median(gaps) - 1 / 60) < 0.006
    assert not any(shows_room(frame.to_ndarray(format="rgb24")) for frame in frames)
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


def test_a_folder_gets_hls(tmp_path: Path) -> None:
    live = LivePipeline(
        Camera(60), [outlet_for(tmp_path, Options())], lambda: white, stage, Choice("teal"), rate=60
    )
    with live:
        until(lambda: live.tally.composed >= 30)
    assert (tmp_path / "live.m3u8").read_text().startswith("#EXTM3U")
    with av.open(str(tmp_path / "live.m3u8")) as result:
        frames = list(result.decode(video=0))
    assert len(frames) == live.senders[0].written


def test_a_file_that_cannot_be_written_ends_the_run(tmp_path: Path) -> None:
    (tmp_path / "there.mp4").touch()
    with pytest.raises(OutputError, match="exists already"):
        livematte.replace_live(Camera(), tmp_path / "there.mp4", "teal")
    with pytest.raises(OutputError, match="make it first"):
        livematte.replace_live(Camera(), tmp_path / "nowhere" / "live.m3u8", "teal")
    with pytest.raises(OutputError, match="live pictures go into"):
        livematte.replace_live(Camera(), tmp_path / "out.y4m", "teal")
    with pytest.raises(OutputError, match="http"):
        livematte.replace_live(Camera(), "http://127.0.0.1/x", "teal")


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"options": Options(start=3)}, "start is not for live"),
        ({"options": Options(size="640x")}, "both sides"),
        ({"options": Options(audio="song.mp3")}, "audio is copy or none"),
        ({"background": "transparent"}, "cannot be transparent"),
        ({"background": "nothing.png"}, "neither a file nor a colour"),
        ({"look": "nothing"}, "unknown"),
        ({"network": "nothing"}, "unknown"),
        ({"network": "nothing.tflite"}, "no such network file"),
        ({"style": livematte.Style(hair="teal")}, "tells the parts of a person apart"),
    ],
)
def test_a_mistake_is_told_at_once(given: dict[str, object], problem: str) -> None:
    with pytest.raises(livematte.LivematteError, match=problem):
        livematte.replace_live(Camera(), (), **given)  # type: ignore[arg-type]


# cameras


def test_a_clip_in_place_of_a_camera_plays_at_its_own_pace_and_again(tmp_path: Path) -> None:
    clip = make_clip(
        tmp_path / "in.mp4", times=[Fraction(number, 50) for number in range(10)], last=Fraction(1, 50)
    )
    shots = Clip(clip, speed=2)()
    captured = [next(shots).captured for _ in range(26)]
    gaps = np.diff(captured)
    assert abs(captured[-1] - captured[0] - 25 / 100) < 0.15
    assert gaps.min() > 0
    once = list(Clip(clip, speed=20, loop=False)())
    assert len(once) == 10


def test_a_camera_that_is_missing_is_told_at_once() -> None:
    if livematte.devices():
        pytest.skip("there is a camera")
    with pytest.raises(livematte.InputError, match="no camera was found"):
        livematte.camera(background="teal")
    with pytest.raises(livematte.InputError, match="nonsense cannot be opened"):
        Webcam("nonsense").open()


@pytest.mark.hardware
def test_a_virtual_camera_takes_frames() -> None:
    pyvirtualcam = pytest.importorskip("pyvirtualcam", reason="needs: pip install 'livematte[camera]'")
    try:
        pyvirtualcam.Camera(640, 480, 30).close()
    except RuntimeError as error:
        pytest.skip(f"no virtual camera's driver: {error}")
    live = []

    def watch(pipeline: LivePipeline) -> None:
        live.append(pipeline.senders[0].written)
        if live[-1] >= 20:
            pipeline.stop.set()

    report = livematte.replace_live(Clip(SAMPLE), "virtual", "teal", watch=watch, threads=1)
    assert report.frames_out >= 20


def test_a_virtual_camera_without_its_driver_is_told_clearly() -> None:
    pyvirtualcam = pytest.importorskip("pyvirtualcam", reason="needs: pip install 'livematte[camera]'")
    with contextlib.suppress(RuntimeError):
        pyvirtualcam.Camera(640, 480, 30).close()
        pytest.skip("there is a virtual camera")
    with pytest.raises(OutputError, match="no virtual camera can be used"):
        livematte.replace_live(Clip(SAMPLE), "virtual", "teal", threads=1)


# the commands


def command(*arguments: str, seconds: float, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command and press Ctrl-C after some seconds."""
    with subprocess.Popen(
        [*MAIN, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    ) as process:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    return subprocess.CompletedProcess(arguments, process.returncode, out, err)


def test_the_camera_command_from_a_clip_to_a_file_and_a_window(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    arguments = ["--device", str(SAMPLE), "--background", "teal", "--preview", "--threads", "1"]
    done = command("camera", str(target), *arguments, seconds=8, SDL_VIDEODRIVER="dummy")
    assert done.returncode == 0, done.stderr
    assert "on air" in done.stderr
    assert "latency p50" in done.stdout
    with av.open(str(target)) as result:
        assert sum(1 for _ in result.decode(video=0)) > 20


def test_mistakes_end_with_one_line(tmp_path: Path) -> None:
    for arguments in (
        ["replace", str(SAMPLE), str(tmp_path / "out.mp4"), "--live", "--start", "3"],
        ["camera", str(tmp_path / "out.xyz"), "--device", str(SAMPLE)],
        ["camera", "--device", str(SAMPLE), "--background", "nothing.png", "--no-preview"],
    ):
        done = command(*arguments, seconds=20)
        assert done.returncode == 2
        assert done.stderr.startswith("livematte: ")
        assert len(done.stderr.splitlines()) == 1


def test_devices_are_listed() -> None:
    done = command("devices", seconds=20)
    assert done.returncode == 0
    assert done.stdout
