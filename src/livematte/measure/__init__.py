"""How good a mask is: numpy only."""

from livematte.measure.area import iou

__all__ = ["iou"]
