"""Numbered pictures, addresses and pipes."""

from __future__ import annotations

import functools
import http.server
import os
import socket
import struct
import subprocess
import threading
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from clips import CFR, VFR, make_clip, packets_of, picture
from PIL import Image
from runs import FIFTY, MAIN, names, run, times

from livematte import InputError, OutputError

# numbered pictures, addresses, pipes


def test_numbered_pictures_in_and_out(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for number in range(7, 15):
        Image.fromarray(picture(number)).save(tmp_path / "in" / f"a{number:04d}.png")
    pattern = tmp_path / "in" / "a%04d.png"
    run(pattern, tmp_path / "out.mp4", rate=10)
    assert times(tmp_path / "out.mp4") == [Fraction(n, 10) for n in range(8)]
    run(pattern, tmp_path / "out" / "b%d.png")
    assert len(names(tmp_path / "out")) == 8
    first = np.asarray(Image.open(tmp_path / "out" / "b1.png"))
    assert np.abs(first.astype(int) - picture(7)).mean() < 4
    with pytest.raises(OutputError, match="exist already"):
        run(pattern, tmp_path / "out" / "b%d.png")
    run(pattern, tmp_path / "out" / "b%d.png", overwrite=True, end=0.1)
    assert names(tmp_path / "out") == ["b1.png", "b2.png", "b3.png"]
    (tmp_path / "in" / "a0010.png").unlink()
    report = run(pattern, tmp_path / "gap.mp4")
    assert report.frames_out == 3
    assert any("number 10 is missing" in warning for warning in report.warnings)
    with pytest.raises(InputError, match="no picture of that name"):
        run(tmp_path / "in" / "z%d.png", tmp_path / "no.mp4")
    assert names(tmp_path) == ["gap.mp4", "in", "out", "out.mp4"]


class _Silent(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(_Silent, directory=str(tmp_path))
    )
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_an_address_is_read_like_a_file(tmp_path: Path, address: str) -> None:
    source = make_clip(tmp_path / "in.mp4", times=VFR)
    report = run(f"{address}/in.mp4", tmp_path / "out.mp4")
    assert report.source == f"{address}/in.mp4"
    assert times(tmp_path / "out.mp4") == list(VFR)
    assert packets_of(tmp_path / "out.mp4") == packets_of(source)
    with pytest.raises(InputError, match=r"nothing\.mp4 cannot be opened"):
        run(f"{address}/nothing.mp4", tmp_path / "no.mp4")


@pytest.mark.skipif(os.name == "nt", reason="pipes of shells")
@pytest.mark.parametrize(("container", "sound"), [("matroska", 1), ("nut", 1), ("y4m", 0)])
def test_a_pipe_in_and_a_pipe_out(tmp_path: Path, container: str, sound: int) -> None:
    source = make_clip(tmp_path / "in.mkv", times=CFR)
    call = [*MAIN, "replace", "-", "-", "--background", "teal", "--container", container]
    done = subprocess.run(call, input=source.read_bytes(), capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    result = tmp_path / f"out.{container}"
    result.write_bytes(done.stdout)
    with av.open(str(result)) as clip:
        assert [len(clip.streams.video), len(clip.streams.audio)] == [1, sound]
        found = [frame.pts * frame.time_base for frame in clip.decode(video=0)]
    assert len(found) == len(CFR)
    assert all(
        abs(step - Fraction(1, 25)) <= Fraction(1, 1000) for step in (b - a for a, b in pairwise(found))
    )
    assert b"20 frames in " in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="pipes of shells")
def test_an_empty_pipe_is_one_clear_line() -> None:
    done = subprocess.run(
        [*MAIN, "replace", "-", "-"], input=b"", capture_output=True, timeout=120, check=False
    )
    assert (done.returncode, done.stdout) == (2, b"")
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("livematte: -")


# a camera's address


class Camera(threading.Thread):
    """An RTSP server (RFC 2326) for one viewer: it sends a transport stream over the same connection."""

    def __init__(self, stream: bytes) -> None:
        super().__init__(daemon=True)
        self.stream = stream
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]

    def run(self) -> None:
        connection, _ = self.server.accept()
        with connection, connection.makefile("rwb") as line:
            while (request := line.readline().decode().split()) and request[0] != "TEARDOWN":
                headers = dict(header.split(": ", 1) for header in self.headers(line))
                self.answer(line, request[0], headers)
                if request[0] == "PLAY":
                    self.play(line)
                    return

    def headers(self, line: Any) -> Iterator[str]:
        while header := line.readline().decode().strip():
            yield header

    def answer(self, line: Any, request: str, headers: dict[str, str]) -> None:
        extra, body = "Session: 1\r\n", ""
        if request == "DESCRIBE":
            body = (
                "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nt=0 0\r\n"
                "m=video 0 RTP/AVP 33\r\na=control:track\r\n"
            )
            extra = f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n"
        if request == "SETUP":
            extra += "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"
        line.write(f"RTSP/1.0 200 OK\r\nCSeq: {headers['CSeq']}\r\n{extra}\r\n{body}".encode())
        line.flush()

    def play(self, line: Any) -> None:
        for number, start in enumerate(range(0, len(self.stream), 7 * 188)):
            piece = self.stream[start : start + 7 * 188]
            packet = struct.pack(">BBHII", 0x80, 33, number & 0xFFFF, number * 100, 1) + piece
            line.write(b"$" + struct.pack(">BH", 0, len(packet)) + packet)
        line.flush()


def test_a_cameras_address_is_read(tmp_path: Path) -> None:
    film = make_clip(tmp_path / "film.ts", times=FIFTY, options={"g": "10"})
    camera = Camera(film.read_bytes())
    camera.start()
    try:
        report = run(f"rtsp://127.0.0.1:{camera.port}/live", tmp_path / "out.mp4")
    finally:
        camera.join(timeout=20)
        camera.server.close()
    assert report.frames_out >= 45
    found = times(tmp_path / "out.mp4")
    assert all(step == Fraction(1, 25) for step in (b - a for a, b in pairwise(found)))
