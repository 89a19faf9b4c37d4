"""The cameras of this machine, through FFmpeg's devices: V4L2, AVFoundation or DirectShow."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import av
from av.container import InputContainer

from livematte.errors import InputError

_SYSTEMS = {"linux": "v4l2", "darwin": "avfoundation", "win32": "dshow"}
_VIDEO4LINUX = Path("/sys/class/video4linux")


@dataclass(frozen=True, slots=True)
class Device:
    """A camera.

    name: what opens it; description: what it calls itself.
    """

    name: str
    description: str

    def __str__(self) -> str:
        return f"{self.name}  {self.description}"


def devices() -> list[Device]:
    """The cameras of this machine, in the order of their numbers."""
    if sys.platform == "linux":
        return _of_linux()
    return [
        Device(str(number) if sys.platform == "darwin" else one.description, one.description)
        for number, one in enumerate(_listed())
    ]


def open_camera(device: str | None, size: tuple[int, int], rate: float) -> InputContainer:
    """Open a camera by its number, name or description; the first one where None.

    size: (width, height), rate: pictures a second, asked for; where it has them not, it gives its own.
    Raises InputError.
    """
    system = _SYSTEMS.get(sys.platform)
    if system is None:
        raise InputError(f"cameras are not known on {sys.platform}; give a stream's address")
    name = _name(device)
    where = {"v4l2": name, "avfoundation": f"{name}:none", "dshow": f"video={name}"}[system]
    wanted = {"video_size": f"{size[0]}x{size[1]}", "framerate": f"{rate:g}"}
    # most cameras reach these sizes as motion JPEG only
    packed = {"input_format": "mjpeg"} if system == "v4l2" else {}
    for options in ({**wanted, **packed}, wanted, {}):
        try:
            return av.open(where, format=system, container_options=options)
        except (av.FFmpegError, OSError) as error:
            problem = error
    raise InputError(f"camera {device or name} cannot be opened: {problem.strerror or problem}") from problem


def _name(device: str | None) -> str:
    known = devices()
    if device is None:
        if not known:
            raise InputError("no camera was found; connect one, or give a stream's address")
        return known[0].name
    if device.isdecimal() and int(device) < len(known):
        return known[int(device)].name
    return next((one.name for one in known if device in (one.name, one.description)), device)


def _of_linux() -> list[Device]:
    if not _VIDEO4LINUX.is_dir():
        return []
    found = []
    nodes = [path for path in _VIDEO4LINUX.iterdir() if path.name.removeprefix("video").isdecimal()]
    for node in sorted(nodes, key=lambda path: int(path.name.removeprefix("video"))):
        if _line(node / "index") == "0":  # a camera's further nodes give no pictures
            found.append(Device(f"/dev/{node.name}", _line(node / "name")))
    return found


def _line(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _listed() -> list[av.DeviceInfo]:
    try:
        found = av.enumerate_input_devices(_SYSTEMS[sys.platform])
    except (av.FFmpegError, ValueError, KeyError):
        return []
    return [one for one in found if not one.media_types or "video" in one.media_types]
