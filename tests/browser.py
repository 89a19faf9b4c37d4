"""A real Chromium before the built page, with a clip for a camera."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any

import av
import numpy as np
import psutil

import livematte
from livematte.segment.listing import listing

PAGE = Path(livematte.__file__).parent / "web" / "page"
WEIGHTS = Path(str(files("livematte.segment") / "weights"))
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = (
    "--headless=new",
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-unsafe-swiftshader",
)
LIMIT = 150
"""Seconds that a browser may live: several times what any test takes on a busy core."""
PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; "
    "img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self'; "
    "object-src 'none'; base-uri 'none'; form-action 'none'"
)


class Files(SimpleHTTPRequestHandler):
    """The built page and the networks, as `livematte serve` gives them.

    instead: other contents by path, None for what is missing.
    """

    def __init__(self, instead: dict[str, bytes | None], *given: Any) -> None:
        self.instead = instead
        super().__init__(*given)

    def translate_path(self, path: str) -> str:
        name = path.split("?")[0].lstrip("/")
        if name.startswith("networks/"):
            return str(WEIGHTS / Path(name).name)
        return str(PAGE / (name or "index.html"))

    def do_GET(self) -> None:
        path = self.path.split("?")[0].lstrip("/")
        if path in self.instead:
            body = self.instead[path]
        elif path == "networks/index.json":
            body = json.dumps(networks()).encode()
        else:
            return super().do_GET()
        if body is None:
            self.send_error(404)
            return None
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(path))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        return None

    def end_headers(self) -> None:
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        self.send_header("Content-Security-Policy", POLICY)
        super().end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing: pytest shows what matters."""


class Server(ThreadingHTTPServer):
    """A browser that goes away in the middle is no error."""

    def handle_error(self, *_: Any) -> None:
        pass


@contextmanager
def watched_chromium(limit: float = LIMIT) -> Iterator[Any]:
    """Playwright's Chromium, killed after so many seconds: where it hangs, calls would wait for ever."""
    from playwright.sync_api import sync_playwright

    if sys.platform == "linux":
        # real-time scheduling, where something has set it here, is inherited, and a Chromium under it hangs
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    others = set(psutil.Process().children(recursive=True))
    watch = threading.Timer(limit, _kill_all_but, [others])
    _adopt(True)
    watch.start()
    try:
        with sync_playwright() as started:
            yield started.chromium
    finally:
        watch.cancel()
        _kill_all_but(others)
        _adopt(False)


def _adopt(orphans: bool) -> None:
    """Whether what outlives its parent becomes this process's child, as parts of a hung browser do."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, int(orphans), 0, 0, 0)


def _kill_all_but(others: set[psutil.Process]) -> None:
    found = set(psutil.Process().children(recursive=True)) - others
    for child in found:
        with suppress(psutil.NoSuchProcess):
            child.kill()
    psutil.wait_procs(found, timeout=10)


def networks() -> list[dict[str, Any]]:
    """The index of the networks of people; that of parts is not for the page."""
    offered = sorted([*WEIGHTS.glob("best-*.tflite"), *WEIGHTS.glob("fast-*.tflite")])
    return [listing(file.name, file.read_bytes()) for file in offered]


@contextmanager
def served(instead: dict[str, bytes | None] | None = None) -> Iterator[str]:
    """The page's address, while it is served."""
    Files.extensions_map |= {".js": "text/javascript", ".webmanifest": "application/manifest+json"}
    server = Server(("127.0.0.1", 0), partial(Files, instead or {}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def camera(target: Path, width: int = 640, height: int = 480, frames: int = 60) -> Path:
    """A Y4M of the sample clip for Chromium's fake camera, forwards and backwards so that it loops evenly."""
    pictures = []
    with av.open(str(files("livematte.sample") / "clip.mp4")) as clip:
        for frame in clip.decode(video=0):
            if len(pictures) == frames:
                break
            picture = frame.to_ndarray(format="rgb24")
            scale = max(width / frame.width, height / frame.height)
            wide, high = round(width / scale), round(height / scale)
            x, y = (frame.width - wide) // 2, (frame.height - high) // 2
            cut = np.ascontiguousarray(picture[y : y + high, x : x + wide])
            pictures.append(
                av.VideoFrame.from_ndarray(cut, format="rgb24")
                .reformat(width, height, "yuv420p")
                .to_ndarray()
                .tobytes()
            )
    with target.open("wb") as out:
        out.write(f"YUV4MPEG2 W{width} H{height} F30:1 Ip A1:1 C420jpeg\n".encode())
        for planes in pictures + pictures[::-1]:
            out.write(b"FRAME\n" + planes)
    return target
