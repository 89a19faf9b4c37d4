"""From a frame to its matte."""

from livematte.segment.segmenter import Segmenter

__all__ = ["Segmenter"]
