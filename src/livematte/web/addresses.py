"""By which names and numbers other machines reach this one."""

from __future__ import annotations

import contextlib
import socket

LOOPBACK = "127.0.0.1"

_FAR_AWAY = "192.0.2.1"  # kept for documents: nothing is sent there


def lan_addresses() -> list[str]:
    """This machine's IPv4 addresses in its networks, the one that leads outside first."""
    found = []
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((_FAR_AWAY, 9))
        found.append(probe.getsockname()[0])
    with contextlib.suppress(OSError):
        found += [
            str(entry[4][0]) for entry in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)
        ]
    return [address for address in dict.fromkeys(found) if not address.startswith("127.")]


def host_names() -> list[str]:
    """The names by which this machine may be called, in lower case."""
    name = socket.gethostname().lower()
    short = name.partition(".")[0]
    return [name for name in dict.fromkeys(["localhost", name, short, f"{short}.local"]) if name.isascii()]
