"""Bodies of requests, of a bounded size, and refusals, with a text for the annotator."""

from __future__ import annotations

import logging

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from nucseg_tf.annotation.editor.message import EditError
from nucseg_tf.annotation.editor.others import NoLabelsError
from nucseg_tf.annotation.editor.project import UnknownFieldError
from nucseg_tf.annotation.editor.security import MAX_BODY
from nucseg_tf.annotation.editor.session import ConflictError
from nucseg_tf.annotation.editor.uploads import TooLargeUploadError
from nucseg_tf.annotation.editor.visit import BegunError, ClosedError, LockedError
from nucseg_tf.errors import NucsegError, OutputError, PlaneChoiceError

LOG = logging.getLogger(__name__)


class TooLargeError(EditError):
    """A body that does not say its length, and is too long."""


CODES: tuple[tuple[type[NucsegError], int], ...] = (
    (UnknownFieldError, 404),
    (NoLabelsError, 404),
    (LockedError, 423),
    (ConflictError, 409),
    (BegunError, 409),
    (ClosedError, 410),
    (TooLargeError, 413),
    (TooLargeUploadError, 413),
    (PlaneChoiceError, 428),
    (EditError, 422),
    (OutputError, 507),
    (NucsegError, 422),
)


def with_refusals(routes: list[Route]) -> Starlette:
    """An application whose errors are answers."""
    handlers = {NucsegError: _refuse, ValidationError: _refuse_body}
    return Starlette(routes=routes, exception_handlers=handlers)  # type: ignore[arg-type]


async def read_body(request: Request) -> bytes:
    """The body of a request; TooLargeError."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise TooLargeError(f"expected {MAX_BODY:,} bytes at most. Received: more")
    return body


async def _refuse(request: Request, error: NucsegError) -> Response:
    code = next(code for kind, code in CODES if isinstance(error, kind))
    if isinstance(error, OutputError):
        LOG.error("%s", error)
    return JSONResponse({"error": str(error)}, code)


async def _refuse_body(request: Request, error: ValidationError) -> Response:
    first = error.errors(include_url=False, include_context=False)[0]
    place = ".".join(map(str, first["loc"])) or "body"
    received = repr(first["input"])[:100]
    return JSONResponse({"error": f"{place}: {first['msg']}. Received: {received}"}, 400)
