"""Running the annotation server: socket, address, signals."""

from __future__ import annotations

import errno
import logging
import secrets
import signal
import socket
from collections.abc import Sequence
from typing import Any

import uvicorn
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp

from nucseg_tf.annotation.editor.app import Users, make_app
from nucseg_tf.annotation.editor.project import Project, locked, user_name
from nucseg_tf.annotation.editor.security import Gate, is_loopback
from nucseg_tf.annotation.editor.workspace import Workspace
from nucseg_tf.errors import UsageError

LOG = logging.getLogger(__name__)
PORT = 8765
TRIES = 50


def serve(
    project: Project,
    host: str = "127.0.0.1",
    port: int | None = None,
    names: Sequence[str] = (),
    channel: str | None = None,
    z: str | None = None,
    invert: bool = False,
) -> None:
    """Print the page's address, and serve it until a signal comes.

    Args:
        project: its folder and fields.
        host: address to listen on.
        port: 0 for any that is free; PORT or the next free one if None.
        names: of the annotators.
        channel: of the images, see `read_image`.
        z, invert: see `read_image`.

    Raises:
        UsageError: the port is taken, or another server works on the folder.
    """
    with locked(project), listen(host, port) as listener:
        bound = listener.getsockname()[1]
        token = secrets.token_urlsafe(32)
        ask = bool(names) or not is_loopback(host)
        users = Users(user_name(), ask, tuple(names))
        workspace = Workspace(project, channel, z, invert=invert)
        app: ASGIApp = make_app(workspace, users)
        if not is_loopback(host):
            app = GZipMiddleware(app, minimum_size=100_000, compresslevel=1)
            LOG.warning(
                "%s: whoever reads the network's traffic can read images and token, as it is not "
                "encrypted, and may then edit; names of users are not passwords. Use this only in "
                "a network you trust, or keep to 127.0.0.1 and an SSH tunnel.",
                host,
            )
        _warm_up()
        print(_address(host, bound, token), flush=True)
        LOG.info("%d fields in %s; Ctrl-C ends", len(project.fields), project.folder)
        try:
            _run(Gate(app, token, host, bound), listener)
        finally:
            workspace.close()


def _warm_up() -> None:
    """Import what the first field and the first edit need, before a page waits for it."""
    import cv2  # noqa: F401
    import scipy.ndimage  # noqa: F401
    import tifffile  # noqa: F401


def listen(host: str, port: int | None) -> socket.socket:
    """A socket that listens.

    Raises:
        UsageError: no such address, or the port is taken.
    """
    wanted = range(PORT, PORT + TRIES) if port is None else [port]
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    reason = ""
    for number in wanted:
        # With its protocol named, asyncio sends small answers at once, not 40 ms later.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, number))
            listener.listen(128)
            return listener
        except (OSError, OverflowError) as error:
            listener.close()
            reason = getattr(error, "strerror", None) or str(error)
            if getattr(error, "errno", None) != errno.EADDRINUSE:
                break
    raise UsageError(
        f"cannot listen on {host}: {reason}. Choose another --port, or leave it out for one that "
        f"is free. Received: port {number}"
    )


def _address(host: str, port: int, token: str) -> str:
    if host in ("0.0.0.0", "::"):
        host = socket.gethostname()
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}/#token={token}"


def _run(app: ASGIApp, listener: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM; uvicorn raises the signal again when it has ended."""

    def stop(number: int, frame: Any) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, stop)
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=2,
        ws="none",
        lifespan="off",
    )
    try:
        uvicorn.Server(config).run(sockets=[listener])
    finally:
        signal.signal(signal.SIGTERM, before)
