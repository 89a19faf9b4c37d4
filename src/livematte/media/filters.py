"""Pictures through FFmpeg's filters: fields woven into whole pictures, HDR mapped to SDR."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av
from av.filter import Graph

DEINTERLACE = (("bwdif", "mode=send_frame:deint=interlaced"),)
"""Weston's three-field interpolation: one whole picture for each two fields, at the same time."""

TO_SDR = (
    ("scale", "out_color_matrix=bt709:out_primaries=bt709:out_transfer=bt709:out_range=tv:intent=perceptual"),
    ("format", "pix_fmts=yuv420p"),
)
"""swscale's perceptual mapping of tones and gamut."""


class Filter:
    """A chain of filters; each picture comes out at its own time.

    Where size or format change within a clip, the chain is emptied and built anew.
    """

    def __init__(self, chain: tuple[tuple[str, str], ...], like: av.VideoFrame, tick: Fraction) -> None:
        """like: a picture as the first that will come; tick: seconds per unit of their timestamps."""
        self._chain, self._tick = chain, tick
        self._build(like)

    def __call__(self, image: av.VideoFrame | None) -> Iterator[av.VideoFrame]:
        """The pictures that this one completes; None at the end gives those that still wait."""
        if image is not None and _kind(image) != self._kind:
            yield from self._through(None)
            self._build(image)
        yield from self._through(image)

    def _build(self, like: av.VideoFrame) -> None:
        self._kind = _kind(like)
        self._graph = Graph()
        self._graph.threads = 1  # swscale in several threads spoils the first pixels of its slices
        nodes = [
            self._graph.add_buffer(
                width=like.width, height=like.height, format=like.format, time_base=self._tick
            )
        ]
        nodes += [self._graph.add(name, options) for name, options in self._chain]
        self._graph.link_nodes(*nodes, self._graph.add("buffersink"))
        self._graph.configure()

    def _through(self, image: av.VideoFrame | None) -> Iterator[av.VideoFrame]:
        self._graph.push(image)
        while True:
            try:
                result = self._graph.vpull()
            except (BlockingIOError, EOFError):
                return
            if result.pts is not None and result.time_base is not None:
                result.pts = round(result.pts * result.time_base / self._tick)
            result.time_base = self._tick
            yield result


def _kind(image: av.VideoFrame) -> tuple[int, int, str]:
    return image.width, image.height, image.format.name
