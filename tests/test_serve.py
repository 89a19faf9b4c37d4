"""`livematte serve`: what the page gets, and what strangers cannot do."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import os
import signal
import socket
import ssl
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from clips import CFR, make_clip
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

pytest.importorskip("uvicorn", reason="the server needs: pip install 'livematte[serve]'")

from served import CODE, Served, make_page, noisy_clip, until

import livematte
from livematte import InputError, OptionError
from livematte.media import confine, read
from livematte.web.addresses import lan_addresses
from livematte.web.certificate import own_certificate, read_certificate
from livematte.web.guard import HEADERS
from livematte.web.jobs import Jobs, RefusedError
from livematte.web.limits import Limits
from livematte.web.order import RESULTS, Order, parse_json

JSON = "application/json"
LONG = tuple(Fraction(n, 25) for n in range(450))

with_signals = pytest.mark.skipif(os.name == "nt", reason="signals to one process need a POSIX system")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serves the page alone."""
    with Served(tmp_path_factory.mktemp("plain"), "--silence", "1") as server:
        yield server


@pytest.fixture(scope="module")
def open_to_jobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    limits = ["--silence", "2", "--clip-megabytes", "1", "--photo-megabytes", "0.1", "--clip-seconds", "20"]
    limits += ["--megapixels", "1", "--result-megabytes", "1", "--jobs-per-client", "2"]
    with Served(tmp_path_factory.mktemp("jobs"), "--jobs", *limits) as server:
        yield server


