"""The web application of the annotation page.

It serves one page, and below /api what the page asks for. Bodies and answers are JSON, image and
labels are bytes. Every refusal is `{"error": text}`, with a text for the annotator.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from nucseg_tf.annotation.editor.message import EditError, Message
from nucseg_tf.annotation.editor.project import MAX_NAME
from nucseg_tf.annotation.editor.security import MAX_BODY
from nucseg_tf.annotation.editor.session import ConflictError
from nucseg_tf.annotation.editor.workspace import LockedError, UnknownFieldError, Visit, Workspace
from nucseg_tf.errors import NucsegError, OutputError

LOG = logging.getLogger(__name__)
STATIC = Path(__file__).parent / "static"
MEDIA = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
}


class TooLargeError(EditError):
    """A body that does not say its length, and is too long."""


CODES: tuple[tuple[type[NucsegError], int], ...] = (
    (UnknownFieldError, 404),
    (LockedError, 423),
    (ConflictError, 409),
    (TooLargeError, 413),
    (EditError, 422),
    (OutputError, 507),
    (NucsegError, 422),
)


@dataclass(frozen=True)
class Users:
    """Who may annotate.

    Attributes:
        default: name that edits are noted under where the page asks for none.
        ask: whether it asks.
        names: to choose from; any if empty.
    """

    default: str
    ask: bool = False
    names: tuple[str, ...] = ()

    def check(self, name: str) -> str:
        """The name to note, from what the page sent."""
        if not self.ask:
            return self.default
        name = name.strip()
        if (self.names and name not in self.names) or not name:
            raise UnknownUserError(f"choose your name first. Received: {name!r}")
        return name


class UnknownUserError(EditError):
    """No name, or none of those given."""


# A page that was cut off for long tells of all its seconds at once.
_Seconds = Annotated[float, Field(ge=0), AfterValidator(lambda seconds: min(seconds, 3600))]


class _Body(BaseModel):
    """What every request of a page says."""

    model_config = ConfigDict(extra="forbid")

    field: str = Field(max_length=1000)
    page: str = Field(pattern=r"^[A-Za-z0-9-]{8,64}$")
    user: str = Field(default="", max_length=MAX_NAME, pattern=r"^[^\x00-\x1f\x7f]*$")
    seconds: _Seconds = 0


class _Open(_Body):
    over: bool = False


class _Edit(_Body):
    edit: Message


class _Review(_Body):
    label: int


class _Seen(_Body):
    revision: int = Field(ge=0)


def make_app(workspace: Workspace, users: Users) -> Starlette:
    """The application, without the gate before it.

    Args:
        workspace: the fields at work.
        users: who may annotate.
    """

    def project(request: Request) -> dict[str, Any]:
        asked = {"ask_user": users.ask, "users": users.names, "user": users.default}
        return workspace.listing() | asked

    def post(path: str, kind: type[_Body], work: Callable[[Any, Visit], Any]) -> Route:
        async def endpoint(request: Request) -> Response:
            body = kind.model_validate_json(await _read_body(request))
            visit = Visit(body.field, body.page, users.check(body.user), body.seconds)
            return JSONResponse(await run_in_threadpool(work, body, visit))

        return Route(path, endpoint, methods=["POST"])

    def get(path: str, work: Callable[[Request], Any]) -> Route:
        async def endpoint(request: Request) -> Response:
            found = await run_in_threadpool(work, request)
            return found if isinstance(found, Response) else JSONResponse(found)

        return Route(path, endpoint, methods=["GET"])

    def image(request: Request) -> Response:
        return _binary(workspace.picture(_key(request)).content)

    def labels(request: Request) -> Response:
        of = request.query_params.get("of", "")
        revision, content = workspace.labels(_key(request), of)
        return _binary(content, {"x-revision": str(revision)})

    routes = [
        get("/api/project", project),
        get("/api/image", image),
        get("/api/labels", labels),
        get("/api/history", lambda request: workspace.history(_key(request))),
        post("/api/open", _Open, lambda body, visit: workspace.open(visit, body.over)),
        post("/api/edit", _Edit, lambda body, visit: workspace.edit(visit, body.edit)),
        post("/api/review", _Review, lambda body, visit: workspace.review(visit, body.label)),
        post("/api/accept", _Seen, lambda body, visit: workspace.accept(visit, body.revision)),
        post("/api/reopen", _Seen, lambda body, visit: workspace.reopen(visit, body.revision)),
        post("/api/beat", _Body, lambda body, visit: workspace.beat(visit)),
        post("/api/leave", _Body, lambda body, visit: workspace.leave(visit)),
        *_page(),
    ]
    handlers = {NucsegError: _refuse, ValidationError: _refuse_body}
    return Starlette(routes=routes, exception_handlers=handlers)  # type: ignore[arg-type]


def _page() -> list[Route]:
    """The files of the page, all known beforehand: no path is made from a request."""

    def serve(path: Path) -> Callable[[Request], Response]:
        content = path.read_bytes()
        return lambda request: Response(content, media_type=MEDIA[path.suffix])

    files = [path for path in sorted(STATIC.iterdir()) if path.suffix in MEDIA]
    routes = [Route(f"/{path.name}", serve(path), methods=["GET"]) for path in files]
    return [Route("/", serve(STATIC / "index.html"), methods=["GET"]), *routes]


def _key(request: Request) -> str:
    return request.query_params.get("field", "")


def _binary(content: bytes, headers: dict[str, str] | None = None) -> Response:
    return Response(content, media_type="application/octet-stream", headers=headers)


async def _read_body(request: Request) -> bytes:
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
