"""What is put behind the people, and how both become one picture."""

from livematte.scene.backdrop import Backdrop, Blur, Colour, Photo, Video, make_backdrop
from livematte.scene.composite import composite
from livematte.scene.cutout import cut_out, with_alpha

__all__ = [
    "Backdrop",
    "Blur",
    "Colour",
    "Photo",
    "Video",
    "composite",
    "cut_out",
    "make_backdrop",
    "with_alpha",
]
