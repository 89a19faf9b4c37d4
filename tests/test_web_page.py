"""The page in a real Chromium, with the sample clip for a camera. Screenshots are kept in screenshots/."""

from __future__ import annotations

import base64
import gzip
import io
import json
import re
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import av
import numpy as np
import psutil
import pytest
import reference
from browser import CHROMIUM, PAGE, QUIET, WEIGHTS, camera, networks, served, watched_chromium
from numpy.typing import NDArray
from PIL import Image

from livematte.segment.runtime import load

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine"),
    # a Chromium that hung has been killed; what it was to show, another one must show
    pytest.mark.flaky(reruns=2, only_rerun=["TargetClosedError", "Connection closed"]),
]

SHOTS = Path(__file__).parents[1] / "screenshots"
PHONE = {"width": 360, "height": 740}
DESKTOP = {"width": 1440, "height": 900}
LEAST_FPS = 2
"""On one busy core with software rendering; a page that waits for something is below."""
TRACK = "document.querySelector('.player').srcObject.getVideoTracks()[0]"
WORKERS = """self.madeWorkers = [];
self.Worker = class extends Worker {
  constructor(...given) {
    super(...given);
    madeWorkers.push(this);
  }
};"""
"""Keeps the page's workers at hand."""
PATIENCE = 20
"""Seconds for anything to happen."""
FIRST_LOAD = 4_000_000
"""Bytes, compressed, of everything that a first visit fetches, with the network `fast`."""


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return camera(tmp_path_factory.mktemp("camera") / "clip.y4m")


@pytest.fixture
def chromium() -> Iterator[Any]:
    with watched_chromium() as found:
        yield found


@pytest.fixture
def browser(chromium: Any, clip: Path) -> Iterator[Any]:
    """One for each test, so that no test sees what another left in it."""
    flags = (*QUIET, "--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={clip}")
    opened = chromium.launch(executable_path=CHROMIUM, args=flags)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with served() as url:
        yield url


def test_a_browser_that_hangs_ends_its_test() -> None:
    before = set(psutil.Process().children(recursive=True))  # multiprocessing's, of other tests
    running: set[psutil.Process] = set()

    def hang(chromium: Any) -> None:
        page = chromium.launch(executable_path=CHROMIUM, args=QUIET).new_page()
        running.update(set(psutil.Process().children(recursive=True)) - before)
        for process in running:
            process.suspend()
        page.evaluate("1 + 1")

    with watched_chromium(limit=8) as chromium, pytest.raises(Exception, match="closed"):
        hang(chromium)
    assert running
    assert [process for process in running if process.is_running()] == []


@contextmanager
def visited(browser: Any, url: str, size: dict[str, int] = PHONE, allowed: bool = True) -> Iterator[Any]:
    """The page, opened; an error in it that nobody caught fails the test."""
    context = browser.new_context(viewport=size, permissions=["camera", "microphone"] if allowed else [])
    if not allowed:
        context.grant_permissions([])
    context.add_init_script(WORKERS)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(url)
    yield page
    context.close()
    assert errors == []


@contextmanager
def live(browser: Any, url: str, size: dict[str, int] = PHONE) -> Iterator[Any]:
    """The page with the camera on and people before a background."""
    with visited(browser, url, size) as page:
        page.click("#start")
        until(lambda: state(page) == "live", page)
        yield page


def until(done: Callable[[], bool], page: Any) -> None:
    """Wait. Playwright's own waiting evaluates text, which the page's policy forbids."""
    end = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < end, page.evaluate("livematte.state()")
        time.sleep(0.05)


def state(page: Any) -> str:
    return page.evaluate("livematte.state().state")


def choose(page: Any, background: str) -> None:
    page.check(f"#tiles input[value={background}]", force=True)
    time.sleep(0.6)


