"""Pictures and sound in and out: videos through PyAV, photos through Pillow."""

from livematte.media.info import Info, info
from livematte.media.photo import check_photo_target, is_photo, read_photo, write_photo
from livematte.media.reader import Reader, read
from livematte.media.source import check_input
from livematte.media.writer import Writer

__all__ = [
    "Info",
    "Reader",
    "Writer",
    "check_input",
    "check_photo_target",
    "info",
    "is_photo",
    "read",
    "read_photo",
    "write_photo",
]