@pytest.fixture
def jobs(open_to_jobs: Served) -> Iterator[Served]:
    """Takes jobs; whatever a test does, nothing may be left of it, and nothing may have gone wrong inside."""
    yield open_to_jobs
    assert until(lambda: open_to_jobs.left() == [], 10)
    assert "Traceback" not in open_to_jobs.said


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return make_clip(tmp_path_factory.mktemp("clip") / "in.mp4").read_bytes()


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Takes long enough to be disturbed."""
    options = {"preset": "ultrafast", "crf": "45"}
    path = tmp_path_factory.mktemp("clip") / "in.mp4"
    return make_clip(path, times=LONG, options=options, sound_tracks=0).read_bytes()


# the page


def test_the_page_comes_with_strict_headers(plain: Served) -> None:
    answer = plain.ask("GET", "/")
    assert answer.status == 200
    assert b"<title>the page</title>" in answer.body
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-cache"
    assert "Server" not in answer.headers
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self' 'wasm-unsafe-eval'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-inline" not in policy
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer.headers["Cross-Origin-Embedder-Policy"] == "require-corp"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Permissions-Policy"] == "camera=(self), microphone=(self)"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/jobs", 404),
        ("POST", "/jobs", 404),
        ("POST", "/", 405),
        ("DELETE", "/assets/index-B0cd_-12.js", 405),
    ],
)
def test_errors_are_json_with_the_same_headers(plain: Served, method: str, path: str, status: int) -> None:
    answer = plain.ask(method, path)
    assert answer.status == status
    assert answer.json["error"]
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert ("Allow" in answer.headers) == (status == 405)


@pytest.mark.parametrize(
    ("path", "kind", "kept"),
    [
        ("/index.html", "text/html; charset=utf-8", "no-cache"),
        ("/service-worker.js", "text/javascript; charset=utf-8", "no-cache"),
        ("/assets/index-B0cd_-12.js", "text/javascript; charset=utf-8", "immutable"),
        ("/assets/run-abcd1234.wasm", "application/wasm", "immutable"),
        ("/networks/index.json", "application/json", "no-cache"),
        ("/networks/best-256x256.tflite", "application/octet-stream", "no-cache"),
    ],
)
def test_files_are_typed_packed_and_kept(plain: Served, path: str, kind: str, kept: str) -> None:
    whole = plain.ask("GET", path)
    packed = plain.ask("GET", path, Accept_Encoding="br;q=1.0, gzip;q=0.8")
    assert whole.status == packed.status == 200
    assert whole.headers["Content-Type"] == packed.headers["Content-Type"] == kind
    assert whole.headers["Cache-Control"].endswith(kept)
    assert whole.headers["Vary"] == "Accept-Encoding"
    assert "Content-Encoding" not in whole.headers
    if "Content-Encoding" in packed.headers:
        assert len(packed.body) < len(whole.body)
        assert gzip.decompress(packed.body) == whole.body
    else:
        assert packed.body == whole.body
    assert ("Content-Encoding" in packed.headers) == (len(whole.body) > 500 or path.endswith("index.json"))
    assert plain.ask("GET", path, If_None_Match=whole.headers["ETag"])[::2] == (304, b"")
    assert plain.ask("GET", path, Accept_Encoding="gzip;q=0").body == whole.body
    assert plain.ask("HEAD", path).headers["Content-Length"] == str(len(whole.body))


def test_the_networks_are_listed_as_they_are(plain: Served) -> None:
    weights = Path(livematte.__file__).parent / "segment" / "weights"
    listed = plain.ask("GET", "/networks/index.json").json
    wanted = {path.name for name in ("best", "fast") for path in weights.glob(f"{name}-*.tflite")}
    assert {entry["file"] for entry in listed} == wanted
    for entry in listed:
        content = plain.ask("GET", f"/networks/{entry['file']}").body
        assert content == (weights / entry["file"]).read_bytes()
        assert entry["bytes"] == len(content)
        assert entry["sha256"] == sha256(content).hexdigest()
        assert entry["file"] == f"{entry['name']}-{entry['height']}x{entry['width']}.tflite"


@pytest.mark.parametrize(
    "path",
    [
        "/../outside.txt",
        "/%2e%2e/outside.txt",
        "/assets/..%2f..%2foutside.txt",
        "/assets/../../outside.txt",
        "/networks/..%5c..%5c__init__.py",
        "/networks/../runtime.py",
        "//etc/passwd",
        "/assets/%00",
        "/assets/",
        "/%ff%fe",
        "/" + "a" * 8000,
    ],
)
def test_no_path_leads_outside(plain: Served, path: str) -> None:
    with plain.raw(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n") as connection:
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b"not for others" not in answer


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8000", 200),
        ("[::1]:8000", 200),
        ("localhost", 200),
        ("LOCALHOST:1", 200),
        (socket.gethostname(), 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("localhost@evil.example", 421),
        ("localhost.evil.example:8000", 421),
        ("[evil", 421),
        ("", 421),
    ],
)
def test_only_its_own_names_are_answered(plain: Served, host: str, status: int) -> None:
    assert plain.ask("GET", "/", Host=host).status == status


@pytest.mark.parametrize("start", ["", "GET / HT", "GET / HTTP/1.1\r\nHost: localhost\r\nX-A: "])
def test_a_head_that_never_ends_is_given_up(plain: Served, start: str) -> None:
    begin = time.monotonic()
    with plain.raw(start) as connection:
        answer = b""
        while time.monotonic() < begin + 10:
            connection.settimeout(0.2)
            try:
                if start:
                    connection.sendall(b"a")  # a byte now and then does not help
                answer += (more := connection.recv(1000))
                if not more:
                    break
            except TimeoutError:
                continue
            except OSError:
                break
    assert 0.8 < time.monotonic() - begin < 5
    assert answer.startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize(
    "nonsense", ["\0\1\2\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/1.1\r\nX: " + "a" * 80_000]
)
def test_what_is_no_http_is_refused(plain: Served, nonsense: str) -> None:
    with plain.raw(nonsense) as connection:
        assert connection.recv(1000).startswith(b"HTTP/1.1 400 ")
    assert plain.ask("GET", "/").status == 200


def test_a_client_that_takes_nothing_is_dropped(plain: Served) -> None:
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect((plain.host, plain.port))
        request = b"GET /networks/best-256x256.tflite HTTP/1.1\r\nHost: localhost\r\n\r\n"
        connection.sendall(request * 10)
        time.sleep(3)
        connection.settimeout(5)
        with connection.makefile("rb") as file, suppress(ConnectionResetError):
            assert len(file.read()) < 10_000_000  # of 19 million asked for
    assert plain.ask("GET", "/").status == 200


# jobs


def test_a_whole_job(jobs: Served, clip: bytes, tmp_path: Path) -> None:
    place = jobs.open(background="teal", keep="largest", quality=30)
    assert jobs.ask("GET", place).json["state"] == "open"
    sent = jobs.send(place, clip)
    assert (sent.status, sent.json["state"], sent.json["place"]) == (202, "waiting", 1)
    told = jobs.watch(place)
    assert {news["state"] for news in told[:-1]} <= {"waiting", "running"}
    assert [news["done"] for news in told if news["state"] == "running"] == sorted(
        news["done"] for news in told if news["state"] == "running"
    )
    assert told[-1]["state"] == "done"
    assert "20 frames" in told[-1]["report"]
    assert str(jobs.cache) not in json.dumps(told)
    assert jobs.ask("HEAD", f"{place}/result").status == 404
    result = jobs.ask("GET", f"{place}/result")
    assert result.status == 200
    assert result.headers["Content-Type"] == "video/mp4"
    assert result.headers["Cache-Control"] == "no-store"
    assert result.headers["Content-Disposition"] == 'attachment; filename="livematte.mp4"'
    (tmp_path / "out.mp4").write_bytes(result.body)
    frames = list(read(tmp_path / "out.mp4"))
    assert [frame.time for frame in frames] == list(CFR)
    assert until(lambda: jobs.ask("GET", place).status == 404)


def test_a_photo_as_the_background(jobs: Served, clip: bytes, tmp_path: Path) -> None:
    place = jobs.open(background="photo", format="webm")
    assert jobs.send(place, clip).status == 409  # the photo comes first
    photo = io.BytesIO()
    Image.new("RGB", (60, 40), (250, 0, 0)).save(photo, "PNG")
    answer = jobs.ask("PUT", f"{place}/photo", photo.getvalue(), Content_Type="image/png")
    assert (answer.status, answer.json["state"]) == (200, "open")
    assert jobs.send(place, clip).status == 202
    assert jobs.watch(place)[-1]["state"] == "done"
    result = jobs.ask("GET", f"{place}/result")
    assert result.headers["Content-Type"] == "video/webm"
    (tmp_path / "out.webm").write_bytes(result.body)
    corner = next(iter(read(tmp_path / "out.webm"))).rgb()[2, 2].astype(int)
    assert corner[0] > 200
    assert corner[1:].max() < 60


@pytest.mark.parametrize(
    ("order", "word"),
    [
        ({"background": "/etc/passwd"}, "background"),
        ({"background": "../../photo.png"}, "background"),
        ({"background": "clip"}, "background"),
        ({"background": "http://127.0.0.1/beach.jpg"}, "background"),
        ({"background": "file:///etc/passwd"}, "background"),
        ({"background": "blur:9"}, "blur"),
        ({"background": 7}, "background"),
        ({"background": "a" * 500}, "background"),
        ({"background": "transparent", "format": "mp4"}, "mp4"),
        ({"look": "nope"}, "nope"),
        ({"keep": "tallest"}, "keep"),
        ({"audio": "/etc/passwd"}, "audio"),
        ({"format": "../../x.mp4"}, "format"),
        ({"format": "m3u8"}, "format"),
        ({"size": "99999x99999"}, "size"),
        ({"start": "1e999999999"}, "start"),
        ({"start": -1}, "start"),
        ({"quality": 1.5}, "quality"),
        ({"feather": True}, "feather"),
        ({"feather": 3}, "feather"),
        ({"shadow": int("9" * 4000)}, "shadow"),
        ({"sdr": "yes"}, "sdr"),
        ({"network": "/etc/passwd"}, "network"),
        ({"overwrite": True}, "overwrite"),
        ({"matte": "mask.mp4"}, "matte"),
        ({"codec": "h264_nvenc"}, "codec"),
    ],
)
def test_paths_addresses_and_nonsense_are_no_options(jobs: Served, order: dict[str, Any], word: str) -> None:
    answer = jobs.ask("POST", "/jobs", order)
    assert answer.status == 400
    assert word in answer.json["error"]


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", JSON, 400),
        (b"[]", JSON, 400),
        (b'{"feather": NaN}', JSON, 400),
        (b"[" * 9000, JSON, 400),
        (b"\xff\xfe", JSON, 400),
        (b"{}" + b" " * 20_000, JSON, 413),
        (b"{}", "text/plain", 415),
        (b"background=teal", "application/x-www-form-urlencoded", 415),
    ],
)
def test_only_small_json_opens_a_job(jobs: Served, body: bytes, kind: str, status: int) -> None:
    answer = jobs.ask("POST", "/jobs", body, Content_Type=kind)
    assert answer.status == status
    assert answer.json["error"]


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_body_is_an_order_or_a_clear_refusal(body: bytes) -> None:
    with suppress(OptionError):
        assert Order.of(parse_json(body)).format in RESULTS


@given(
    st.dictionaries(
        st.sampled_from(
            ["background", "look", "position", "size", "start", "end", "feather", "quality", "fit"]
        ),
        st.text(max_size=20) | st.integers() | st.floats() | st.booleans() | st.none() | st.lists(st.none()),
    )
)
def test_any_values_are_an_order_or_a_clear_refusal(given: dict[str, Any]) -> None:
    with suppress(OptionError):
        assert Order.of(given).format in RESULTS


PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n"
MPD = (
    b"\0\0\0\x20ftypisom\0\0\0\0isomiso2avc1mp41<?xml version='1.0'?><MPD "
    b"profiles='urn:mpeg:dash:profile:isoff-on-demand:2011'><BaseURL>file:///etc/hostname</BaseURL></MPD>"
)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"plain text, no clip at all", "video/mp4"),
        (PLAYLIST, "video/mp4"),
        (b"ffconcat version 1.0\nfile '/etc/hostname'\n", "video/mp4"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "video/mp4"),
        (b"", "video/mp4"),
        (b"\0\0\0", "video/mp4"),
        (b"\0\0\0\x20ftypisom" + bytes(100), "text/html"),
        (b"\0\0\0\x20ftypisom" + bytes(100), "multipart/form-data; boundary=x"),
    ],
)
def test_what_is_no_clip_is_refused_at_once(jobs: Served, content: bytes, kind: str) -> None:
    place = jobs.open()
    answer = jobs.send(place, content, kind)
    assert answer.status == 415
    assert answer.json["error"]
    jobs.ask("DELETE", place)


@pytest.mark.parametrize(
    "content",
    [MPD, b"\0\0\0\x20ftypisom" + PLAYLIST, b"\x1a\x45\xdf\xa3" + bytes(50)],
    ids=["dash", "playlist", "empty"],
)
def test_what_only_begins_as_a_clip_fails_and_opens_nothing(jobs: Served, content: bytes) -> None:
    place = jobs.open()
    assert jobs.send(place, content).status == 202
    (*_, last) = jobs.watch(place)
    assert last["state"] == "failed"
    assert last["error"].startswith("clip ")
    assert str(jobs.cache) not in last["error"]
    assert jobs.ask("GET", f"{place}/result").status == 409
    assert jobs.ask("DELETE", place).status == 204


def test_a_confined_process_follows_no_playlist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = make_clip(tmp_path / "inner.ts", format="mpegts", times=CFR[:3])
    local, remote = tmp_path / "local.m3u8", tmp_path / "remote.m3u8"
    playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n"
    local.write_text(playlist.format(inner.name))
    assert livematte.info(local).video is not None  # an ordinary one does
    monkeypatch.setattr("livematte.media.source._always", {})
    confine()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        remote.write_text(playlist.format(f"http://127.0.0.1:{listener.getsockname()[1]}/"))
        for path in (local, remote, inner):  # MPEG-TS is none of the kinds that are taken
            with pytest.raises(InputError, match=path.name):
                livematte.info(path)
        with pytest.raises(TimeoutError):
            listener.accept()


def test_limits_of_a_clip_and_its_result(jobs: Served, clip: bytes, tmp_path: Path) -> None:
    long = make_clip(tmp_path / "long.mp4", times=[Fraction(n) for n in range(22)]).read_bytes()
    wide = make_clip(tmp_path / "wide.mp4", times=CFR[:2], size=(1280, 960)).read_bytes()
    for content, order, word in (
        (long, {}, "20 seconds"),
        (wide, {}, "1280×960"),
        (clip, {"size": "2000x2000"}, "2000×2000"),
    ):
        place = jobs.open(**order)
        assert jobs.send(place, content).status == 202
        last = jobs.watch(place)[-1]
        assert (last["state"], word in last["error"]) == ("failed", True), last
        assert jobs.left() == []


def test_a_photo_that_is_too_large_or_none(jobs: Served) -> None:
    for content, kind, status in (
        (bytes(200_000), "image/png", 413),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml", 415),
        (b"%!PS-Adobe-3.0 EPSF-3.0 and more", "image/png", 415),
    ):
        place = jobs.open(background="photo")
        assert jobs.ask("PUT", f"{place}/photo", content, Content_Type=kind).status == status
        jobs.ask("DELETE", place)
    place = jobs.open()
    assert jobs.ask("PUT", f"{place}/photo", b"\xff\xd8\xff", Content_Type="image/jpeg").status == 409
    jobs.ask("DELETE", place)


@pytest.mark.parametrize("declared", [True, False])
def test_an_oversize_upload_is_refused_and_removed(jobs: Served, clip: bytes, declared: bool) -> None:
    place = jobs.open()
    too_much = clip + bytes(1_100_000)
    body: Any = (
        too_much if declared else iter([too_much[i : i + 50_000] for i in range(0, len(too_much), 50_000)])
    )
    answer = jobs.ask("PUT", f"{place}/clip", body, Content_Type="video/mp4")
    assert answer.status == 413
    assert jobs.ask("GET", place).status == 404


def upload_head(place: str, length: int) -> str:
    head = f"PUT {place}/clip HTTP/1.1\r\nHost: localhost\r\nContent-Type: video/mp4\r\n"
    return f"{head}Content-Length: {length}\r\n\r\n"


def test_an_interrupted_upload_leaves_nothing(jobs: Served, clip: bytes) -> None:
    place = jobs.open()
    with jobs.raw(upload_head(place, len(clip))) as connection:
        connection.sendall(clip[: len(clip) // 2])
        assert until(lambda: any(name.endswith("clip") for name in jobs.left()))
    assert until(lambda: jobs.ask("GET", place).status == 404)


def test_an_upload_that_stalls_is_given_up(jobs: Served, clip: bytes) -> None:
    place = jobs.open()
    with jobs.raw(upload_head(place, len(clip))) as connection:
        connection.sendall(clip[:1000])
        assert connection.recv(1000).startswith(b"HTTP/1.1 408 ")
    assert jobs.ask("GET", place).status == 404


def test_an_upload_that_trickles_is_given_up(tmp_path: Path, clip: bytes) -> None:
    with Served(tmp_path, "--jobs", "--upload-seconds", "1.5", "--silence", "5") as server:
        place = server.open()
        with server.raw(upload_head(place, len(clip))) as connection:
            connection.settimeout(0.1)
            answer, begin = b"", time.monotonic()
            while not answer and time.monotonic() < begin + 10:
                connection.sendall(clip[:13])
                try:
                    answer = connection.recv(1000)
                except TimeoutError:
                    continue
            assert answer.startswith(b"HTTP/1.1 408 ")
            assert 1 < time.monotonic() - begin < 5
        assert server.left() == []


def test_a_place_that_nobody_uses_is_given_up(jobs: Served) -> None:
    place = jobs.open()
    assert until(lambda: jobs.ask("GET", place).status == 404, 5)


def test_nothing_can_be_sent_twice(jobs: Served, clip: bytes) -> None:
    place = jobs.open()
    assert jobs.send(place, clip).status == 202
    assert jobs.send(place, clip).status == 409
    assert jobs.ask("DELETE", place).status == 204


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/jobs/nope", 404),
        ("PUT", "/jobs/nope/clip", 404),
        ("GET", "/jobs/../../etc/passwd", 404),
        ("GET", "/jobs/%2e%2e/result", 404),
        ("DELETE", "/jobs/..%2f..", 405),
        ("DELETE", "/jobs/", 405),
        ("PUT", "/jobs", 405),
        ("HEAD", "/jobs", 404),
        ("OPTIONS", "/jobs", 405),
    ],
)
def test_what_is_not_there(jobs: Served, method: str, path: str, status: int) -> None:
    assert jobs.ask(method, path).status == status


def test_terms_name_options_and_limits(jobs: Served) -> None:
    terms = jobs.ask("GET", "/jobs").json
    assert "background" in terms["options"]
    assert terms["limits"]["clip_megabytes"] == 1
    assert {*terms["limits"]} == {*Limits.__dataclass_fields__}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Sec_Fetch_Site": "same-site"}, 403),
        ({"Host": "evil.example", "Origin": "http://evil.example"}, 421),
        ({"Sec_Fetch_Site": "same-origin"}, 200),
        ({"Sec_Fetch_Site": "none"}, 200),
    ],
)
def test_other_pages_get_nothing(jobs: Served, headers: dict[str, str], status: int) -> None:
    answer = jobs.ask("GET", "/jobs", **headers)
    assert answer.status == status
    assert not any(name.lower().startswith("access-control") for name in answer.headers)
    if status != 200:
        assert jobs.ask("POST", "/jobs", {}, **headers).status == status
        assert jobs.ask("OPTIONS", "/jobs", Access_Control_Request_Method="POST", **headers).status == status


def test_its_own_page_is_served(jobs: Served) -> None:
    assert jobs.ask("GET", "/jobs", Origin=f"http://{jobs.host}:{jobs.port}").status == 200


def test_places_are_limited(jobs: Served) -> None:
    places = [jobs.open(), jobs.open()]
    answer = jobs.ask("POST", "/jobs", {})
    assert (answer.status, answer.headers["Retry-After"]) == (429, "10")
    for place in places:
        jobs.ask("DELETE", place)


def test_places_are_limited_for_all_together(tmp_path: Path) -> None:
    async def fill() -> None:
        jobs = Jobs(tmp_path, Limits(jobs_at_once=3, jobs_per_client=2))
        first = jobs.open("a", {})
        jobs.open("a", {})
        jobs.open("b", {})
        for client, status in (("a", 429), ("b", 503), ("c", 503)):
            with pytest.raises(RefusedError) as refusal:
                jobs.open(client, {})
            assert refusal.value.status == status
        jobs.remove(first)
        assert jobs.open("c", {}).id != first.id
        assert len(list(tmp_path.iterdir())) == 3
        await jobs.close()

    asyncio.run(fill())
    assert list(tmp_path.iterdir()) == []


def test_a_running_job_is_cancelled_and_the_next_one_runs(
    jobs: Served, clip: bytes, long_clip: bytes
) -> None:
    first, second = jobs.open(), jobs.open(background="blur")
    assert jobs.send(first, long_clip).status == 202
    assert jobs.send(second, clip).status == 202
    assert until(lambda: jobs.ask("GET", first).json.get("done", 0) > 0)
    assert jobs.ask("GET", second).json == {"id": second.split("/")[-1], "state": "waiting", "place": 1}
    assert jobs.ask("DELETE", first).status == 204
    assert jobs.ask("GET", first).status == 404
    assert jobs.watch(second)[-1]["state"] == "done"
    assert jobs.ask("DELETE", second).status == 204


def test_whoever_watches_a_cancelled_job_is_told(jobs: Served, long_clip: bytes) -> None:
    place = jobs.open()
    assert jobs.send(place, long_clip).status == 202
    head = f"GET {place}/events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    with jobs.raw(head) as connection:
        assert b"200 OK" in connection.recv(1000)
        assert jobs.ask("DELETE", place).status == 204
        assert b'"state": "gone"' in connection.makefile("rb").read()


def test_an_interrupted_download_can_be_repeated(tmp_path: Path) -> None:
    noise = noisy_clip(tmp_path / "noise.mp4").read_bytes()
    with Served(tmp_path, "--jobs", "--silence", "2", "--keep-seconds", "4") as server:
        place = server.open(quality=0, background="own")
        assert server.send(place, noise).status == 202
        assert server.watch(place)[-1]["state"] == "done"
        with server.raw(f"GET {place}/result HTTP/1.1\r\nHost: localhost\r\n\r\n") as connection:
            assert connection.recv(100).startswith(b"HTTP/1.1 200")
        time.sleep(0.5)
        assert server.ask("GET", place).json["state"] == "done"
        assert until(lambda: server.ask("GET", place).status == 404, 8)  # too old
        assert server.left() == []


@pytest.mark.parametrize(
    ("limit", "error"),
    [
        ("--run-seconds 0.3", "the clip takes more than 0.3 seconds to work on"),
        ("--result-megabytes 0.001", "the result is larger than 0.001 MB"),
    ],
)
def test_work_that_costs_too_much_is_ended(tmp_path: Path, clip: bytes, limit: str, error: str) -> None:
    with Served(tmp_path, "--jobs", *limit.split()) as server:
        place = server.open()
        assert server.send(place, clip).status == 202
        last = server.watch(place)[-1]
        assert (last["state"], last["error"]) == ("failed", error)
        assert server.left() == []


@pytest.mark.skipif(sys.platform != "linux", reason="memory is bounded on Linux only")
def test_work_that_fills_the_memory_harms_nobody_else(tmp_path: Path, clip: bytes) -> None:
    with Served(tmp_path, "--jobs", "--memory-megabytes", "150") as server:
        place = server.open()
        assert server.send(place, clip).status == 202
        last = server.watch(place)[-1]
        assert (last["state"], last["error"]) == ("failed", "the clip takes more than 150 MB to work on")
        assert server.ask("GET", "/").status == 200
        assert server.left() == []


# token


def test_a_token_is_needed_for_jobs_alone(tmp_path: Path) -> None:
    with Served(tmp_path, "--jobs", environment={"LIVEMATTE_TOKEN": "right one"}) as server:
        assert server.ask("GET", "/").status == 200
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic right one"}):
            answer = server.ask("POST", "/jobs", {}, **headers)
            assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
        known = {"Authorization": "Bearer right one"}
        answer = server.ask("POST", "/jobs", {}, **known)
        assert answer.status == 201
        place = answer.json["events"].removesuffix("/events")
        assert server.ask("GET", f"{place}?token=right%20one").status == 401  # for events only
        assert server.ask("GET", f"{place}/events?token=wrong").status == 401
        assert server.ask("GET", f"{place}/events").status == 401
        assert server.ask("DELETE", place, **known).status == 204
        assert server.ask("GET", f"{place}/events?token=right%20one").status == 404


# start and end


@with_signals
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_polite_end_leaves_nothing(tmp_path: Path, long_clip: bytes, number: int) -> None:
    with Served(tmp_path, "--jobs") as server:
        place, waiting = server.open(), server.open()
        server.send(place, long_clip)
        assert until(lambda: server.ask("GET", place).json["state"] == "running")
        head = f"GET {place}/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
        with server.raw(head) as watching, server.raw(upload_head(waiting, 1000)), server.raw("GET"):
            watching.recv(1000)
            begin = time.monotonic()
            assert server.stop(number) == 130
            assert time.monotonic() - begin < 10
        assert server.said == "livematte: stopped\n"
        assert server.job_folders() == []


@with_signals
def test_what_a_killed_server_leaves_the_next_one_removes(tmp_path: Path, long_clip: bytes) -> None:
    with Served(tmp_path, "--jobs") as server:
        place = server.open()
        server.send(place, long_clip)
        assert until(lambda: server.ask("GET", place).json.get("done", 0) > 0)
        assert server.stop(signal.SIGKILL) == -signal.SIGKILL
        (left,) = server.job_folders()
        sizes = [0, 1]
        while sizes[-1] != sizes[-2]:  # the worker ends by itself
            time.sleep(0.5)
            sizes.append(sum(path.stat().st_size for path in left.rglob("*") if path.is_file()))
    with Served(tmp_path, "--jobs") as server:
        assert not left.exists()
        assert len(server.job_folders()) == 1
        assert stat.S_IMODE(server.job_folders()[0].stat().st_mode) == 0o700
        assert server.stop() == 130
    assert server.job_folders() == []


def test_a_port_that_is_taken(plain: Served, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE, make_page(tmp_path), "serve", "--port", str(plain.port)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"livematte: port {plain.port} ")
    assert "--port" in line


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"port": 70_000}, "port"),
        ({"certificate": "none.pem"}, "key"),
        ({"certificate": "none.pem", "key": "none.pem"}, "none.pem"),
        ({"token": "ü"}, "token"),
        ({"token": ""}, "token"),
    ],
)
def test_mistakes_name_the_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], word: str
) -> None:
    monkeypatch.setattr("livematte.web.assets.PAGE", make_page(tmp_path))
    with pytest.raises(livematte.LivematteError, match=word):
        livematte.serve(**{"port": 0, **options})


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf")])
def test_a_limit_is_a_positive_number(value: float) -> None:
    with pytest.raises(OptionError, match="clip-megabytes"):
        Limits(clip_megabytes=value)


def test_a_missing_page_names_the_command_that_builds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("livematte.web.assets.PAGE", tmp_path / "nothing")
    with pytest.raises(InputError, match="npm run build"):
        livematte.serve(port=0)


@pytest.mark.parametrize("package", ["uvicorn", "cryptography"])
def test_a_missing_package_names_the_command_that_installs_it(tmp_path: Path, package: str) -> None:
    code = f"""
