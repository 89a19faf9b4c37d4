"""What holds for every request and every answer: who may ask, and what browsers are told."""

from __future__ import annotations

import hmac
import ipaddress
import re
from collections.abc import Collection
from typing import Final

from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

JOBS = "/jobs"

_POLICY: Final = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'wasm-unsafe-eval'",
        "worker-src 'self' blob:",
        "img-src 'self' blob: data:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(self)",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Of every answer. Opener and embedder policy together give WebAssembly its threads."""

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^\[\]:/\\@?#%\s]+)(?::\d*)?")


class Guard:
    """Lets through what may come in, and adds HEADERS to what goes out.

    names: the host names by which this server is known, in lower case. A page elsewhere can make its own name
    point to this machine, but not have a browser call that name by ours or by a number.
    token: what a client must know for jobs, if anything.
    """

    def __init__(self, app: ASGIApp, names: Collection[str], token: str | None) -> None:
        self._app = app
        self._names = names
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                if scope["path"].startswith(JOBS):
                    headers["Cache-Control"] = "no-store"
            await send(message)

        refusal = self._refusal(scope)
        await (refusal or self._app)(scope, receive, sent)

    def _refusal(self, scope: Scope) -> JSONResponse | None:
        headers = Headers(scope=scope)
        if not self._is_ours(headers.get("host", "")):
            return refused(421, "this server is not known by that name; use an address that it printed")
        if not scope["path"].startswith(JOBS):
            return None
        if not _is_from_here(headers):
            return refused(403, "jobs are for this server's own page, not for others")
        if self._token is not None and not self._is_known(headers, scope):
            message = "jobs need the server's token: send Authorization: Bearer TOKEN"
            return refused(401, message, {"WWW-Authenticate": "Bearer"})
        return None

    def _is_ours(self, host: str) -> bool:
        found = _HOST.fullmatch(host.lower())
        name = found[1].strip("[]") if found else ""
        wild = f"*.{name.partition('.')[2]}"
        return name in self._names or wild in self._names or _is_number(name)

    def _is_known(self, headers: Headers, scope: Scope) -> bool:
        kind, _, given = headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer":
            given = ""
        if not given and scope["path"].endswith("/events"):  # EventSource cannot send headers
            given = QueryParams(scope["query_string"]).get("token", "")
        return hmac.compare_digest(given.encode(), (self._token or "").encode())


def refused(status: int, message: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """An answer that says what was wrong."""
    return JSONResponse({"error": message}, status, headers)


def _is_from_here(headers: Headers) -> bool:
    """Whether a request comes from our own page, or from no page at all."""
    own = [f"{scheme}://{headers['host']}".lower() for scheme in ("http", "https")]
    if headers.get("origin", own[0]).lower() not in own:
        return False
    return headers.get("sec-fetch-site", "none") in ("same-origin", "none")


def _is_number(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
