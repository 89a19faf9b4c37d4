"""What is put behind the people, and how both become one picture."""

from livematte.scene.backdrop import Backdrop, Colour, Gradient, Own, Photo
from livematte.scene.blur import Blur, Bokeh, Pixelate
from livematte.scene.composite import composite
from livematte.scene.cutout import cut_out, with_alpha
from livematte.scene.dye import Dye, Dyer
from livematte.scene.grade import Grade, Graded
from livematte.scene.looks import LOOKS, Look
from livematte.scene.moving import Video
from livematte.scene.placement import Placement
from livematte.scene.scene import Effect, People, Scene, Selection
from livematte.scene.style import Style
from livematte.scene.words import make_backdrop, named_backdrop

__all__ = [
    "LOOKS",
    "Backdrop",
    "Blur",
    "Bokeh",
    "Colour",
    "Dye",
    "Dyer",
    "Effect",
    "Grade",
    "Graded",
    "Gradient",
    "Look",
    "Own",
    "People",
    "Photo",
    "Pixelate",
    "Placement",
    "Scene",
    "Selection",
    "Style",
    "Video",
    "composite",
    "cut_out",
    "make_backdrop",
    "named_backdrop",
    "with_alpha",
]
