"""How good a mask is, in space and in time: numpy only."""

from livematte.measure.alpha import mad, mse
from livematte.measure.area import iou, mean_iou
from livematte.measure.boundary import boundary_f
from livematte.measure.classes import class_counts
from livematte.measure.motion import dtssd, flicker
from livematte.measure.promises import frames_until_back, shortfall

__all__ = [
    "boundary_f",
    "class_counts",
    "dtssd",
    "flicker",
    "frames_until_back",
    "iou",
    "mad",
    "mean_iou",
    "mse",
    "shortfall",
]
