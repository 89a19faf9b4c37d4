"""Abuse a real `livematte serve --jobs` on this machine: answers stay right, memory and disk stay bounded.

python benchmarks/abuse.py [--clients 200] [--seconds 60]

All at once, each in a thread of its own: clients that upload a clip of 4 MB, watch the job and fetch the
result; and among them clients that send a head byte by byte, stop in the middle of an upload, hang up in the
middle of one, send too much with and without saying so, send what is no clip, ask with path tricks and from
other pages, and take nothing of what they asked for. Who gets no place asks again for a third of the time.
Meanwhile somebody opens the page again and again; that has to work. Then everything has to be gone, and one
ordinary job has to go through. Prints the answers by kind, the server's peak memory and the peak size of its
folder, and exits with 1 on any failure. Linux only, for it reads /proc.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import av
import numpy as np

SERVE = """
import sys
from pathlib import Path
from livematte.web import assets
assets.PAGE = Path(sys.argv.pop(1))
from livematte.cli import main
main()
"""
LIMITS = {
    "jobs-at-once": "48",
    "jobs-per-client": "40",
    "clip-megabytes": "5",
    "silence": "3",
    "keep-seconds": "15",
    "run-seconds": "30",
    "upload-seconds": "20",
}
MOST_DISK = 48 * 2 * 5e6  # bytes: for each place a clip and a result, which is no larger here
MOST_MEMORY = 400e6  # bytes of the server alone; it begins at some 130
TRICKS = (
    "/../../etc/passwd",
    "/jobs/..%2f..%2fetc%2fpasswd/result",
    "/networks/%2e%2e/runtime.py",
    "//etc/passwd",
)

Act = Callable[[], str]


class Abuse:
    """The clients; each act returns what came of it, and appends to `faults` what must not be."""

    def __init__(self, port: int, clip: bytes, seconds: float) -> None:
        self.port = port
        self.clip = clip
        self.seconds = seconds
        self.faults: list[str] = []

    def upload(self) -> str:
        """An ordinary client that meets a busy server."""
        status, job = self.place()
        if status != 201:
            return self.expect("no place", status, 429, 503)
        status, told = self.ask("PUT", job["clip"], self.clip, "video/mp4")
        if status != 202:
            return self.expect("upload", status, 404, 408)
        end = time.monotonic() + self.seconds
        while told.get("state") in ("waiting", "running") and time.monotonic() < end:
            time.sleep(0.5)
            _, told = self.ask("GET", f"/jobs/{job['id']}")
        if told.get("state") != "done":
            self.ask("DELETE", f"/jobs/{job['id']}")
            return f"place, then {told.get('state', 'gone')}"
        status, result = self.ask("GET", job["result"])
        if status != 200 or result[4:8] != b"ftyp":
            self.faults.append(f"result: {status}, {result[:100]!r}")
        return "result fetched"

    def oversize(self, declared: bool) -> str:
        """More than is taken."""
        status, job = self.place()
        if status != 201:
            return self.expect("no place", status, 429, 503)
        parts = [self.clip[:500_000], *[bytes(500_000)] * 18]
        body = b"".join(parts) if declared else iter(parts)
        try:
            status, _ = self.ask("PUT", job["clip"], body, "video/mp4")
        except ConnectionError:  # the answer was overtaken
            return "413 or hung up on"
        return self.expect("oversize", status, 413)

    def no_clip(self) -> str:
        """A playlist that calls itself a clip."""
        status, job = self.place()
        if status != 201:
            return self.expect("no place", status, 429, 503)
        content = b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"
        return self.expect("no clip", self.ask("PUT", job["clip"], content, "video/mp4")[0], 415)

    def stop_sending(self, hang_up: bool) -> str:
        """Half an upload, then silence or a closed connection."""
        status, job = self.place()
        if status != 201:
            return self.expect("no place", status, 429, 503)
        head = f"PUT {job['clip']} HTTP/1.1\r\nHost: localhost\r\nContent-Type: video/mp4\r\n"
        with self.raw(f"{head}Content-Length: {len(self.clip)}\r\n\r\n") as connection:
            connection.sendall(self.clip[: len(self.clip) // 2])
            if hang_up:
                return "hung up"
            return self.expect("stopped", int(connection.recv(100).split()[1]), 408)

    def slow_head(self) -> str:
        """A head byte by byte."""
        begin = time.monotonic()
        with self.raw("GET / HTTP/1.1\r\nHost: localhost\r\nX: ") as connection:
            connection.settimeout(0.2)
            while time.monotonic() < begin + self.seconds:
                try:
                    connection.sendall(b"a")
                    if (answer := connection.recv(100)) is not None:
                        return self.expect("slow head", int((answer.split() or [0, 408])[1]), 408)
                except TimeoutError:
                    continue
                except OSError:
                    return "slow head: cut off"
        self.faults.append("a head may last for ever")
        return "slow head: endless"

    def take_nothing(self) -> str:
        """Ask for much and read none of it."""
        with self.raw(
            "GET /networks/best-256x256.tflite HTTP/1.1\r\nHost: localhost\r\n\r\n" * 8
        ) as connection:
            time.sleep(8)
            connection.settimeout(5)
            received = 0
            with suppress(OSError):
                while more := connection.recv(2**16):
                    received += len(more)
        if received > 8 * 1_800_000:
            self.faults.append("a client that takes nothing got everything in the end")
        return "took nothing: cut off"

    def trick(self) -> str:
        """Paths that lead outside, and other pages."""
        for path in TRICKS:
            status, body = self.ask("GET", path)
            if status != 404 or b"root:" in json.dumps(body).encode():
                self.faults.append(f"{path}: {status}")
        for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            self.expect("other page", self.ask("POST", "/jobs", {}, headers=headers)[0], 403)
        return self.expect("name", self.ask("GET", "/", headers={"Host": "evil.example"})[0], 421)

    def place(self) -> tuple[int, Any]:
        """Open a job, after some tries if need be."""
        end = time.monotonic() + self.seconds / 3
        while (answer := self.ask("POST", "/jobs", {"background": "teal"}))[0] != 201:
            self.expect("no place", answer[0], 429, 503)
            if time.monotonic() > end:
                break
            time.sleep(1)
        return answer

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        kind: str = "application/json",
        headers: dict[str, str] | None = None,
    ) -> tuple[int, Any]:
        """One request: the status, and the body as JSON where it is."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.seconds)
        try:
            body = json.dumps(body).encode() if isinstance(body, dict) else body
            connection.request(method, path, body, {"Content-Type": kind, **(headers or {})})
            answer = connection.getresponse()
            content = answer.read()
            is_json = answer.headers.get("Content-Type") == "application/json"
            return answer.status, json.loads(content) if is_json and content else content
        finally:
            connection.close()

    def expect(self, what: str, status: int, *right: int) -> str:
        """Note an answer that is not one of the right ones."""
        if status not in right:
            self.faults.append(f"{what}: {status}, not {' or '.join(map(str, right))}")
        return f"{what}: {status}"

    @contextmanager
    def raw(self, head: str) -> Iterator[socket.socket]:
        """A connection on which a head was sent; a small window, so that little fits on the way."""
        with socket.socket() as connection:
            connection.settimeout(self.seconds)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
            connection.connect(("127.0.0.1", self.port))
            connection.sendall(head.encode())
            yield connection


