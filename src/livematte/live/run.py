"""A live run from beginning to end."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import fields
from os import PathLike, fspath
from pathlib import Path
from threading import Event
from typing import TypeAlias

from livematte.errors import OptionError
from livematte.frame import Picture
from livematte.live.feeds import Address, Clip, Feed, Webcam
from livematte.live.pipeline import DEFAULT_SIZE, LivePipeline
from livematte.live.sinks import NOWHERE, Outlet, outlet_for
from livematte.live.stage import Choice, SceneStage
from livematte.live.virtual import VIRTUAL, virtual_camera
from livematte.media import AnyPath, Options, check_input, is_file
from livematte.report import LiveCounts, Report, Stopwatch, runtime
from livematte.scene import Backdrop, Effect, Style
from livematte.scene.dye import check_parts
from livematte.segment import Segmenter
from livematte.segment.segmenter import usual_threads
from livematte.threads import filter_threads

_LOOK = 0.02
"""Seconds between two calls of what watches a run."""

Watch: TypeAlias = Callable[[LivePipeline], None]


def replace_live(
    source: AnyPath | Feed,
    target: AnyPath | Sequence[AnyPath | Outlet] = (),
    background: AnyPath | Picture | Backdrop | None = None,
    *,
    look: str | None = None,
    style: Style | None = None,
    effects: Sequence[Effect] = (),
    options: Options | None = None,
    network: AnyPath = "best",
    threads: int | None = None,
    watch: Watch | None = None,
    stop: Event | None = None,
) -> Report:
    """Put the people of a stream before another background as it comes, until it is stopped.

    The newest frame comes first: what comes faster than it can be composed is dropped and counted, and no
    queue grows. A source or a target that goes away is opened again. Where anything fails, the background
    alone is sent, never the room; where the background is made from the room, plain grey.

    source: an address (`rtsp://`, `rtmp://`, …), or a Feed; target: a file, an address (RTMP, SRT, RTSP,
    MPEG-TS over UDP or TCP), a folder or `.m3u8` for HLS, an Outlet, or several of these.
    background, look, style, effects, network, threads: as in `livematte.replace`, without `transparent`.
    options: size, rate, codec, quality, audio, container and overwrite count.
    watch: called some fifty times a second with the LivePipeline, in the caller's thread;
    stop: ends it once set.
    Raises InputError, OutputError or OptionError.
    """
    options = options or Options()
    _refuse_others(options)
    feed: Feed
    if callable(source):
        feed, name = source, getattr(source, "name", "a feed")
    elif is_file(source):
        check_input(Path(source))
        feed, name = Clip(source), fspath(source)
    else:
        feed, name = Address(fspath(source)), fspath(source)
    if isinstance(background, str) and background.lower() == "transparent":
        raise OptionError("a live picture cannot be transparent; choose a background, green for instance")
    targets = [target] if isinstance(target, str | PathLike) else target
    outlets = [_outlet(one, options) for one in targets] or [NOWHERE]
    choice = Choice(background, look, style or Style(), effects)
    SceneStage(choice, Stopwatch()).close()  # a mistake is told at once
    timer = Stopwatch()
    made: list[str] = [fspath(network)]

    def segmenter() -> Segmenter:
        segmenter = Segmenter(network, threads=threads)
        check_parts(choice.style.dyes, network, segmenter.tells_parts)
        segmenter.watch = timer
        made[:] = [segmenter.network]
        return segmenter

    ready = [segmenter()]  # a mistake is told at once
    pipeline = LivePipeline(
        feed,
        outlets,
        lambda: ready.pop() if ready else segmenter(),
        lambda chosen: SceneStage(chosen, timer),
        choice,
        size=options.both_sides(),
        rate=options.rate or 30.0,
    )
    begin = time.monotonic()
    with filter_threads(), pipeline:
        while not (pipeline.stop.is_set() or (stop is not None and stop.is_set())):
            if watch:
                watch(pipeline)
            pipeline.stop.wait(_LOOK)
    for sender in pipeline.senders:
        if sender.error:
            raise sender.error
    counts = _counts(pipeline)
    return Report(
        name,
        ", ".join(one.name for one in outlets),
        counts.captured,
        pipeline.tally.sent,
        time.monotonic() - begin,
        runtime(),
        made[0],
        threads or usual_threads(),
        0,
        timer.per_frame(max(1, counts.composed)),
        (*getattr(feed, "warnings", ()), *pipeline.faults),
        live=counts,
    )


def camera(
    target: AnyPath | Sequence[AnyPath | Outlet] = (),
    background: AnyPath | Picture | Backdrop | None = None,
    *,
    device: str | None = None,
    look: str | None = None,
    style: Style | None = None,
    effects: Sequence[Effect] = (),
    options: Options | None = None,
    network: AnyPath = "best",
    threads: int | None = None,
    watch: Watch | None = None,
    stop: Event | None = None,
) -> Report:
    """`replace_live` from a camera of this machine.

    device: its number or name as `devices` lists them, or the path of a clip that stands in for one; the
    first camera when left out. options: size and rate are what the camera is asked for: 1280x720 and 30.
    """
    options = options or Options()
    source: AnyPath | Feed
    if device is not None and Path(device).is_file():
        source = device
    else:
        source = Webcam(device, options.both_sides() or DEFAULT_SIZE, options.rate or 30.0)
        source.open()  # a camera that is missing is told at once
    return replace_live(
        source,
        target,
        background,
        look=look,
        style=style,
        effects=effects,
        options=options,
        network=network,
        threads=threads,
        watch=watch,
        stop=stop,
    )


def _refuse_others(options: Options) -> None:
    plain = Options()
    used = ("size", "rate", "codec", "quality", "audio", "container", "overwrite")
    for field in fields(options):
        if field.name not in used and getattr(options, field.name) != getattr(plain, field.name):
            raise OptionError(f"{field.name} is not for live pictures; leave it out")
    if options.audio not in ("copy", "none"):
        raise OptionError(f"audio is copy or none for live pictures, not {options.audio!r}")


def _outlet(target: AnyPath | Outlet, options: Options) -> Outlet:
    if isinstance(target, Outlet):
        return target
    word, _, device = fspath(target).partition(":")
    if word == VIRTUAL:
        return virtual_camera(device or None)
    return outlet_for(target, options)


def _counts(pipeline: LivePipeline) -> LiveCounts:
    tally = pipeline.tally
    return LiveCounts(
        tally.captured,
        tally.late,
        tally.failed,
        tally.composed,
        tally.repeated,
        tally.alone,
        tally.reopened,
        sum(sender.reopened for sender in pipeline.senders),
        sum(sender.dropped for sender in pipeline.senders),
        pipeline.latencies.percentiles(),
    )
