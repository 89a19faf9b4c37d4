"""Many clips: resume, what may go wrong on the way, and long clips in parts."""

from __future__ import annotations

import errno
import hashlib
import http.server
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from clips import CFR, RATE, TICK, make_clip, packets_of, picture, tone
from hypothesis import given, settings
from hypothesis import strategies as st
from runs import MAIN

import livematte
from livematte import BatchReport, InputError, OptionError, Options, OutputError, Style
from livematte.jobs.inputs import find_items
from livematte.jobs.manifest import NAME, Manifest, read_manifest
from livematte.jobs.split import find_starts
from livematte.jobs.tasks import Clip, Settings, Trouble, perform
from livematte.jobs.whole import Whole
from livematte.jobs.workers import Processes, WorkerLostError
from livematte.media import write_photo

posix = pytest.mark.skipif(os.name == "nt", reason="signals and locks on files are those of POSIX")
LOSSLESS = Options(quality=0)


def run(inputs: Any, out: Path | str, background: str = "grey", **options: Any) -> BatchReport:
    return livematte.batch(inputs, out, background, **({"workers": 1} | options))


def command(*arguments: Path | str, **options: Any) -> subprocess.Popen[str]:
    words = [*MAIN, "batch", *map(str, arguments), "--background", "grey"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(words, **pipes | options)


def small(path: Path, frames: int = 5) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return make_clip(path, times=CFR[:frames])


def tree(folder: Path) -> list[str]:
    """All files, hidden ones too, but for the manifest."""
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in found if name != NAME)


def lines(out: Path, state: str) -> list[dict[str, Any]]:
    return [line for line in read_manifest(out / NAME) if line["state"] == state]


def frames_of(path: Path) -> list[tuple[Fraction | None, str]]:
    """Time and content of every picture."""
    return [
        (frame.time, hashlib.md5(b"".join(plane.tobytes() for plane in frame.planes())).hexdigest())
        for frame in livematte.read(path)
    ]


