"""The project at work, and the change to another one.

Each project has an application of its own (`app.make_app`). When another folder is opened, that of
the new project takes its place at once; then the work of the old one is put away and its lock
released. Pages say which project they mean (x-project), so an edit that was made before the change
does not reach a field of the same name in another folder.
"""

from __future__ import annotations

import logging
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from nucseg_tf.annotation.editor.answers import read_body, with_refusals
from nucseg_tf.annotation.editor.app import make_app
from nucseg_tf.annotation.editor.chooser import Chooser
from nucseg_tf.annotation.editor.folder_lock import locked
from nucseg_tf.annotation.editor.loop import Loop
from nucseg_tf.annotation.editor.message import EditError
from nucseg_tf.annotation.editor.names import MAX_NAME
from nucseg_tf.annotation.editor.pages import page_routes
from nucseg_tf.annotation.editor.planes import PlaneChoice
from nucseg_tf.annotation.editor.project import open_project, project_id
from nucseg_tf.annotation.editor.uploads import sweep
from nucseg_tf.annotation.editor.users import Features, Users
from nucseg_tf.annotation.editor.workspace import Workspace
from nucseg_tf.annotation.loop import leftovers
from nucseg_tf.annotation.loop.process import Where

LOG = logging.getLogger(__name__)
OWN = ("/api/folders", "/api/folder")
GONE = "another folder was opened on this server; the page is loaded anew"


class BusyError(EditError):
    """Somebody works on the project that would be put away."""


class _Folder(BaseModel):
    """A folder to open; with a name, one to make in it and open."""

    model_config = ConfigDict(extra="forbid")

    path: str = Field(max_length=4096)
    name: str = Field(default="", max_length=255)
    page: str = Field(pattern=r"^[A-Za-z0-9-]{8,64}$")
    user: str = Field(default="", max_length=MAX_NAME)
    over: bool = False


class Desk:
    """See the module docstring; an ASGI application.

    Attributes:
        workspace: of the project at work, or None where none is open.
    """

    def __init__(
        self,
        users: Users,
        features: Features,
        chooser: Chooser,
        options: PlaneChoice,
        train_on: Where = "here",
    ):
        """Begin without a project.

        Args:
            users: who may annotate.
            features: what pages may do.
            chooser: the folders they may open.
            options: planes of the images by the command line.
            train_on: where trainings run.
        """
        self._train_on: Where = train_on
        self.workspace: Workspace | None = None
        self._users, self._features = users, features
        self._chooser, self._options = chooser, options
        self._change = threading.Lock()
        self._work = ExitStack()  # ends training, puts files away, and gives the folder free
        self._id = ""
        self._app: ASGIApp = with_refusals(
            [Route("/api/project", self._nothing, methods=["GET"]), *page_routes()]
        )
        folders = Route("/api/folders", self._folders, methods=["GET"])
        self._own = with_refusals([folders, Route("/api/folder", self._folder, methods=["POST"])])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] in OWN:
            await self._own(scope, receive, send)
            return
        app, known = self._app, self._id
        meant = Headers(scope=scope).get("x-project", known) if scope["type"] == "http" else known
        if meant != known:
            await JSONResponse({"error": GONE}, 410)(scope, receive, send)
            return
        await app(scope, receive, send)

    def open(self, folder: Path, page: str = "", over: bool = True) -> None:
        """Make a folder the project at work, and put the one before away.

        Args:
            folder: of images.
            page: that asks.
            over: also if other pages work on the project before.

        Raises:
            UsageError: no such folder, it has no images, or another server works on it.
            BusyError: others work on the project before; it stays.
        """
        with self._change:
            before, work = self.workspace, self._work
            if before is not None and before.project.folder.resolve() == folder.resolve():
                return
            if before is not None and not over:
                _check_idle(before, page)
            project = open_project(folder)
            with ExitStack() as taken:
                taken.enter_context(locked(project))
                sweep(project)
                leftovers.sweep(project)
                project.look()  # reads what is known of prelabels, for no list to wait for it
                workspace = Workspace(project, self._options)
                taken.callback(workspace.close)
                loop = Loop(workspace, self._train_on)
                app = make_app(workspace, self._users, loop, self._features)
                loop.begin()
                taken.callback(loop.end)
                self._work = taken.pop_all()
            self.workspace = workspace
            self._app, self._id = app, project_id(project)
            work.close()

    def close(self) -> None:
        """Put the work away."""
        with self._change:
            self._work.close()
            self.workspace = None

    def describe(self) -> str:
        """What is at work, for the log."""
        if self.workspace is None:
            return "the page asks for a folder"
        project = self.workspace.project
        return f"{len(project.fields)} fields in {project.folder}"

    async def _nothing(self, request: Request) -> Response:
        nothing: dict[str, Any] = {"id": "", "name": "", "folder": "", "fields": []}
        return JSONResponse(nothing | self._users.for_page() | self._features.for_page())

    async def _folders(self, request: Request) -> Response:
        path = request.query_params.get("path", "")
        return JSONResponse(await run_in_threadpool(self._chooser.list, path))

    async def _folder(self, request: Request) -> Response:
        body = _Folder.model_validate_json(await read_body(request))
        self._users.check(body.user)
        await run_in_threadpool(self._open_asked, body)
        return JSONResponse({"id": self._id})

    def _open_asked(self, body: _Folder) -> None:
        chooser = self._chooser
        make = chooser.create(body.path, body.name) if body.name else chooser.resolve(body.path)
        self.open(make, body.page, body.over)


def _check_idle(workspace: Workspace, page: str) -> None:
    for key in list(workspace.project.fields):
        held = workspace.locks.holder(key)
        if held is not None and held.page != page:
            raise BusyError(f"{held.user} works on {key} of {workspace.project.folder.name}")
