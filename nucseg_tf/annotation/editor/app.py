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

from anyio import CapacityLimiter, to_thread
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from nucseg_tf.annotation.editor.loop import Loop
from nucseg_tf.annotation.editor.message import EditError, Message
from nucseg_tf.annotation.editor.others import NoLabelsError, made_by
from nucseg_tf.annotation.editor.planes import PlaneChoice
from nucseg_tf.annotation.editor.project import MAX_NAME
from nucseg_tf.annotation.editor.security import MAX_BODY
from nucseg_tf.annotation.editor.session import ConflictError
from nucseg_tf.annotation.editor.uploads import (
    GIGABYTE,
    TooLargeUploadError,
    check_name,
    receive,
    upload_suffixes,
)
from nucseg_tf.annotation.editor.workspace import (
    BegunError,
    ClosedError,
    LockedError,
    UnknownFieldError,
    Visit,
    Workspace,
)
from nucseg_tf.errors import NucsegError, OutputError, PlaneChoiceError
from nucseg_tf.io.names import stem_of

LOG = logging.getLogger(__name__)
STATIC = Path(__file__).parent / "static"
MEDIA = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
}


class TooLargeBodyError(EditError):
    """A body that does not say its length, and is too long."""


CODES: tuple[tuple[type[NucsegError], int], ...] = (
    (UnknownFieldError, 404),
    (NoLabelsError, 404),
    (LockedError, 423),
    (ConflictError, 409),
    (BegunError, 409),
    (ClosedError, 410),
    (TooLargeBodyError, 413),
    (TooLargeUploadError, 413),
    (PlaneChoiceError, 428),
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

    def for_page(self) -> dict[str, Any]:
        """What the page needs to know of it."""
        return {"ask_user": self.ask, "users": self.names, "user": self.default}

    def check(self, name: str) -> str:
        """The name to note, from what the page sent."""
        if not self.ask:
            return self.default
        name = name.strip()
        if (self.names and name not in self.names) or not name:
            raise UnknownUserError(f"choose your name first. Received: {name!r}")
        return name


@dataclass(frozen=True)
class Features:
    """What a server allows beside edits.

    Attributes:
        chooser: whether pages may open other folders.
        upload: bytes of an image that is dropped on the page, at most.
    """

    chooser: bool = False
    upload: int = 2 * GIGABYTE

    def for_page(self) -> dict[str, Any]:
        """What the page needs to know of it."""
        return {
            "chooser": self.chooser,
            "upload": {"bytes": self.upload, "suffixes": upload_suffixes()},
        }


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


class _Planes(_Body):
    channel: str | None = Field(default=None, max_length=200)
    z: str | None = Field(default=None, max_length=20)
    t: str | None = Field(default=None, max_length=20)
    invert: bool = False
    over: bool = False

    @property
    def choice(self) -> PlaneChoice:
        return PlaneChoice(self.channel, self.z, self.t, self.invert)


class _Aside(_Seen):
    on: bool


class _Choose(_Body):
    name: str = Field(max_length=100)


def make_app(
    workspace: Workspace,
    users: Users,
    loop: Loop | None = None,
    features: Features = Features(),
) -> Starlette:
    """The application, without the gate before it.

    Args:
        workspace: the fields at work.
        users: who may annotate.
        loop: training and prediction; of the workspace without.
        features: what else pages may do.
    """
    loop = loop or Loop(workspace)

    def project(request: Request) -> dict[str, Any]:
        return workspace.listing() | users.for_page() | features.for_page()

    def post(path: str, kind: type[_Body], work: Callable[[Any, Visit], Any]) -> Route:
        async def endpoint(request: Request) -> Response:
            body = kind.model_validate_json(await read_body(request))
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
        key, of = _key(request), request.query_params.get("of", "")
        revision, content = workspace.labels(key, of)
        model = made_by(workspace.project.fields[key], of)
        return _binary(content, {"x-revision": str(revision), "x-model": model})

    routes = [
        get("/api/project", project),
        get("/api/image", image),
        get("/api/labels", labels),
        get("/api/history", lambda request: workspace.history(_key(request))),
        post("/api/open", _Open, lambda body, visit: workspace.open(visit, body.over)),
        post("/api/edit", _Edit, lambda body, visit: workspace.edit(visit, body.edit)),
        post("/api/magic", _Body, lambda body, visit: workspace.prepare(visit)),
        post("/api/review", _Review, lambda body, visit: workspace.review(visit, body.label)),
        post("/api/accept", _Seen, lambda body, visit: workspace.accept(visit, body.revision)),
        post("/api/reopen", _Seen, lambda body, visit: workspace.reopen(visit, body.revision)),
        post("/api/beat", _Body, lambda body, visit: workspace.beat(visit)),
        post("/api/leave", _Body, lambda body, visit: workspace.leave(visit)),
        post(
            "/api/aside",
            _Aside,
            lambda body, visit: workspace.set_aside(visit, body.revision, body.on),
        ),
        get("/api/planes", lambda request: workspace.planes(_key(request))),
        post(
            "/api/planes",
            _Planes,
            lambda body, visit: _choose(workspace, loop, visit, body),
        ),
        get("/api/loop", lambda request: loop.state(request.query_params.get("seen", ""))),
        post("/api/loop/train", _Body, lambda body, visit: loop.train()),
        post("/api/loop/resume", _Body, lambda body, visit: loop.resume()),
        post("/api/loop/stop", _Body, lambda body, visit: loop.stop()),
        post("/api/loop/choose", _Choose, lambda body, visit: loop.choose(body.name)),
        post("/api/loop/predict", _Body, lambda body, visit: loop.predict(visit.field)),
        *_images(workspace, loop, features.upload),
        *page_routes(),
    ]
    return with_refusals(routes)


def _choose(workspace: Workspace, loop: Loop, visit: Visit, body: _Planes) -> dict[str, Any]:
    before = workspace.choice
    chosen = workspace.choose(visit, body.choice, body.over)
    if workspace.choice != before:
        loop.label_more(again=True)
    return chosen


def with_refusals(routes: list[Route]) -> Starlette:
    """An application whose errors are answers."""
    handlers = {NucsegError: _refuse, ValidationError: _refuse_body}
    return Starlette(routes=routes, exception_handlers=handlers)  # type: ignore[arg-type]


def _images(workspace: Workspace, loop: Loop, limit: int) -> list[Route]:
    """Thumbnails, and images that come from a page."""
    one_at_a_time = CapacityLimiter(1)  # of thumbnails: edits must not wait for them
    coming: set[str] = set()

    async def thumbnail(request: Request) -> Response:
        key = _key(request)
        content = await to_thread.run_sync(workspace.thumbnail, key, limiter=one_at_a_time)
        return Response(content, media_type="image/jpeg")

    async def ask(request: Request) -> Response:
        check_name(request.query_params.get("name", ""), workspace.project, coming)
        return JSONResponse({})

    async def upload(request: Request) -> Response:
        target = check_name(request.query_params.get("name", ""), workspace.project, coming)
        stem = stem_of(target).lower()
        coming.add(stem)
        try:
            await receive(request.stream(), target, limit)
            row = await run_in_threadpool(workspace.add_image, target)
            loop.label_more()
            return JSONResponse(row)
        finally:
            coming.discard(stem)

    return [
        Route("/api/thumbnail", thumbnail, methods=["GET"]),
        Route("/api/upload", ask, methods=["GET"]),
        Route("/api/upload", upload, methods=["POST"]),
    ]


def page_routes() -> list[Route]:
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


async def read_body(request: Request) -> bytes:
    """The body of a request; TooLargeBodyError."""
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                raise TooLargeBodyError(f"expected {MAX_BODY:,} bytes at most. Received: more")
    except ClientDisconnect as error:
        raise EditError("the request was cut short") from error
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
