"""Sends a stream on: NUT from standard input, packet by packet, to an address.

python -P relay.py ADDRESS FORMAT

Once it is connected it writes `total_size=1` to standard output. What came before that is old: it sends from
the second key picture on, which is to follow then.

It is a process of its own because FFmpeg may wait for a network for minutes while it holds up all other
threads. It ends by itself where that takes longer than PATIENCE.
"""

from __future__ import annotations

import faulthandler
import os
import sys
from pathlib import Path

import av
from av.container import InputContainer

PATIENCE = 6.0
"""Seconds that a connection, or sending one packet, may take."""

FIRST_KEY = 2
"""Which key picture is sent first."""

OPTIONS = {
    "flv": {"flvflags": "no_duration_filesize"},
    "rtsp": {"rtsp_transport": "tcp"},
    "mpegts": {"mpegts_flags": "resend_headers", "muxdelay": "0", "muxpreload": "0"},
}
"""What FFmpeg's formats are told, by their names."""


def main(address: str, format: str) -> None:
    """Send until standard input ends; exits with 1 and one line where the other side goes away."""
    with Path(os.devnull).open("w") as nowhere:
        try:
            with av.open("pipe:0", format="nut", container_options=_QUICK) as source:
                faulthandler.dump_traceback_later(PATIENCE, exit=True, file=nowhere)
                _send(source, address, format, nowhere.fileno())
        except (av.FFmpegError, OSError) as error:
            print(error.strerror or error, file=sys.stderr)
            sys.exit(1)
        finally:
            faulthandler.cancel_dump_traceback_later()


_QUICK = {"probesize": "32", "analyzeduration": "0", "fpsprobesize": "0"}


def _send(source: InputContainer, address: str, format: str, nowhere: int) -> None:
    with av.open(address, "w", format=format, container_options=OPTIONS.get(format, {})) as target:
        copies = {stream.index: target.add_stream_from_template(stream) for stream in source.streams}
        target.start_encoding()
        faulthandler.cancel_dump_traceback_later()
        print("total_size=1", flush=True)
        keys = 0
        for packet in source.demux():
            if packet.dts is None:
                continue
            keys += packet.is_keyframe
            if keys < FIRST_KEY:
                continue
            packet.stream = copies[packet.stream_index]
            faulthandler.dump_traceback_later(PATIENCE, exit=True, file=nowhere)
            target.mux_one(packet)
            faulthandler.cancel_dump_traceback_later()  # the next packet may take its time


if __name__ == "__main__":
    main(*sys.argv[1:])