import sys
sys.modules["{package}"] = None
import livematte
try:
    livematte.serve(port=0)
except livematte.MissingExtraError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "livematte.serve needs more packages: pip install 'livematte[serve]'"


# https


def trusting(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=certificate)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # which wants a signing authority
    return context


def test_a_certificate_is_kept_until_a_name_is_missing(tmp_path: Path) -> None:
    first = own_certificate(tmp_path, ["localhost", "192.0.2.7"])
    assert first.names == {"localhost", "192.0.2.7"}
    assert own_certificate(tmp_path, ["localhost"]) == first
    second = own_certificate(tmp_path, ["localhost", "192.0.2.8"])
    assert second.names == {"localhost", "192.0.2.8"}
    assert second.fingerprint != first.fingerprint
    second.key.write_text("spoilt")
    third = own_certificate(tmp_path, ["localhost"])
    assert third.fingerprint != second.fingerprint
    if os.name != "nt":
        assert stat.S_IMODE(third.key.stat().st_mode) == 0o600


def test_a_certificate_needs_its_own_key(tmp_path: Path) -> None:
    one, other = (
        own_certificate(tmp_path / "a", ["localhost"]),
        own_certificate(tmp_path / "b", ["localhost"]),
    )
    with pytest.raises(InputError, match="not the key"):
        read_certificate(one.certificate, other.key)
    with pytest.raises(InputError, match="not a certificate"):
        read_certificate(one.key, one.key)
    with pytest.raises(InputError, match="not a private key"):
        read_certificate(one.certificate, one.certificate)


