"""The web application of the annotation page.

It serves one page, and below /api what the page asks for. Bodies and answers are JSON, image and
labels are bytes. Every refusal is `{"error": text}`, with a text for the annotator.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from typing import Any

from anyio import CapacityLimiter, to_thread
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from nucseg_tf.annotation.editor import bodies
from nucseg_tf.annotation.editor.answers import read_body, with_refusals
from nucseg_tf.annotation.editor.loop import Loop
from nucseg_tf.annotation.editor.others import made_by
from nucseg_tf.annotation.editor.pages import page_routes
from nucseg_tf.annotation.editor.shared import Shared
from nucseg_tf.annotation.editor.uploads import check_name, receive
from nucseg_tf.annotation.editor.users import Features, Users
from nucseg_tf.annotation.editor.visit import Visit
from nucseg_tf.annotation.editor.workspace import Workspace
from nucseg_tf.io.names import folded, stem_of


def make_app(
    workspace: Workspace,
    users: Users,
    loop: Loop | None = None,
    features: Features | None = None,
) -> Starlette:
    """The application, without the gate before it.

    Args:
        workspace: the fields at work.
        users: who may annotate.
        loop: training and prediction; of the workspace without.
        features: what else pages may do; the defaults without.
    """
    loop = loop or Loop(workspace)
    allowed = features or Features()

    def post(path: str, kind: type[bodies.Body], work: Callable[[Any, Visit], Any]) -> Route:
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
        return _binary(workspace.images.picture(_key(request)).content)

    def labels(request: Request) -> Response:
        key, of = _key(request), request.query_params.get("of", "")
        revision, content = workspace.labels(key, of)
        model = made_by(workspace.project.fields[key], of)
        return _binary(content, {"x-revision": str(revision), "x-model": model})

    async def state(request: Request) -> Response:
        content = await loop.state(request.query_params.get("seen", ""))
        return Response(content, media_type="application/json")

    routes = [
        _project(workspace, users.for_page() | allowed.for_page()),
        get("/api/image", image),
        get("/api/labels", labels),
        get("/api/history", lambda request: workspace.history(_key(request))),
        post("/api/open", bodies.Open, lambda body, visit: workspace.open(visit, body.over)),
        post("/api/edit", bodies.Edit, lambda body, visit: workspace.edit(visit, body.edit)),
        post("/api/magic", bodies.Body, lambda body, visit: workspace.prepare(visit)),
        post("/api/review", bodies.Review, lambda body, visit: workspace.review(visit, body.label)),
        post(
            "/api/accept", bodies.Seen, lambda body, visit: workspace.accept(visit, body.revision)
        ),
        post(
            "/api/reopen", bodies.Seen, lambda body, visit: workspace.reopen(visit, body.revision)
        ),
        post("/api/beat", bodies.Body, lambda body, visit: workspace.beat(visit)),
        post("/api/leave", bodies.Body, lambda body, visit: workspace.leave(visit)),
        post(
            "/api/aside",
            bodies.Aside,
            lambda body, visit: workspace.set_aside(visit, body.revision, body.on),
        ),
        get("/api/planes", lambda request: workspace.images.planes(_key(request))),
        post(
            "/api/planes",
            bodies.Planes,
            lambda body, visit: _choose(workspace, loop, visit, body),
        ),
        Route("/api/loop", state, methods=["GET"]),
        post("/api/loop/train", bodies.Body, lambda body, visit: loop.train()),
        post("/api/loop/resume", bodies.Body, lambda body, visit: loop.resume()),
        post("/api/loop/stop", bodies.Body, lambda body, visit: loop.stop()),
        post("/api/loop/choose", bodies.Choose, lambda body, visit: loop.choose(body.name)),
        post("/api/loop/predict", bodies.Body, lambda body, visit: loop.predict(visit.field)),
        *_images(workspace, loop, allowed.upload),
        *page_routes(),
    ]
    return with_refusals(routes)


def _project(workspace: Workspace, more: dict[str, Any]) -> Route:
    """The project with the list of its fields, made and compressed once for all who wait."""

    def make() -> bytes:
        workspace.listing.follow()
        content = workspace.listing.since().added_to(workspace.head() | more)
        return gzip.compress(content, 1)

    made = Shared(make)

    async def project(request: Request) -> Response:
        content, headers = await made(), {"vary": "accept-encoding"}
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["content-encoding"] = "gzip"
        else:
            content = await run_in_threadpool(gzip.decompress, content)
        return Response(content, media_type="application/json", headers=headers)

    return Route("/api/project", project, methods=["GET"])


def _choose(workspace: Workspace, loop: Loop, visit: Visit, body: bodies.Planes) -> dict[str, Any]:
    before = workspace.images.choice
    chosen = workspace.choose(visit, body.choice, body.over)
    if workspace.images.choice != before:
        loop.label_more(again=True)
    return chosen


def _images(workspace: Workspace, loop: Loop, limit: int) -> list[Route]:
    """Thumbnails, and images that come from a page."""
    one_at_a_time = CapacityLimiter(1)  # of thumbnails: edits must not wait for them
    coming: set[str] = set()

    async def thumbnail(request: Request) -> Response:
        key = _key(request)
        content = await to_thread.run_sync(workspace.images.thumbnail, key, limiter=one_at_a_time)
        return Response(content, media_type="image/jpeg")

    async def ask(request: Request) -> Response:
        check_name(request.query_params.get("name", ""), workspace.project, coming)
        return JSONResponse({})

    async def upload(request: Request) -> Response:
        target = check_name(request.query_params.get("name", ""), workspace.project, coming)
        stem = folded(stem_of(target))
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


def _key(request: Request) -> str:
    return request.query_params.get("field", "")


def _binary(content: bytes, headers: dict[str, str] | None = None) -> Response:
    return Response(content, media_type="application/octet-stream", headers=headers)
