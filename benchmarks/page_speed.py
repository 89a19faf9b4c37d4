"""What the page costs in Chromium: its network in WebAssembly beside LiteRT, and each stage of a frame.

python benchmarks/page_speed.py [--network fast] [--rounds 5] [--turns 40] [--minutes 0]

First the ratio of one WebAssembly thread to one native thread for each input shape: in every round the same
frames go through both, one after the other. The fastest frame of each counts: that is what other work on the
machine disturbs least. Then what each stage of a 640×480 frame costs with the graphics drawn in software,
each waited for, and a whole frame from its upload to its last pixel, waited for once: median and fastest.
That is a frame alone; above it stands how the camera's frames come out, where one is at the network while
the next is uploaded. With --minutes the page then runs for as long with its camera, and the memory of
Chromium's processes is printed every half minute. Needs Chromium and Playwright for Python; Linux.
"""

from __future__ import annotations

import argparse
import base64
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import sync_playwright

from livematte.segment.runtime import NETWORKS, load

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from browser import CHROMIUM, QUIET, camera, served

FRAMES, WARM = 90, 50  # the browser compiles anew what runs often
CALM = 30
"""Seconds between two looks at the memory."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--network", default="fast")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--turns", type=int, default=40)
    parser.add_argument("--minutes", type=float, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, served() as url, sync_playwright() as started:
        clip = camera(Path(folder) / "clip.y4m")
        flags = (*QUIET, "--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={clip}")
        browser = started.chromium.launch(executable_path=CHROMIUM, args=flags)
        print(f"Chromium {browser.version}, network {options.network}\n")
        address = f"{url}?build=relaxed&place=wasm&network={options.network}"
        print("| input | native, ms | WebAssembly, ms | ratio |\n|---|---|---|---|")
        for height, width in NETWORKS[options.network]:
            native, page = compared(browser, address, options.network, height, width, options.rounds)
            print(f"| {height}×{width} | {native:.1f} | {page:.1f} | {page / native:.2f} |", flush=True)
        print()
        with_camera(browser, address, options.turns, options.minutes)
        browser.close()


def compared(
    browser: Any, address: str, name: str, height: int, width: int, rounds: int
) -> tuple[float, float]:
    """Milliseconds of the fastest frame natively and in the page."""
    network = load(name, width, height, 1)
    pictures = np.random.default_rng(1).integers(0, 256, (FRAMES, height, width, 3), np.uint8)
    texts = [base64.b64encode(picture.tobytes()).decode() for picture in pictures]
    native = wasm = float("inf")
    for _ in range(rounds):
        page = browser.new_page()
        page.goto(address)
        given = page.evaluate("given => livematte.segment(...given)", [[height, width], texts])
        page.close()
        wasm = min(wasm, *given["ms"][WARM:])
        previous = None
        for picture in pictures:
            start = time.perf_counter()
            previous = network.run(picture, previous)
            native = min(native, 1000 * (time.perf_counter() - start))
    return native, wasm


def with_camera(browser: Any, address: str, turns: int, minutes: float) -> None:
    """Print where a frame's time goes, and the memory over time."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, permissions=["camera"])
    page = context.new_page()
    page.goto(address)
    page.click("#start")
    while page.evaluate("livematte.state().state") != "live":
        time.sleep(0.1)
    for background in ("blur", "lake"):
        page.check(f"#tiles input[value={background}]", force=True)
        time.sleep(2)
        speed = page.evaluate("livematte.state().speed")
        came = f"{speed['fps']} fps of the camera's 30, shown {speed['ms']:.1f} ms after it came"
        print(f"Background {background}: {came}\n")
        stages = page.evaluate(f"livematte.stages({turns})")
        of_network, whole = stages.pop("network"), stages.pop("whole")
        print(f"| background {background}, 640×480 | median, ms | fastest, ms |\n|---|---|---|")
        for name, laps in stages.items():
            print(f"| {name} | {statistics.median(laps):.1f} | {min(laps):.1f} |")
        print(f"| whole frame | {statistics.median(whole):.1f} | {min(whole):.1f} |\n")
        print(f"Of it the network alone: {statistics.median(of_network):.1f} ms\n", flush=True)
    processes = browser.new_browser_cdp_session()
    end = time.monotonic() + 60 * minutes
    while time.monotonic() < end:
        time.sleep(CALM)
        listed = processes.send("SystemInfo.getProcessInfo")["processInfo"]
        used = {
            kind: sum(resident(one["id"]) for one in listed if one["type"] == kind)
            for kind in ("renderer", "GPU")
        }
        fps = page.evaluate("livematte.state().speed.fps")
        left = max(0.0, end - time.monotonic()) / 60
        memory = f"page {used['renderer']:.0f} MB, graphics {used['GPU']:.0f} MB"
        print(f"{left:.1f} minutes left: {fps} fps, {memory}", flush=True)


def resident(process: int) -> float:
    """A process's own memory in MB, without what its programs and libraries take."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(("RssAnon:", "RssShmem:"))) / 1000


if __name__ == "__main__":
    main()
