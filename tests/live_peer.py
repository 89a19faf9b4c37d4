"""The other side of a stream, as a process that can be killed.

python live_peer.py receive ADDRESS COUNTS     count the pictures that come, and those that show the room
python live_peer.py send ADDRESS CLIP          send a clip again and again at its own pace

ADDRESS of a receiver: rtmp://… is served by PyAV's own FFmpeg, srt://…?mode=listener by the one that has SRT.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import av
from live_runs import shows_room

from livematte.media.srt import from_srt, is_srt


def receive(address: str, counts: Path) -> None:
    """After each picture write `pictures, showing the room, size` into a file."""
    if is_srt(address):
        with subprocess.Popen(from_srt(address), stdout=subprocess.PIPE, bufsize=0) as process:
            assert process.stdout is not None
            try:
                _count(av.open(process.stdout, "r", container_options=_QUICK), counts)
            finally:
                process.kill()
    else:
        listen = {"listen": "1"}
        if address.startswith("rtsp"):
            listen = {"rtsp_flags": "listen", "listen_timeout": "120"}
        options = {**listen, "analyzeduration": "500000", "fpsprobesize": "0"}
        _count(av.open(address, "r", container_options=options), counts)


_QUICK = {"probesize": "32", "analyzeduration": "0", "fpsprobesize": "0"}


def _count(container: av.container.InputContainer, counts: Path) -> None:
    leaks = 0
    for pictures, frame in enumerate(container.decode(video=0), 1):
        leaks += shows_room(frame.to_ndarray(format="rgb24"))
        beside = counts.with_suffix(".new")
        beside.write_text(f"{pictures} {leaks} {frame.width}x{frame.height}")
        beside.replace(counts)


def send(address: str, clip: str) -> None:
    """With FFmpeg's own program: its library, through PyAV, cannot be told to listen when it writes."""
    from imageio_ffmpeg import get_ffmpeg_exe

    listen = [] if is_srt(address) else ["-listen", "1"]
    format = "mpegts" if is_srt(address) else "flv"
    command = [get_ffmpeg_exe(), "-loglevel", "quiet", "-re", "-stream_loop", "-1", "-i", clip, "-c", "copy"]
    while True:  # it serves one client, and ends when that leaves
        subprocess.run([*command, "-f", format, *listen, address], check=False)


if __name__ == "__main__":
    if sys.argv[1] == "receive":
        receive(sys.argv[2], Path(sys.argv[3]))
    else:
        send(*sys.argv[2:])
