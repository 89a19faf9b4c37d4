"""Pictures and sound in and out: videos through PyAV, photos through Pillow."""

from livematte.media.codecs import CONTAINERS
from livematte.media.info import Info, info
from livematte.media.options import Options
from livematte.media.part import PartWriter, pictures_of, ticks_in, ticks_of
from livematte.media.photo import (
    PHOTOS,
    WRITTEN_PHOTOS,
    check_photo_target,
    is_photo,
    read_photo,
    read_profile,
    write_photo,
)
from livematte.media.reader import Reader, read
from livematte.media.sound import BackdropSound, SoundFile
from livematte.media.source import AnyPath, check_input, confine, is_file
from livematte.media.writer import Writer

__all__ = [
    "CONTAINERS",
    "PHOTOS",
    "WRITTEN_PHOTOS",
    "AnyPath",
    "BackdropSound",
    "Info",
    "Options",
    "PartWriter",
    "Reader",
    "SoundFile",
    "Writer",
    "check_input",
    "check_photo_target",
    "confine",
    "info",
    "is_file",
    "is_photo",
    "pictures_of",
    "read",
    "read_photo",
    "read_profile",
    "ticks_in",
    "ticks_of",
    "write_photo",
]