def test_https_with_a_certificate_of_ones_own(tmp_path: Path) -> None:
    pair = own_certificate(tmp_path / "pair", ["localhost", "studio.example"])
    files = ["--certificate", str(pair.certificate), "--key", str(pair.key)]
    with Served(tmp_path, *files, "--silence", "1") as server:
        assert server.url == f"https://localhost:{server.port}/"
        assert pair.fingerprint in "\n".join(server.lines)
        for host, status in (("localhost", 200), ("studio.example", 200), ("evil.example", 421)):
            connection = server.connect(trusting(pair.certificate))
            connection.request("GET", "/", headers={"Host": host})
            assert connection.getresponse().status == status
            connection.close()
        with server.raw("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n") as connection:  # no TLS
            assert b"200 OK" not in connection.recv(1000)
        assert server.said == ""


@pytest.mark.skipif(not lan_addresses(), reason="this machine is in no network")
def test_for_the_network_a_certificate_is_made_and_kept(tmp_path: Path) -> None:
    fingerprints = []
    for _ in range(2):
        with Served(tmp_path, "--lan", "--jobs") as server:
            address = lan_addresses()[0]
            assert f"for phones in this network: https://{address}:{server.port}/" in server.lines
            (line,) = (line for line in server.lines if "SHA-256" in line)
            fingerprints.append(line)
            assert "--token" in server.said
            context = trusting(tmp_path / "cache" / "livematte" / "certificate.pem")
            with (
                socket.create_connection((address, server.port), timeout=10) as connection,
                context.wrap_socket(connection, server_hostname=address) as secure,
            ):
                secure.sendall(f"GET / HTTP/1.1\r\nHost: {address}:{server.port}\r\n\r\n".encode())
                assert secure.recv(100).startswith(b"HTTP/1.1 200")
    assert fingerprints[0] == fingerprints[1]
