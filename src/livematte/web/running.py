"""uvicorn, set up for strangers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from socket import socket

from starlette.types import ASGIApp
from uvicorn import Config, Server

from livematte.web.certificate import Certificate
from livematte.web.connection import Connection
from livematte.web.jobs import Jobs

_GRACE = 2  # seconds for answers under way when the server ends


def run(
    app: ASGIApp,
    listener: socket,
    *,
    pair: Certificate | None,
    silence: float,
    jobs: Jobs | None,
    ready: Callable[[], None],
) -> None:
    """Serve until a signal comes, which is raised again in the end."""
    limited = type("Limited", (Connection,), {"silence": silence})
    config = Config(
        app,
        loop="asyncio",
        http=limited,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        proxy_headers=False,  # anybody on this machine could pretend to be another client
        server_header=False,
        ssl_certfile=pair.certificate if pair else None,
        ssl_keyfile=pair.key if pair else None,
    )
    _Server(config, jobs, ready).run(sockets=[listener])


class _Server(Server):
    def __init__(self, config: Config, jobs: Jobs | None, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._jobs = jobs
        self._ready = ready

    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        if self._jobs:
            self._jobs.start()
        self._ready()

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        if self._jobs:
            await self._jobs.close()
        asyncio.get_running_loop().call_later(_GRACE, self._drop_all)
        await super().shutdown(sockets)

    def _drop_all(self) -> None:
        for connection in list(self.server_state.connections):
            connection.transport.abort()