def until(true: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


# what is worked on, and what is done again


def test_a_tree_comes_out_as_it_went_in_and_only_changes_are_done_again(tmp_path: Path) -> None:
    for name in ("a.mp4", "deep/b.mkv", "deep/er/c.avi"):
        small(tmp_path / "in" / name)
    write_photo(tmp_path / "in" / "d.png", picture(0))
    (tmp_path / "in" / "notes.md").write_text("no clip")
    out = tmp_path / "out"
    report = run(tmp_path / "in", out, workers=2)
    assert (report.done, report.unchanged, report.failures, report.left) == (4, 0, (), 0)
    assert report.whole
    assert tree(out) == ["a.mp4", "d.png", "deep/b.mkv", "deep/er/c.mp4"]
    assert [time for time, _ in frames_of(out / "a.mp4")] == list(CFR[:5])

    before = {name: (out / name).stat().st_mtime_ns for name in tree(out)}
    report = run(tmp_path / "in", out)
    assert (report.done, report.unchanged) == (0, 4)
    small(tmp_path / "in" / "a.mp4", frames=6)
    (out / "d.png").unlink()
    report = run(tmp_path / "in", out)
    assert (report.done, report.unchanged) == (2, 2)
    changed = [name for name in tree(out) if (out / name).stat().st_mtime_ns != before[name]]
    assert changed == ["a.mp4", "d.png"]
    assert len(frames_of(out / "a.mp4")) == 6
    assert run(tmp_path / "in", out, "teal").done == 4


def test_a_background_that_changed_is_a_change(tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    write_photo(photo, picture(0))
    before = Settings(str(photo)).digest
    assert Settings(str(photo)).digest == before
    assert Settings(str(photo), options=Options(overwrite=True)).digest == before
    assert Settings(str(photo), options=Options(quality=30)).digest != before
    os.utime(photo, ns=(1, 1))
    assert Settings(str(photo)).digest != before


def test_patterns_and_lists(tmp_path: Path) -> None:
    clips = [small(tmp_path / "in" / name) for name in ("a.mp4", "x/b.mp4", "x/c.mp4")]
    found = find_items([tmp_path / "in" / "**" / "[bc].mp4"], str(tmp_path / "out"))
    assert found == [(str(clips[1]), "x/b.mp4"), (str(clips[2]), "x/c.mp4")]
    listed = tmp_path / "list.txt"
    listed.write_text(f"# mine\nin/a.mp4\n\n{clips[2]}\nin/gone.mp4\n")
    found = find_items([listed], str(tmp_path / "out"))
    assert [item.name for item in found] == ["a.mp4", "x/c.mp4", "gone.mp4"]
    (tmp_path / "odd [1]").mkdir()
    small(tmp_path / "odd [1]" / "d.mp4")
    assert [item.name for item in find_items([tmp_path / "odd [1]"], "out")] == ["d.mp4"]
    report = run(listed, tmp_path / "out")
    assert (report.done, [failure.error for failure in report.failures]) == (
        2,
        [f"{tmp_path / 'in' / 'gone.mp4'} cannot be read: No such file or directory"],
    )


def test_what_cannot_be_a_batch_is_refused_before_any_work(tmp_path: Path) -> None:
    small(tmp_path / "in" / "a.mp4")
    small(tmp_path / "in" / "a.mov")
    out = tmp_path / "out"
    with pytest.raises(InputError, match="would both become"):
        run(tmp_path / "in", out, suffix=".mp4")
    with pytest.raises(InputError, match="is an input itself"):
        run(tmp_path / "in", tmp_path / "in")
    with pytest.raises(InputError, match="does not exist"):
        run(tmp_path / "nowhere", out)
    with pytest.raises(InputError, match="nothing matches"):
        run(tmp_path / "*.mp4", out)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no video and no photo"):
        run(tmp_path / "empty", out)
    (tmp_path / "list.txt").write_text("http://host/x/../../a.mp4\nhttp://host/b.mp4\n")
    with pytest.raises(InputError, match="outside"):
        run(tmp_path / "list.txt", out)
    with pytest.raises(InputError, match="live stream"):
        run("rtsp://camera/1", out)
    with pytest.raises(InputError, match="neither a file nor a colour"):
        run(tmp_path / "in", out, "beech.jpg")
    for wrong in ({"workers": 0}, {"split": -1}, {"retries": -1}, {"suffix": ".doc"}):
        with pytest.raises(OptionError):
            run(tmp_path / "in" / "a.mp4", out, **wrong)
    with pytest.raises(OptionError, match="standard output"):
        run(tmp_path / "in", out, options=Options(container="nut"))
    with pytest.raises(OutputError, match="is a file"):
        run(tmp_path / "in", tmp_path / "in" / "a.mp4")
    with pytest.raises(OptionError, match="local manifest"):
        run(tmp_path / "in", "memory://results")
    assert tree(tmp_path) == ["in/a.mov", "in/a.mp4", "list.txt"]


def test_results_with_alpha_get_names_that_can_hold_it(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mkv", "c.jpg", "d.webp"):
        (tmp_path / name).write_bytes(b"anything")
    found = find_items([tmp_path], str(tmp_path / "out"), transparent=True)
    assert [item.name for item in found] == ["a.mov", "b.mkv", "c.png", "d.webp"]


# what goes wrong


def test_bad_clips_stop_no_good_one(tmp_path: Path) -> None:
    deep = tmp_path / ("a name of forty letters, to make it long " * 4).strip() / "in"
    small(deep / "b.mp4")
    (deep / "a.mp4").write_bytes(b"nonsense" * 100)
    (deep / "c.mp4").touch()
    (deep / "d.mp4").write_bytes(small(tmp_path / "whole.mp4").read_bytes()[:3000])
    with command(deep, "--out", tmp_path / "out", "--workers", "1") as process:
        said, told = process.communicate(timeout=100)
    assert process.returncode == 1
    assert [line.split() for line in said.splitlines()][:2] == [["done", "1"], ["failed", "3"]]
    for name in ("a.mp4", "c.mp4", "d.mp4"):
        assert str(deep / name) in told  # a pipe gets names in full, however long
    assert "Traceback" not in told
    assert tree(tmp_path / "out") == ["b.mp4"]
    assert [line["attempts"] for line in lines(tmp_path / "out", "failed")] == [1, 1, 1]


def test_what_is_not_of_the_batch_is_not_replaced(tmp_path: Path) -> None:
    source, out = small(tmp_path / "in" / "a.mp4"), tmp_path / "out"
    out.mkdir()
    (out / "a.mp4").write_bytes(b"precious")
    for _ in range(2):
        report = run(source, out)
        assert "allow overwriting" in report.failures[0].error
        assert (out / "a.mp4").read_bytes() == b"precious"
    assert run(source, out, options=Options(overwrite=True)).done == 1
    other = small(tmp_path / "other" / "a.mp4", frames=6)
    assert "is not of this input" in run(other, out).failures[0].error
    assert len(frames_of(out / "a.mp4")) == 5


@posix
def test_two_batches_on_one_folder_are_kept_apart(tmp_path: Path) -> None:
    source, out = small(tmp_path / "a.mp4"), tmp_path / "out"
    out.mkdir()
    with Manifest(out / NAME), command(source, "--out", out) as process:
        _, told = process.communicate(timeout=60)
    assert process.returncode == 2
    assert f"another batch is at work on {out}" in told
    assert tree(out) == []
    assert run(source, out).done == 1


@dataclass
class Die:
    """A piece of work over which its worker dies, once."""

    mark: str

    def __call__(self) -> str:
        if not Path(self.mark).exists():
            Path(self.mark).touch()
            os._exit(9)
        return "alive"


def test_a_worker_that_dies_is_replaced(tmp_path: Path) -> None:
    team = Processes(1)
    try:
        with pytest.raises(WorkerLostError, match="exit code 9"):
            team.submit(Die(str(tmp_path / "mark"))).result(60)
        assert team.submit(Die(str(tmp_path / "mark"))).result(60) == "alive"
    finally:
        team.close()


def children(pid: int) -> list[int]:
    threads = Path(f"/proc/{pid}/task").iterdir()
    listed = [one for thread in threads for one in (thread / "children").read_text().split()]
    return [int(one) for one in listed]


proc = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs /proc to find the workers")


@proc
def test_a_killed_worker_costs_a_retry(tmp_path: Path) -> None:
    for number in range(3):
        small(tmp_path / "in" / f"{number}.mp4", frames=20)
    out = tmp_path / "out"
    with command(tmp_path / "in", "--out", out, "--workers", "1") as process:
        until(lambda: (out / NAME).exists() and lines(out, "done"))
        (worker,) = children(process.pid)
        os.kill(worker, signal.SIGKILL)
        process.communicate(timeout=100)
    assert process.returncode == 0
    assert tree(out) == ["0.mp4", "1.mp4", "2.mp4"]
    assert sorted(line["result"] for line in lines(out, "done")) == ["0.mp4", "1.mp4", "2.mp4"]


@proc
@pytest.mark.parametrize("how", ["SIGKILL", "SIGINT"])
def test_a_batch_that_was_ended_goes_on(tmp_path: Path, how: str) -> None:
    names = [f"{number}.mp4" for number in range(4)]
    for name in names:
        small(tmp_path / "in" / name, frames=20)
    out = tmp_path / "out"
    with command(tmp_path / "in", "--out", out, "--workers", "2") as process:
        until(lambda: (out / NAME).exists() and lines(out, "done"))
        workers = children(process.pid)
        process.send_signal(signal.Signals[how])
        _, told = process.communicate(timeout=60)
    until(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers), 20)
    finished = {line["result"] for line in lines(out, "done")}
    shown = {name for name in tree(out) if not name.startswith(".")}
    assert finished <= shown
    assert len(finished) < len(names)
    for name in shown:
        assert len(frames_of(out / name)) == 20
    if how == "SIGINT":
        assert process.returncode == 130
        assert "the same command goes on" in told
        assert "Traceback" not in told
        assert shown == set(tree(out))
    else:
        with (out / NAME).open("ab") as file:
            file.write(b'{"state": "done", "resu')  # died over a line
    with command(tmp_path / "in", "--out", out, "--workers", "2") as process:
        said, _ = process.communicate(timeout=100)
    assert process.returncode == 0
    assert [line.split()[1] for line in said.splitlines()][:2] == [
        str(len(names) - len(finished)),
        str(len(finished)),
    ]
    assert tree(out) == names
    assert sorted(line["result"] for line in lines(out, "done")) == names


def test_a_full_disk_stops_the_batch_and_leaves_nothing_half(tmp_path: Path) -> None:
    inside = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    small_disk = f"mount -t tmpfs -o size=64k tmpfs {tmp_path / 'out'}"
    (tmp_path / "out").mkdir()
    if not shutil.which("unshare") or subprocess.run([*inside, small_disk], capture_output=True).returncode:
        pytest.skip("a file system of a few kilobytes cannot be mounted here")
    for number in range(8):
        small(tmp_path / "in" / f"{number}.mp4", frames=20)
    batch = " ".join(f"'{word}'" for word in [*MAIN, "batch", str(tmp_path / "in"), "--out", "out"])
    script = (
        f"{small_disk}; cd {tmp_path}; {batch} --background grey --workers 1; echo exit code $?; ls -A out; "
    )
    script += f"{batch} --background grey --workers 1; cat out/{NAME}"
    done = subprocess.run([*inside, script], capture_output=True, text=True, timeout=100)
    report, _, rest = done.stdout.partition("exit code 1\n")
    assert dict(line.split(maxsplit=1) for line in report.splitlines()).keys() >= {"done", "left"}
    assert "No space left on device; the same command goes on" in done.stderr
    listed = [line for line in rest.splitlines() if line.endswith(".mp4")]
    told = [json.loads(line) for line in rest.splitlines() if line.startswith("{")]
    assert listed
    assert "\n.livematte" not in rest
    assert {line["result"] for line in told if line["state"] == "done"} >= set(listed[:-1])


# the manifest


@settings(max_examples=40, deadline=None)
@given(cut=st.integers(0, 700))
def test_a_manifest_cut_off_anywhere_is_read_up_to_there_and_goes_on(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    path = tmp_path_factory.mktemp("manifest") / NAME
    with Manifest(path) as manifest:
        for number in range(4):
            manifest.add("begun", f"{number}.mp4", source="x", attempt=1)
            known = {"source": "x", "fingerprint": "7 7", "settings": "s", "bytes": 7}
            manifest.add("done", f"{number}.mp4", **known)
    whole = path.read_bytes()
    path.write_bytes(whole[:cut])
    kept = whole[:cut].count(b"\n")
    with Manifest(path) as manifest:
        done = [name for name, entry in manifest.entries.items() if entry.state == "done"]
        assert len(done) == max(0, (kept - 1) // 2)
        manifest.add("done", "new.mp4", **known)
    found = list(read_manifest(path))
    assert len(found) == max(kept, 1) + 1
    assert found[-1]["result"] == "new.mp4"


def test_a_file_that_is_no_manifest_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "shopping.txt"
    path.write_text("milk\n")
    with pytest.raises(OutputError, match="no manifest"):
        run(small(tmp_path / "a.mp4"), tmp_path / "out", manifest=path)
    assert path.read_text() == "milk\n"


# stores


class Flaky(http.server.SimpleHTTPRequestHandler):
    """A store that is overloaded at first."""

    refusals = 2

    def send_head(self) -> Any:
        if (self.command, self.path) == ("GET", "/a.mp4") and Flaky.refusals > 0:
            Flaky.refusals -= 1
            self.send_error(503)
            return None
        return super().send_head()

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder and its address."""
    pytest.importorskip("aiohttp", reason="stores need: pip install 'livematte[store]'")
    (tmp_path / "served").mkdir()
    Flaky.refusals = 2

    def handler(*given: Any) -> Flaky:
        return Flaky(*given, directory=str(tmp_path / "served"))

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield tmp_path / "served", f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_store_that_fails_at_first_is_asked_again(
    tmp_path: Path, served: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("livematte.jobs.run.BACK_OFF", 0.05)
    folder, address = served
    small(folder / "a.mp4")
    listed = tmp_path / "list.txt"
    listed.write_text(f"{address}/a.mp4\n{address}/gone.mp4\n")
    report = run(listed, tmp_path / "out")
    assert (report.done, report.retries) == (1, 2)
    assert [(failure.error.rpartition(": ")[2], failure.attempts) for failure in report.failures] == [
        ("does not exist", 1)
    ]
    assert tree(tmp_path / "out") == ["a.mp4"]


def test_retries_come_to_an_end(
    tmp_path: Path, served: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("livematte.jobs.run.BACK_OFF", 0.01)
    folder, address = served
    small(folder / "a.mp4")
    Flaky.refusals = 100
    report = run(f"{address}/a.mp4", tmp_path / "out", retries=1)
    assert [failure.attempts for failure in report.failures] == [2]
    assert "503" in report.failures[0].error


@pytest.fixture
def memory() -> Iterator[Any]:
    fsspec = pytest.importorskip("fsspec", reason="stores need: pip install 'livematte[store]'")
    system = fsspec.filesystem("memory")
    yield system
    system.rm("/", recursive=True)


def in_memory(name: str = "a.mp4") -> Whole:
    clip = Clip(f"memory://in/{name}", "memory://out/a.mp4", Settings("grey"), ours=False)
    return Whole(clip)


def test_from_store_to_store(tmp_path: Path, memory: Any) -> None:
    memory.put_file(str(small(tmp_path / "a.mp4")), "/in/a.mp4")
    done = perform(in_memory())
    assert memory.find("/out") == ["/out/a.mp4"]
    assert done.bytes == memory.size("/out/a.mp4")
    memory.get_file("/out/a.mp4", str(tmp_path / "back.mp4"))
    assert len(frames_of(tmp_path / "back.mp4")) == 5
    again = perform(in_memory())
    assert again.kind == "foreign"


@pytest.mark.parametrize(
    ("step", "error", "kind"),
    [
        ("info", TimeoutError("timed out"), "passing"),
        ("get_file", ConnectionResetError("reset"), "passing"),
        ("put_file", TimeoutError("timed out"), "passing"),
        ("put_file", PermissionError("denied"), "mistake"),
        ("get_file", OSError(errno.ENOSPC, "No space left on device"), "full"),
        ("get_file", FileNotFoundError("gone"), "mistake"),
    ],
)
def test_what_a_store_does_wrong_is_retried_where_that_can_help(
    tmp_path: Path,
    memory: Any,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    error: OSError,
    kind: str,
) -> None:
    memory.put_file(str(small(tmp_path / "a.mp4")), "/in/a.mp4")

    def fail(*arguments: Any, **options: Any) -> None:
        raise error

    monkeypatch.setattr(type(memory), step, fail)
    outcome = perform(in_memory())
    assert isinstance(outcome, Trouble)
    assert outcome.kind == kind
    assert "memory://" in outcome.error
    assert memory.find("/out") == []


def test_s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("s3fs", reason="stores need: pip install 'livematte[store]'")
    server = pytest.importorskip("moto.server", reason="a local S3 needs: pip install 'moto[server]'")
    s3 = server.ThreadedMotoServer(port=0, verbose=False)
    s3.start()
    try:
        host, port = s3.get_host_and_port()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        import fsspec

        system = fsspec.filesystem("s3")
        system.mkdir("clips")
        for name in ("a.mp4", "x/b.mp4"):
            system.put_file(str(small(tmp_path / "a.mp4")), f"clips/in/{name}")
        first = run("s3://clips/in", "s3://clips/out", manifest=tmp_path / "manifest.jsonl")
        assert (first.done, first.failures) == (2, ())
        assert sorted(system.find("clips/out")) == ["clips/out/a.mp4", "clips/out/x/b.mp4"]
        system.put_file(str(small(tmp_path / "a.mp4", frames=6)), "clips/in/a.mp4")
        second = run("s3://clips/in/**/*.mp4", "s3://clips/out", manifest=tmp_path / "manifest.jsonl")
        assert (second.done, second.unchanged) == (1, 1)
    finally:
        s3.stop()


# long clips in parts


def make_scenes(path: Path, scenes: int = 3, length: int = 30) -> Path:
    """A clip of several scenes, its times uneven, its pictures out of order in the file, and sound."""
    container_options = {"video_track_timescale": "90000", "movie_timescale": "90000"}
    with av.open(str(path), "w", container_options=container_options) as out:
        keys = {"g": "50", "sc_threshold": "0"}  # none where a scene begins
        video = out.add_stream("libx264", 25, {"bf": "2", **keys}, time_base=TICK)
        video.width, video.height, video.pix_fmt = 96, 64, "yuv420p"
        sound = out.add_stream("aac", RATE)
        packets = []
        for number in range(scenes * length):
            image = np.full((64, 96, 3), [40, 220, 90][number // length % 3], np.uint8)
            image[10:50, number * 2 % 60 : number * 2 % 60 + 20] = [200, 30, 140][number // length % 3]
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base, frame.duration = number * 3600 + number % 3 * 200, TICK, 3600
            packets += video.encode(frame)
        packets += [*video.encode(None), *tone(sound, Fraction(scenes * length, 25), 330)]
        packets.sort(key=lambda packet: (packet.dts or 0) * Fraction(packet.time_base))
        for packet in packets:
            out.mux(packet)
    return path


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_scenes(tmp_path_factory.mktemp("scenes") / "a.mp4")


def single(source: Path, target: Path, background: str, options: Options, **more: Any) -> Path:
    livematte.replace(source, target, background, options=options, threads=1, codec_threads=1, **more)
    return target


@pytest.mark.parametrize(
    ("suffix", "options"),
    [(".mp4", LOSSLESS), (".mkv", Options(codec="ffv1", audio="none"))],
)
def test_parts_make_the_same_clip_as_one_run(
    tmp_path: Path, scenes: Path, suffix: str, options: Options
) -> None:
    behind = str(make_clip(tmp_path / "behind.mp4", size=(96, 64), times=CFR[:13]))  # begins anew in between
    source, out = tmp_path / "in" / "deep" / "a.mp4", tmp_path / "out"
    source.parent.mkdir(parents=True)
    shutil.copy(scenes, source)
    report = run(tmp_path / "in", out, behind, options=options, suffix=suffix, split=1, workers=2)
    assert (report.done, report.split, report.failures) == (1, 1, ())
    (done,) = lines(out, "done")
    assert done["split"] == 3
    joined, whole = out / "deep" / f"a{suffix}", tmp_path / f"whole{suffix}"
    single(scenes, whole, behind, options)
    assert frames_of(joined) == frames_of(whole)
    with av.open(str(joined)) as clip:
        keys = [number for number, packet in enumerate(clip.demux(video=0)) if packet.is_keyframe]
    assert {0, 30, 60} <= set(keys)
    assert packets_of(joined) == packets_of(whole)
    assert livematte.info(joined).video.timing == livematte.info(whole).video.timing
    assert tree(out) == [f"deep/a{suffix}"]


@pytest.mark.parametrize(
    "how",
    [
        Settings("grey", style=Style(keep="largest")),
        Settings("grey", look="golden"),
        Settings("transparent"),
        Settings("grey", options=Options(start=0.2)),
        Settings("grey", options=Options(audio="sound.mp3")),
    ],
)
def test_what_one_scene_passes_to_the_next_keeps_a_clip_in_one_piece(scenes: Path, how: Settings) -> None:
    assert find_starts(Clip(str(scenes), "out.mp4", Settings("grey"), True), 1) == ("0", "6/5", "12/5")
    assert find_starts(Clip(str(scenes), "out.mp4", Settings("grey"), True), 2) == ()
    assert find_starts(Clip(str(scenes), "out.mp4", how, True), 1) == ()
    assert find_starts(Clip(str(scenes), "out.y4m", Settings("grey"), True), 1) == ()


def test_parts_that_do_not_fit_give_way_to_the_whole(tmp_path: Path, scenes: Path) -> None:
    damaged = bytearray(scenes.read_bytes())
    with av.open(str(scenes)) as clip:
        packets = [packet for packet in clip.demux(video=0) if packet.size]
    hurt = packets[40]
    damaged[hurt.pos + 5 : hurt.pos + hurt.size] = bytes(hurt.size - 5)
    source = tmp_path / "a.mp4"
    source.write_bytes(damaged)
    report = run(source, tmp_path / "out", options=LOSSLESS, split=1, workers=2)
    assert (report.done, report.failures) == (1, ())
    whole = single(source, tmp_path / "whole.mp4", "grey", LOSSLESS)
    assert frames_of(tmp_path / "out" / "a.mp4") == frames_of(whole)


def test_parts_are_not_encoded_twice(tmp_path: Path, scenes: Path) -> None:
    stop, out = threading.Event(), tmp_path / "out"

    def progress(done: int, total: int | None) -> None:
        if total == 4 and done:
            stop.set()

    report = run(scenes, out, options=LOSSLESS, split=1, workers=2, progress=progress, stop=stop)
    assert (report.done, report.left, report.stopped) == (0, 1, "stopped on request")
    first = [line["number"] for line in lines(out, "part")]
    assert first
    assert run(scenes, out, options=LOSSLESS, split=1, workers=2).done == 1
    assert sorted(line["number"] for line in lines(out, "part")) == [0, 1, 2]
    whole = single(scenes, tmp_path / "whole.mp4", "grey", LOSSLESS)
    assert frames_of(out / "a.mp4") == frames_of(whole)
    assert tree(out) == ["a.mp4"]