def seen(page: Any, name: str) -> NDArray[np.int16]:
    """What the viewer sees where the picture is, H×W×3; kept as a screenshot of the whole page."""
    SHOTS.mkdir(exist_ok=True)
    shot = page.screenshot(path=SHOTS / f"{name}.png")
    box = page.evaluate(
        """(() => {
          const { x, y, width, height } = canvas.getBoundingClientRect();
          const scale = Math.min(width / canvas.width, height / canvas.height);
          const [w, h] = [canvas.width * scale, canvas.height * scale];
          return [x + (width - w) / 2, y + (height - h) / 2, x + (width + w) / 2, y + (height + h) / 2];
        })()"""
    )
    return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB").crop(box), np.int16)


def saved(page: Any, target: Path) -> Path:
    """The file behind the result's button."""
    with page.expect_download() as download:
        page.click("#save")
    download.value.save_as(target)
    return target


def crash(page: Any) -> None:
    """End the worker as the page hears of it. Asking the worker itself can wait for ever, in a full run."""
    page.evaluate("madeWorkers.at(-1).dispatchEvent(new ErrorEvent('error', { message: 'gone' }))")


def photo(page: Any, folder: Path) -> NDArray[np.int16]:
    page.click("#photo")
    taken = saved(page, folder / "photo.jpg")
    page.click("#close")
    return np.asarray(Image.open(taken).convert("RGB"), np.int16)


def suit(picture: NDArray[np.int16]) -> float:
    """The share of the picture that has the colour of the person's orange suit."""
    red, green, blue = np.moveaxis(picture, -1, 0)
    return float(((red - blue > 90) & (red - green > 60)).mean())


def loudest(recording: Path) -> float:
    """The greatest sample of a recording's sound, of a range of 1."""
    with av.open(str(recording)) as opened:
        return max(float(np.abs(frame.to_ndarray()).max()) for frame in opened.decode(audio=0))