class Watch(threading.Thread):
    """Opens the page again and again, and measures the server and its folder."""

    def __init__(self, abuse: Abuse, process: int, folder: Path) -> None:
        super().__init__(daemon=True)
        self.abuse = abuse
        self.process = process
        self.folder = folder
        self.memory = self.disk = self.waits = 0.0
        self.opened = 0
        self.over = threading.Event()

    def run(self) -> None:
        """Until told that it is over."""
        while not self.over.wait(0.2):
            begin = time.monotonic()
            self.abuse.expect("page", self.abuse.ask("GET", "/")[0], 200)
            self.waits = max(self.waits, time.monotonic() - begin)
            self.opened += 1
            self.memory = max(self.memory, memory_of(self.process))
            self.disk = max(self.disk, size_of(self.folder))


def main() -> None:
    """Run everything, print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--clients", type=int, default=200, help="uploads at once")
    parser.add_argument("--seconds", type=float, default=60, help="after which a client gives up")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with serving(folder) as (process, port):
            abuse = Abuse(port, make_clip(folder / "in.mp4"), arguments.seconds)
            before = memory_of(process.pid)
            watch = Watch(abuse, process.pid, folder / "cache")
            watch.start()
            begin = time.monotonic()
            answers = let_loose(abuse, arguments.clients)
            took = time.monotonic() - begin
            left = wait_for_nothing(folder / "cache", 40)
            watch.over.set()
            watch.join()
            last = abuse.upload()
            after = memory_of(process.pid)
            process.send_signal(signal.SIGINT)
            code = process.wait(20)
        said = (folder / "stderr").read_text()
        at_end = [path for path in (folder / "cache").rglob("*") if path.name != "livematte"]
    for answer, count in sorted(answers.items()):
        print(f"{count:5}  {answer}")
    print(f"{answers.total()} clients in {took:.0f} s; the page opened {watch.opened} times, ", end="")
    print(f"at the longest after {watch.waits:.1f} s")
    print(
        f"memory: {before / 1e6:.0f} MB before, {watch.memory / 1e6:.0f} at most, {after / 1e6:.0f} after; ",
        end="",
    )
    print(f"disk: {watch.disk / 1e6:.0f} MB at most; left then: {len(left)} files, in the end: {len(at_end)}")
    faults = {
        **Counter(abuse.faults),
        **{f"left behind: {path}": 1 for path in [*left, *at_end]},
        "too much memory": watch.memory > MOST_MEMORY,
        "too much disk": watch.disk > MOST_DISK,
        f"an ordinary job afterwards: {last}": last != "result fetched",
        f"it ended with {code} and said: {said}": code != 130 or said != "livematte: stopped\n",
    }
    for fault, count in faults.items():
        if count:
            print(f"FAILED {count:d} times: {fault}")
    sys.exit(1 if any(faults.values()) else 0)


def let_loose(abuse: Abuse, clients: int) -> Counter[str]:
    """Everybody at once: what came of it, by kind."""
    few = max(1, clients // 20)
    acts: list[Act] = []
    for act in (
        lambda: abuse.stop_sending(hang_up=False),
        lambda: abuse.stop_sending(hang_up=True),
        abuse.slow_head,
        abuse.take_nothing,
        abuse.no_clip,
        abuse.trick,
        lambda: abuse.oversize(declared=True),
        lambda: abuse.oversize(declared=False),
    ):
        acts += [act] * few
    acts += [abuse.upload] * clients  # last, for the first forty would keep the others out
    answers: Counter[str] = Counter()

    def run(act: Act) -> None:
        try:
            answers[act()] += 1
        except Exception as error:
            abuse.faults.append(f"{type(error).__name__}: {error}")

    threads = [threading.Thread(target=run, args=(act,), daemon=True) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(3 * abuse.seconds)
        if thread.is_alive():
            abuse.faults.append("a client that never ended")
    return answers


@contextmanager
def serving(folder: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A server on a free port, with a page of one line."""
    page = folder / "page"
    page.mkdir()
    (page / "index.html").write_text("<!doctype html><title>livematte</title>")
    limits = [word for name, value in LIMITS.items() for word in (f"--{name}", value)]
    with (folder / "stderr").open("w") as said:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, page, "serve", "--port", "0", "--jobs", *limits],
            env={**os.environ, "XDG_CACHE_HOME": str(folder / "cache")},
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
        )
    assert process.stdout
    try:
        address = process.stdout.readline().split()[-1]
        process.stdout.readline()
        yield process, int(address.strip("/").rpartition(":")[2])
    finally:
        process.kill()
        process.wait()


