"""What is put behind the people, and how both become one picture."""

from livematte.scene.backdrop import Backdrop, Blur, Colour, Photo, Video, make_backdrop
from livematte.scene.composite import composite, cut_out
from livematte.scene.cutout import cut_out_planes

__all__ = [
    "Backdrop",
    "Blur",
    "Colour",
    "Photo",
    "Video",
    "composite",
    "cut_out",
    "cut_out_planes",
    "make_backdrop",
]
