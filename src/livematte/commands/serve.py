"""The command for browsers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

import livematte
from livematte.errors import MissingExtraError
from livematte.web.server import Ready


def serve(
    *,
    port: int = 8000,
    lan: Annotated[bool, Parameter(negative="")] = False,
    certificate: Path | None = None,
    key: Path | None = None,
    jobs: Annotated[bool, Parameter(negative="")] = False,
    token: Annotated[str | None, Parameter(env_var="LIVEMATTE_TOKEN")] = None,
    limits: Annotated[livematte.Limits | None, Parameter(name="*")] = None,
) -> None:
    """Serve the page that cuts people out in a browser, all of it computed there; Ctrl-C ends it.

    Parameters
    ----------
    port
        Where to listen; 0 lets the system choose.
    lan
        For phones and others in the same network, over https with a certificate that is made for it. Left
        out, only this machine can reach the page.
    certificate
        A certificate of your own, a PEM file.
    key
        Its key, a PEM file.
    jobs
        Take clips, too, and work on them here; the limits below hold.
    token
        What clients must know for that.
    """
    try:
        import segno
    except ModuleNotFoundError:
        raise MissingExtraError("livematte serve", "serve") from None

    def say(ready: Ready) -> None:
        print(f"livematte is at {ready.address}")
        for address in ready.lan_addresses:
            print(f"for phones in this network: {address}")
        if lan and not ready.lan_addresses:
            print("livematte: warning: this machine is in no network", file=sys.stderr)
        if ready.fingerprint:
            print(f"SHA-256 of its certificate: {ready.fingerprint}")
        if ready.lan_addresses and sys.stdout.isatty():
            segno.make(ready.lan_addresses[0], micro=False).terminal(compact=True)
        if jobs and lan and token is None:
            print("livematte: warning: anybody in this network may send clips; see --token", file=sys.stderr)
        print("Ctrl-C ends it.", flush=True)

    try:
        livematte.serve(
            port=port,
            lan=lan,
            certificate=certificate,
            key=key,
            jobs=jobs,
            token=token,
            limits=limits,
            ready=say,
        )
    except KeyboardInterrupt:
        print("livematte: stopped", file=sys.stderr)
        sys.exit(130)