def corner(picture: NDArray[np.int16]) -> NDArray[np.int16]:
    """A part of the picture where nobody is: the top left."""
    height, width = picture.shape[:2]
    return picture[height // 20 : height // 4, width // 20 : width // 4]


def iou(one: NDArray[Any], other: NDArray[Any]) -> float:
    return float((one & other).sum() / (one | other).sum())


def decoded(text: str, kind: type) -> NDArray[Any]:
    return np.frombuffer(base64.b64decode(text), kind)


@pytest.mark.parametrize(("name", "size"), [("phone", PHONE), ("desktop", DESKTOP)])
def test_people_stand_before_a_background(
    browser: Any, address: str, name: str, size: dict[str, int]
) -> None:
    with visited(browser, address, size) as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        assert "uploaded" in page.inner_text("#welcome")
        seen(page, f"{name}-welcome")
        page.click("#start")
        until(lambda: state(page) == "live", page)
        until(lambda: page.evaluate("livematte.state().speed.fps") >= LEAST_FPS, page)
        choose(page, "lake")
        assert suit(seen(page, f"{name}-live")) > 0.1
        assert re.fullmatch(r"\d+ fps · \d+ ms", page.inner_text("#speed"))
        assert {url for url in asked if not url.startswith((address, "blob:"))} == set()


def test_mask_is_pythons(browser: Any, address: str) -> None:
    with live(browser, address) as page:
        until(lambda: page.evaluate("livematte.last()?.before ?? null") is not None, page)
        last = page.evaluate("livematte.last()")
        opened = page.evaluate("livematte.state().opened")
    height, width = last["shape"]
    picture = decoded(last["rgba"], np.uint8).reshape(height, width, 4)[..., :3]
    masks = [decoded(last[key], np.uint8).reshape(height, width) for key in ("mask", "before")]
    network = load(opened["network"], width, height, 1)
    expected = network.run(np.ascontiguousarray(picture), masks[1].astype(np.float32) / 255)
    assert iou(masks[0] > 127, expected > 0.5) > 0.99
    assert 0.1 < (masks[0] > 127).mean() < 0.9


@pytest.mark.parametrize("name", ["best", "fast"])
def test_worker_gives_pythons_masks(browser: Any, address: str, name: str) -> None:
    pictures = reference.frames(256, 256)
    texts = [base64.b64encode(picture.tobytes()).decode() for picture in pictures]
    with visited(browser, f"{address}?network={name}") as page:
        given = page.evaluate("frames => livematte.segment([256, 256], frames)", texts)
    found = [decoded(text, np.float32).reshape(256, 256) for text in given["masks"]]
    largest, mean, iou_at_half = reference.apart(reference.masks(pictures, name), found)
    assert len(found) == 30
    assert largest < 0.02
    assert mean < 1e-4
    assert iou_at_half > 0.999


def test_each_background(browser: Any, address: str, tmp_path: Path) -> None:
    with live(browser, address) as page:
        pictures = {}
        for name in ("dusk", "grey", "blur", "lake"):
            choose(page, name)
            pictures[name] = seen(page, name)
        choose(page, "key")
        pictures["key"] = photo(page, tmp_path)
        other = tmp_path / "own.png"
        Image.new("RGB", (90, 60), (20, 40, 220)).save(other)
        page.set_input_files(".tile-own input", other)
        time.sleep(0.6)
        pictures["own"] = seen(page, "own")
    assert pictures["key"].shape == (480, 640, 3)
    for name, picture in pictures.items():
        assert suit(picture) > 0.1, name
    assert np.abs(corner(pictures["key"]) - [0, 177, 64]).mean() < 4
    assert np.abs(corner(pictures["own"]) - [20, 40, 220]).mean() < 6
    dusk = corner(pictures["dusk"]).mean((1, 2))
    assert dusk[0] < dusk[-1]
    assert np.ptp(corner(pictures["grey"]), -1).max() < 12
    assert np.ptp(corner(pictures["lake"]), -1).mean() > 20
    sharp, blurred = (np.abs(np.diff(corner(pictures[name]).sum(-1))).mean() for name in ("grey", "blur"))
    assert blurred < 0.7 * sharp


def test_background_video_and_colour(browser: Any, address: str, tmp_path: Path) -> None:
    target = tmp_path / "blink.webm"
    with av.open(str(target), "w") as made:
        stream = made.add_stream("libvpx", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index in range(20):
            colour = (0, 0, 200) if index < 10 else (0, 200, 0)
            plain = np.full((48, 64, 3), colour, np.uint8)
            made.mux(stream.encode(av.VideoFrame.from_ndarray(plain, format="rgb24")))
        made.mux(stream.encode())
    with live(browser, address) as page:
        page.set_input_files(".tile-own input", target)
        found: set[int] = set()

        def both() -> bool:
            found.add(int(corner(seen(page, "background-video")).mean((0, 1)).argmax()))
            return {1, 2} <= found

        until(both, page)
        page.fill(".tile-colour input", "#c02080")
        time.sleep(0.6)
        assert np.abs(corner(seen(page, "colour")) - [192, 32, 128]).mean() < 6


def test_recording_plays_with_sound(browser: Any, address: str, tmp_path: Path) -> None:
    with live(browser, address) as page:
        choose(page, "key")
        page.click("#record")
        until(lambda: page.is_visible("#timer"), page)
        time.sleep(2.5)
        seen(page, "recording")
        page.click("#record")
        until(lambda: page.is_visible("#save"), page)
        seen(page, "recorded")
        target = saved(page, tmp_path / page.get_attribute("#save", "download"))
    with av.open(str(target)) as recording:
        assert {stream.type for stream in recording.streams} == {"video", "audio"}
        pictures = [frame.to_ndarray(format="rgb24") for frame in recording.decode(video=0)]
    assert len(pictures) > 2 * LEAST_FPS
    assert np.abs(corner(pictures[-1].astype(np.int16)) - [0, 177, 64]).mean() < 12
    assert suit(pictures[-1].astype(np.int16)) > 0.1
    assert loudest(target) > 0.01


def test_sharing_gives_the_file_away(browser: Any, address: str) -> None:
    # Chromium on Linux has nothing to share with: this stands in for the system's sheet
    sheet = """navigator.canShare = ({ files }) => files[0].size > 0;
      navigator.share = async ({ files }) => {
        if (!window.refuse) window.shared = files[0];
        else throw new DOMException('', window.refuse);
      };
      true"""
    with live(browser, address) as page:
        page.evaluate(sheet)
        page.click("#photo")
        until(lambda: page.is_visible("#share"), page)
        page.click("#share")
        until(lambda: page.evaluate("window.shared?.type ?? null") == "image/jpeg", page)
        page.evaluate("refuse = 'AbortError'")
        page.click("#share")
        assert page.inner_text("#result-note") == ""
        page.evaluate("refuse = 'NotAllowedError'")
        page.click("#share")
        until(lambda: "could not be shared" in page.inner_text("#result-note"), page)
        seen(page, "shared")


def test_camera_refused(browser: Any, address: str) -> None:
    with visited(browser, address, allowed=False) as page:
        page.click("#start")
        until(lambda: "not allowed" in page.inner_text("#notice"), page)
        seen(page, "refused")
        assert page.is_visible("#again")
        assert page.is_disabled("#record")


def test_no_camera(chromium: Any, address: str) -> None:
    bare = chromium.launch(executable_path=CHROMIUM, args=QUIET)
    with visited(bare, address) as page:
        page.click("#start")
        until(lambda: "No camera" in page.inner_text("#notice"), page)
    bare.close()


def test_camera_lost(browser: Any, address: str) -> None:
    with live(browser, address) as page:
        choose(page, "key")
        page.evaluate(f"{TRACK}.dispatchEvent(new Event('ended'))")
        until(lambda: "taken away" in page.inner_text("#notice"), page)
        shown = seen(page, "lost")
        assert suit(shown) < 0.02
        assert np.abs(corner(shown) - [0, 177, 64]).mean() < 4
        page.click("#again")
        until(lambda: state(page) == "live", page)


def test_hidden_and_shown(browser: Any, address: str) -> None:
    with live(browser, address) as page:
        # another tab in front does not hide this one where there is no window
        page.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        time.sleep(0.5)
        assert state(page) == "waiting"
        assert suit(seen(page, "hidden")) < 0.02
        page.evaluate("delete document.hidden")
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        until(lambda: state(page) == "live", page)


@pytest.fixture(scope="module")
def orange(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A network that takes everything for somebody, and what is orange for hair."""
    torch = pytest.importorskip("torch", reason="making a network needs: pip install 'livematte[export]'")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the converter's own dependencies
        converter = pytest.importorskip("litert_torch", reason="needs: pip install 'livematte[export]'")

        class Orange(torch.nn.Module):
            def forward(self, seen: object) -> object:
                hair = ((seen[..., :1] - seen[..., 2:3] - 0.2) * 6).clamp(0, 1)
                none = torch.zeros_like(hair)
                return torch.cat([none + 1, 1 - hair, none, hair, *5 * [none]], -1)

        path = tmp_path_factory.mktemp("network") / "parts.tflite"
        converter.convert(Orange().eval(), (torch.rand(1, 256, 256, 4),)).export(str(path))
    return path.read_bytes()


def test_hair_is_dyed_by_a_network_that_tells_parts(browser: Any, orange: bytes, tmp_path: Path) -> None:
    file = "parts-256x256.tflite"
    parts = {"name": "parts", "height": 256, "width": 256, "file": file, "sha256": sha256(orange).hexdigest()}
    index = json.dumps([*networks(), parts]).encode()
    with (
        served({"networks/index.json": index, f"networks/{file}": orange}) as url,
        live(browser, url) as page,
    ):
        assert page.evaluate("livematte.state().opened.network") == "fast"
        assert page.is_visible("#dyes")
        before = photo(page, tmp_path)
        page.fill("#hair", "#2c5aa0")
        until(lambda: page.evaluate("livematte.state().opened.network") == "parts", page)
        until(lambda: state(page) == "live", page)
        seen(page, "dyed")
        blue = photo(page, tmp_path)
        page.uncheck("#hair-on")
        until(lambda: page.evaluate("livematte.state().opened.network") == "fast", page)
        until(lambda: state(page) == "live", page)
        after = photo(page, tmp_path)
    assert suit(before) > 0.1
    assert suit(blue) < 0.02
    assert float((blue[..., 2] - blue[..., 0] > 40).mean()) > 0.1
    assert suit(after) > 0.1


def test_dyes_are_offered_only_with_parts(browser: Any, address: str) -> None:
    with live(browser, address) as page:
        assert not page.is_visible("#dyes")


def test_rotation(browser: Any, address: str) -> None:
    with live(browser, address) as page:
        turned = "{ width: 180, height: 320, resizeMode: 'crop-and-scale' }"
        page.evaluate(f"{TRACK}.applyConstraints({turned})")
        until(lambda: page.evaluate("livematte.last()?.shape?.join()") == "256,144", page)
        assert page.evaluate("[canvas.width, canvas.height]") == [180, 320]
        assert suit(seen(page, "portrait")) > 0.1


def test_chosen_files(browser: Any, address: str, tmp_path: Path) -> None:
    picture = tmp_path / "person.png"
    sample = Path(WEIGHTS).parents[1] / "sample" / "clip.mp4"
    with av.open(str(sample)) as video:
        next(video.decode(video=0)).to_image().save(picture)
    with visited(browser, address) as page:
        page.set_input_files("#choose", picture)
        until(lambda: state(page) == "live", page)
        choose(page, "key")
        shown = photo(page, tmp_path)
        assert shown.shape == (480, 480, 3)
        assert suit(shown) > 0.1
        assert np.abs(corner(shown) - [0, 177, 64]).mean() < 4
        page.set_input_files("#choose-other", {"name": "odd.png", "mimeType": "image/png", "buffer": b"odd"})
        until(lambda: "cannot read" in page.inner_text("#notice"), page)


def test_recording_of_a_chosen_video_has_its_sound(browser: Any, address: str, tmp_path: Path) -> None:
    with visited(browser, address) as page:
        page.set_input_files("#choose", Path(WEIGHTS).parents[1] / "sample" / "clip.mp4")
        until(lambda: state(page) == "live", page)
        page.click("#record")
        time.sleep(2)
        page.click("#record")
        until(lambda: page.is_visible("#save"), page)
        target = saved(page, tmp_path / page.get_attribute("#save", "download"))
    assert loudest(target) > 0.01


def test_worker_crash_shows_no_room(browser: Any, address: str) -> None:
    with live(browser, address) as page:
        choose(page, "key")
        # a fresh worker says nothing, so that the time without one can be looked at
        page.evaluate("self.Worker = class extends EventTarget { postMessage() {} terminate() {} }; 0")
        crash(page)
        until(lambda: state(page) == "waiting", page)
        shown = seen(page, "crashed")
        assert suit(shown) < 0.02
        assert np.abs(corner(shown) - [0, 177, 64]).mean() < 4


def test_worker_comes_again(browser: Any, address: str) -> None:
    with live(browser, address) as page:
        fresh: list[Any] = []
        page.on("worker", lambda worker: fresh.append(worker))
        crash(page)
        until(lambda: state(page) == "waiting" or fresh != [], page)
        until(lambda: state(page) == "live", page)


def broken_networks(content: Callable[[bytes], bytes | None]) -> dict[str, bytes | None]:
    return {f"networks/{file.name}": content(file.read_bytes()) for file in WEIGHTS.glob("*.tflite")}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (lambda _: None, "could not be loaded"),
        (
            lambda whole: whole[: len(whole) // 2] + b"\xff" * 4000 + whole[len(whole) // 2 + 4000 :],
            "no sensible",
        ),
        (lambda _: b"not a network", "could not run"),
    ],
    ids=["missing", "not-numbers", "not-a-network"],
)
def test_broken_network_shows_no_room(
    browser: Any, content: Callable[[bytes], bytes | None], said: str
) -> None:
    with served(broken_networks(content)) as url, visited(browser, url) as page:
        page.click("#start")
        until(lambda: state(page) == "failed", page)
        assert said in page.inner_text("#notice")
        assert suit(seen(page, "broken")) < 0.02


def test_lost_graphics_show_no_room(browser: Any, address: str) -> None:
    with live(browser, address) as page:
        page.evaluate(
            "window.lose = canvas.getContext('webgl2').getExtension('WEBGL_lose_context'); lose.loseContext()"
        )
        until(lambda: state(page) == "failed", page)
        assert suit(seen(page, "graphics")) < 0.02
        page.evaluate("lose.restoreContext()")
        until(lambda: state(page) == "live", page)


def test_works_without_a_connection(browser: Any) -> None:
    with served() as url:
        context = browser.new_context(viewport=PHONE, permissions=["camera", "microphone"])
        page = context.new_page()
        page.goto(url)
        page.click("#start")
        until(lambda: state(page) == "live", page)
        page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        until(lambda: page.evaluate("caches.keys().then((names) => names.length)") == 2, page)
    page.reload()
    page.click("#start")
    until(lambda: state(page) == "live", page)
    context.close()


def test_both_languages_and_names(browser: Any, address: str) -> None:
    unnamed = """[...document.querySelectorAll('button, input, a[href], label')]
      .filter((one) => !(one.innerText || one.getAttribute('aria-label') || one.labels?.[0]?.innerText))
      .map((one) => one.outerHTML)"""
    with visited(browser, address) as page:
        english = page.inner_text("body")
        assert page.evaluate(unnamed) == []
        page.click("#language")
        chinese = page.inner_text("body")
        assert page.evaluate("document.documentElement.lang") == "zh-CN"
        assert re.findall("[a-z]{3,}", chinese.replace("livematte", "").replace("English", "")) == []
        seen(page, "chinese")
        page.reload()
        assert page.inner_text("body") == chinese
        assert len(english) > 100


def test_by_keyboard(browser: Any, address: str) -> None:
    with visited(browser, address, DESKTOP) as page:
        for _ in range(2):
            page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "start"
        page.keyboard.press("Enter")
        until(lambda: state(page) == "live", page)
        page.focus("#tiles input[value=blur]")
        page.keyboard.press("ArrowRight")
        assert page.is_checked("#tiles input[value=lake]")


def test_fits_a_narrow_phone(browser: Any, address: str) -> None:
    with visited(browser, address) as page:
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
        small = """[...document.querySelectorAll('button:not([hidden]), .round, .tile')]
          .filter((one) => one.checkVisibility()).map((one) => one.getBoundingClientRect())
          .filter(({ width, height }) => Math.min(width, height) < 44).length"""
        assert page.evaluate(small) == 0


def test_first_load_is_small() -> None:
    largest = max(len(part.read_bytes()) for part in PAGE.glob("assets/litert-*.bin"))
    script = max(len(gzip.compress(part.read_bytes())) for part in PAGE.glob("assets/litert-*.js"))
    rest = [part for part in PAGE.rglob("*") if part.is_file() and "litert-" not in part.name]
    network = len(gzip.compress((Path(WEIGHTS) / "fast-256x256.tflite").read_bytes()))
    assert (
        largest + script + sum(len(gzip.compress(part.read_bytes())) for part in rest) + network < FIRST_LOAD
    )