def make_clip(path: Path) -> bytes:
    """Some 4 MB of noise, short enough to be worked on at once."""
    chance = np.random.default_rng(1)
    with av.open(str(path), "w") as output:
        video = output.add_stream("libx264", 25, {"preset": "ultrafast", "qp": "2"})
        video.width, video.height, video.pix_fmt = 640, 360, "yuv420p"
        for _ in range(8):
            noise = chance.integers(0, 256, (360, 640, 3), np.uint8)
            output.mux(video.encode(av.VideoFrame.from_ndarray(noise, format="rgb24")))
        output.mux(video.encode(None))
    return path.read_bytes()


def wait_for_nothing(folder: Path, seconds: float) -> list[Path]:
    """What is left in the folders of jobs when that does not get less any more."""
    end = time.monotonic() + seconds
    while left := [path for jobs in folder.glob("livematte/.livematte-*") for path in jobs.iterdir()]:
        if time.monotonic() > end:
            break
        time.sleep(0.5)
    return left


def memory_of(process: int) -> float:
    """Resident bytes of a process."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return float(pages * os.sysconf("SC_PAGE_SIZE"))


def size_of(folder: Path) -> int:
    """Bytes of all files in a folder, from which others take some away meanwhile."""
    size = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                size += (Path(parent) / name).stat().st_size
    return size


if __name__ == "__main__":
    main()
