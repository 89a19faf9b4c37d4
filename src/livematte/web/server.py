"""`livematte serve`: from options to a server that runs until it is stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from os import PathLike
from pathlib import Path
from socket import AF_INET, SO_REUSEADDR, SOCK_STREAM, SOL_SOCKET, socket
from sys import platform
from typing import TYPE_CHECKING, NamedTuple

from livematte.errors import MissingExtraError, OptionError
from livematte.media.output import writing
from livematte.media.temporary import temporary_beside
from livematte.web.addresses import LOOPBACK, host_names, lan_addresses
from livematte.web.limits import Limits

if TYPE_CHECKING:
    from livematte.web.certificate import Certificate


class Ready(NamedTuple):
    """What a server that listens says of itself.

    address: for a browser on this machine; lan_addresses: for browsers elsewhere in the network;
    fingerprint: SHA-256 of the certificate, where there is one.
    """

    address: str
    lan_addresses: tuple[str, ...]
    fingerprint: str | None


def serve(
    *,
    port: int = 8000,
    lan: bool = False,
    certificate: str | PathLike[str] | None = None,
    key: str | PathLike[str] | None = None,
    jobs: bool = False,
    token: str | None = None,
    limits: Limits | None = None,
    ready: Callable[[Ready], None] | None = None,
) -> None:
    """Serve the page that runs livematte in a browser, until Ctrl-C, which raises KeyboardInterrupt.

    port: 0 lets the system choose. lan: for the whole network over https, not for this machine alone over
    http; without certificate and key (paths of PEM files) with a self-signed one, made and kept in the user's
    cache folder. jobs: take clips and work on them here, within `limits`; token: what clients must know for
    that. ready: called once the server listens.
    Raises OptionError, InputError where the page or the certificate is missing, OutputError where the cache
    folder cannot be written, or MissingExtraError.
    """
    try:
        import platformdirs

        from livematte.web.assets import read_assets
        from livematte.web.certificate import own_certificate, read_certificate
        from livematte.web.endpoints import make_app
        from livematte.web.guard import Guard
        from livematte.web.jobs import Jobs
        from livematte.web.running import run
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("livematte"):
            raise
        raise MissingExtraError("livematte.serve", "serve") from None

    if not 0 <= port <= 65535:
        raise OptionError(f"port is between 0 and 65535, not {port}")
    if token is not None and not (token and token.isascii() and token.isprintable()):
        raise OptionError("token is one or more printable ASCII letters")
    limits = limits or Limits()
    cache = platformdirs.user_cache_path("livematte", appauthor=False)
    assets = read_assets()
    numbers = lan_addresses() if lan else []
    pair: Certificate | None = None
    if certificate is not None and key is not None:
        pair = read_certificate(Path(certificate), Path(key))
    elif certificate is not None or key is not None:
        raise OptionError("certificate and key belong together; give both or none")
    elif lan:
        pair = own_certificate(cache, [*host_names(), LOOPBACK, *numbers])
    with ExitStack() as stack:
        listener = stack.enter_context(closing(_listen("0.0.0.0" if lan else LOOPBACK, port)))
        place = f"{{}}://{{}}:{listener.getsockname()[1]}/".format
        scheme = "https" if pair else "http"
        told = Ready(
            place(scheme, "localhost" if pair else LOOPBACK),
            tuple(place(scheme, number) for number in numbers),
            pair.fingerprint if pair else None,
        )
        keeper = Jobs(stack.enter_context(_folder(cache)), limits) if jobs else None
        names = {*host_names(), *(pair.names if pair else ())}
        run(
            Guard(make_app(assets, keeper), names, token),
            listener,
            pair=pair,
            silence=limits.silence,
            jobs=keeper,
            ready=lambda: ready(told) if ready else None,
        )


def _listen(host: str, port: int) -> socket:
    listener = socket(AF_INET, SOCK_STREAM)
    try:
        if platform != "win32":  # there it would share the port with whoever has it
            listener.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        why = (error.strerror or str(error)).lower()
        raise OptionError(f"port {port} cannot be had: {why}; choose another one with --port") from None
    return listener


@contextmanager
def _folder(cache: Path) -> Iterator[Path]:
    """A new folder for jobs; what a killed server left is removed."""
    with ExitStack() as stack:
        with writing(cache):
            cache.mkdir(parents=True, exist_ok=True, mode=0o700)
            folder = stack.enter_context(temporary_beside(cache / "jobs", folder=True))
            folder.chmod(0o700)
        yield folder
