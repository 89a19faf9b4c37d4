"""From a camera or a stream to a virtual camera, a stream or a file, live; the room is never shown."""

from livematte.live.feeds import Clip, Feed, Shot, Webcam
from livematte.live.pipeline import LivePipeline
from livematte.live.run import camera, replace_live
from livematte.live.stage import Choice
from livematte.media.camera import Device, devices

__all__ = [
    "Choice",
    "Clip",
    "Device",
    "Feed",
    "LivePipeline",
    "Shot",
    "Webcam",
    "camera",
    "devices",
    "replace_live",
]
