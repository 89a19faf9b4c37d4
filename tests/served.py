"""A real `livematte serve` in a process of its own, and real requests to it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

import av
import numpy as np

CODE = """
import sys
from pathlib import Path
from livematte.web import assets
assets.PAGE = Path(sys.argv.pop(1))
from livematte.cli import main
main()
"""
PATIENCE = 30.0


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Served:
    """A server that ends with its `with` block; `folder` holds its page and its cache."""

    def __init__(self, folder: Path, *arguments: str, environment: dict[str, str] | None = None) -> None:
        self.cache = folder / "cache"
        self._said = folder / "stderr"
        self.lines: list[str] = []
        with self._said.open("w") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-c", CODE, make_page(folder), "serve", "--port", "0", *arguments],
                env={**os.environ, "XDG_CACHE_HOME": str(self.cache), **(environment or {})},
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
            )

    def __enter__(self) -> Self:
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            if line.startswith("Ctrl-C"):
                break
        assert self.lines, self.said
        self.url = self.lines[0].split()[-1]
        self.host, self.port = "127.0.0.1", urlsplit(self.url).port or 0
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        assert self.process.stdout
        self.process.stdout.close()
        self.process.wait()

    @property
    def said(self) -> str:
        """On standard error."""
        return self._said.read_text()

    def stop(self, number: int = signal.SIGINT) -> int:
        """Send a signal: the exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def connect(self, context: ssl.SSLContext | None = None) -> http.client.HTTPConnection:
        if context:
            return http.client.HTTPSConnection("localhost", self.port, timeout=PATIENCE, context=context)
        return http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """One request; underscores in the headers' names are hyphens, and a dict goes as JSON."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if isinstance(body, dict):
            body = json.dumps(body).encode()
            named = {"Content-Type": "application/json", **named}
        connection = self.connect()
        try:
            connection.request(method, path, body, named)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def open(self, **order: Any) -> str:
        """Open a job: its place."""
        answer = self.ask("POST", "/jobs", order)
        assert answer.status == 201, answer
        return str(answer.headers["Location"])

    def send(self, place: str, clip: bytes, kind: str = "video/mp4") -> Answer:
        return self.ask("PUT", f"{place}/clip", clip, Content_Type=kind)

    def watch(self, place: str, **headers: str) -> list[dict[str, Any]]:
        """Every event of a job."""
        answer = self.ask("GET", f"{place}/events", **headers)
        assert answer.status == 200, answer
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        lines = answer.body.decode().split("\n\n")
        return [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]

    @contextmanager
    def raw(self, head: str) -> Iterator[socket.socket]:
        """A connection on which a head was sent."""
        with socket.create_connection((self.host, self.port), timeout=PATIENCE) as connection:
            connection.sendall(head.encode())
            yield connection

    def left(self) -> list[str]:
        """All that lies in the folders of jobs."""
        # Path.rglob fails where a folder goes meanwhile, os.walk goes on
        walked = (there for folder in self.job_folders() for there in os.walk(folder))
        return sorted(str(Path(at, name)) for at, folders, files in walked for name in (*folders, *files))

    def job_folders(self) -> list[Path]:
        return sorted(self.cache.glob("livematte/.livematte-*"))


def make_page(folder: Path) -> Path:
    """A page with one of each kind of file."""
    page = folder / "page"
    (page / "assets").mkdir(parents=True, exist_ok=True)
    (page / "index.html").write_text("<!doctype html><title>the page</title>" + "<p>text</p>" * 50)
    (page / "service-worker.js").write_text("// keeps the page")
    (page / "assets" / "index-B0cd_-12.js").write_text("export const many = 'many';\n" * 100)
    (page / "assets" / "run-abcd1234.wasm").write_bytes(b"\0asm" + bytes(5000))
    (folder / "outside.txt").write_text("not for others")
    return page


def noisy_clip(path: Path, frames: int = 12) -> Path:
    """A clip of 640×480 that no codec makes small."""
    chance = np.random.default_rng(1)
    with av.open(str(path), "w") as output:
        video = output.add_stream("libx264", 25, {"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = 640, 480, "yuv420p"
        for _ in range(frames):
            noise = chance.integers(0, 256, (480, 640, 3), np.uint8)
            output.mux(video.encode(av.VideoFrame.from_ndarray(noise, format="rgb24")))
        output.mux(video.encode(None))
    return path


def until(true: Callable[[], Any], seconds: float = PATIENCE) -> bool:
    """Whether something comes true in time."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True
