"""What the server answers: files of the page by their names, and jobs."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import IO

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from livematte.errors import OptionError
from livematte.web.assets import Asset
from livematte.web.guard import JOBS, refused
from livematte.web.jobs import Job, Jobs, RefusedError, State, no_room
from livematte.web.limits import MEGA
from livematte.web.order import KEYS, PHOTO, RESULTS, parse_json
from livematte.web.worker import CLIP

_ORDER_BYTES = 10_000  # of a job's options
_CHUNK = 2**16
_HEARTBEAT = 10.0  # seconds after which a stream of events says that it is still there
_HEAD = 12  # bytes that tell what a file is
_CLIPS = ("video/", "application/octet-stream")
_PHOTOS = ("image/jpeg", "image/png", "image/webp")
_GZIP = re.compile(r"\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))")

Endpoint = Callable[[Request], Awaitable[Response]]


def make_app(assets: Mapping[str, Asset], jobs: Jobs | None) -> Starlette:
    """The application; without jobs, their addresses do not exist."""
    if jobs is None:
        routes = [Route(JOBS + "{rest:path}", _no_jobs, methods=["GET", "POST", "PUT", "DELETE"])]
    else:
        routes = _JobEndpoints(jobs).routes()
        for route in routes:
            assert route.methods is not None
            route.methods.discard("HEAD")  # would fetch a result, and so remove it
    return Starlette(
        routes=[*routes, Route("/{name:path}", _page(assets), methods=["GET"])],
        exception_handlers={
            HTTPException: _said,
            RefusedError: _refused,
            OptionError: _bad,
            ClientDisconnect: _left,
        },
    )


def _page(assets: Mapping[str, Asset]) -> Endpoint:
    async def answer(request: Request) -> Response:
        asset = assets.get(request.path_params["name"])
        if asset is None:
            raise HTTPException(404, "there is nothing here")
        headers = {
            "Cache-Control": "public, max-age=31536000, immutable" if asset.hashed else "no-cache",
            "ETag": asset.tag,
            "Vary": "Accept-Encoding",
        }
        if asset.tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        takes_gzip = _GZIP.search(request.headers.get("accept-encoding", ""))
        packed = await run_in_threadpool(lambda: asset.packed) if takes_gzip else None
        if packed is not None:
            headers["Content-Encoding"] = "gzip"
        return Response(packed or asset.content, headers=headers | {"Content-Type": asset.kind})

    return answer


async def _no_jobs(request: Request) -> Response:
    raise HTTPException(404, "this server takes no jobs; it does when started with --jobs")


class _JobEndpoints:
    """Jobs over HTTP: one is opened with its options, sent its files, watched, fetched or cancelled."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    def routes(self) -> list[Route]:
        one = JOBS + "/{id}"
        return [
            Route(JOBS, self.terms, methods=["GET"]),
            Route(JOBS, self.open, methods=["POST"]),
            Route(one, self.show, methods=["GET"]),
            Route(one, self.cancel, methods=["DELETE"]),
            Route(f"{one}/photo", self.send_photo, methods=["PUT"]),
            Route(f"{one}/clip", self.send_clip, methods=["PUT"]),
            Route(f"{one}/events", self.events, methods=["GET"]),
            Route(f"{one}/result", self.result, methods=["GET"]),
        ]

    async def terms(self, request: Request) -> Response:
        """What may be asked for, and how much."""
        return JSONResponse({"options": [*KEYS], "limits": asdict(self._jobs.limits)})

    async def open(self, request: Request) -> Response:
        if not _kind(request).startswith("application/json"):
            raise RefusedError(415, "a job's options are JSON: Content-Type: application/json")
        text = b"".join([chunk async for chunk in self._body(request, _ORDER_BYTES)])
        client = request.client.host if request.client else ""
        job = self._jobs.open(client, parse_json(text or b"{}"))
        place = f"{JOBS}/{job.id}"
        names = ("clip", "photo", "events", "result")
        return JSONResponse(
            job.as_dict() | {name: f"{place}/{name}" for name in names}, 201, headers={"Location": place}
        )

    async def show(self, request: Request) -> Response:
        return JSONResponse(self._job(request).as_dict())

    async def cancel(self, request: Request) -> Response:
        self._jobs.remove(self._job(request))
        return Response(status_code=204)

    async def send_photo(self, request: Request) -> Response:
        job = self._job(request)
        if job.order.background != PHOTO:
            raise RefusedError(409, f"the job's background is not {PHOTO!r}")
        if not _kind(request).startswith(_PHOTOS):
            raise RefusedError(415, f"a background is one of {', '.join(_PHOTOS)}")
        await self._store(job, request, PHOTO, self._jobs.limits.photo_megabytes, _is_photo)
        return JSONResponse(job.as_dict())

    async def send_clip(self, request: Request) -> Response:
        job = self._job(request)
        if job.needs_photo:
            raise RefusedError(409, "send the photo first; the work begins with the clip")
        if not _kind(request).startswith(_CLIPS):
            raise RefusedError(415, "a clip is video/mp4, video/quicktime, video/webm or the like")
        await self._store(job, request, CLIP, self._jobs.limits.clip_megabytes, _is_clip)
        return JSONResponse(job.as_dict(), 202)

    async def events(self, request: Request) -> Response:
        job = self._job(request)

        async def lines() -> AsyncIterator[str]:
            async for news in job.watch(_HEARTBEAT):
                yield ": still here\n\n" if news is None else f"data: {json.dumps(news)}\n\n"

        return StreamingResponse(lines(), media_type="text/event-stream")

    async def result(self, request: Request) -> Response:
        job = self._job(request)
        if job.state is not State.DONE:
            raise RefusedError(409, f"the job is {job.state.value}; there is no result")
        file = job.result.open("rb")
        headers = {
            "Content-Length": str(os.fstat(file.fileno()).st_size),
            "Content-Disposition": f'attachment; filename="livematte.{job.order.format}"',
        }

        async def content() -> AsyncIterator[bytes]:
            with file:
                while chunk := await run_in_threadpool(file.read, _CHUNK):
                    yield chunk
            self._jobs.remove(job)

        return StreamingResponse(content(), media_type=RESULTS[job.order.format], headers=headers)

    def _job(self, request: Request) -> Job:
        return self._jobs.find(request.path_params["id"])

    async def _store(
        self, job: Job, request: Request, name: str, megabytes: float, fits: Callable[[bytes], bool]
    ) -> None:
        """Write a request's body into a job's folder; the clip sets the work off."""
        with self._jobs.sending(job):
            body = self._body(request, int(megabytes * MEGA))
            head = b""
            while len(head) < _HEAD and (chunk := await anext(body, None)):
                head += chunk
            if not fits(head):
                raise RefusedError(415, f"this is no {name} that can be read")
            try:
                with (job.folder / name).open("wb") as file:
                    await _write(file, head)
                    async for chunk in body:
                        self._jobs.find(job.id)  # it may have been cancelled
                        await _write(file, chunk)
            except OSError as error:
                raise no_room(error) from error
            self._jobs.find(job.id)
            if name == CLIP:
                self._jobs.submit(job)
            else:
                self._jobs.await_clip(job)

    async def _body(self, request: Request, most: int) -> AsyncIterator[bytes]:
        """A request's body as it comes. Raises RefusedError where it is too large or too slow."""
        limits = self._jobs.limits
        too_large = RefusedError(413, f"at most {most} bytes are taken")
        length = request.headers.get("content-length", "0")
        if int(length) > most:
            raise too_large
        end = asyncio.get_running_loop().time() + limits.upload_seconds
        stream, size = request.stream(), 0
        while True:
            left = min(limits.silence, end - asyncio.get_running_loop().time())
            try:
                chunk = await asyncio.wait_for(anext(stream, None), left)
            except TimeoutError:
                raise RefusedError(408, "the rest of the request did not come in time") from None
            if chunk is None:
                return
            size += len(chunk)
            if size > most:
                raise too_large
            if chunk:
                yield chunk


async def _write(file: IO[bytes], chunk: bytes) -> None:
    await run_in_threadpool(file.write, chunk)


def _kind(request: Request) -> str:
    return request.headers.get("content-type", "").lower()


def _is_clip(head: bytes) -> bool:
    """Whether a file begins as MP4, MOV, Matroska, WebM or AVI does."""
    box = head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
    return box or head.startswith(b"\x1a\x45\xdf\xa3") or (head[:4] + head[8:12]) == b"RIFFAVI "


def _is_photo(head: bytes) -> bool:
    """Whether a file begins as JPEG, PNG or WebP does."""
    return head.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")) or (head[:4] + head[8:12]) == b"RIFFWEBP"


async def _said(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return refused(error.status_code, error.detail, dict(error.headers or {}))


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError)
    return refused(error.status, error.message, error.headers)


async def _bad(request: Request, error: Exception) -> Response:
    return refused(400, str(error))


async def _left(request: Request, error: Exception) -> Response:
    return Response(status_code=400)  # nobody is there to read it
