"""Running the annotation server: socket, address, signals."""

from __future__ import annotations

import ctypes
import errno
import logging
import secrets
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import uvicorn
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp

from nucseg_tf.annotation.editor.addresses import hosts_of, url
from nucseg_tf.annotation.editor.chooser import Chooser
from nucseg_tf.annotation.editor.connections import Patient
from nucseg_tf.annotation.editor.desk import Desk
from nucseg_tf.annotation.editor.names import user_name
from nucseg_tf.annotation.editor.planes import PlaneChoice
from nucseg_tf.annotation.editor.security import Gate, is_loopback
from nucseg_tf.annotation.editor.users import Features, Users
from nucseg_tf.annotation.loop.process import Where
from nucseg_tf.errors import Signalled, UsageError

LOG = logging.getLogger(__name__)
PORT = 8765
TRIES = 50
M_ARENA_MAX = -8  # of glibc's malloc.h


def serve(
    folder: Path | None,
    host: str = "127.0.0.1",
    port: int | None = None,
    names: Sequence[str] = (),
    options: PlaneChoice | None = None,
    root: Path | None = None,
    upload: int = Features.upload,
    train_on: Where = "here",
) -> None:
    """Print the page's address, the best first if there are several, and serve it until a signal.

    Args:
        folder: of images; None: the page asks for one.
        host: address to listen on.
        port: 0 for any that is free; PORT or the next free one if None.
        names: of the annotators.
        options: planes of the images.
        root: folder below which a page may open others; the user's home if None, or nowhere where
            others than this computer are listened to.
        upload: bytes of an image that is dropped on the page, at most.
        train_on: where trainings run.

    Raises:
        UsageError: no such folder, it has no images, another server works on it, there is none to
            choose from, or the port is taken.
    """
    _share_memory()
    chooser = _chooser(folder, host, root)
    ask = bool(names) or not is_loopback(host)
    users = Users(user_name(), ask, tuple(names))
    features = Features(bool(chooser.roots), upload)
    desk = Desk(users, features, chooser, options or PlaneChoice(), train_on)
    with listen(host, port) as listener, closing(desk):  # before a project is begun or changed
        if folder is not None:
            desk.open(folder)
        _serve(desk, host, listener, upload)


def _chooser(folder: Path | None, host: str, root: Path | None) -> Chooser:
    """Where pages may look for folders."""
    if root is not None and not root.is_dir():
        raise UsageError(f"--root {root}: no such folder")
    if root is None and not is_loopback(host):
        if folder is None:
            raise UsageError(
                f"--host {host}: name the folder to annotate, or allow pages to choose among those "
                "below one with --root FOLDER"
            )
        return Chooser()
    begin = root or _home()
    chooser = Chooser([path for path in (begin, folder) if path is not None])
    if not chooser.roots:
        raise UsageError("name the folder to annotate, or --root FOLDER: you have no home here")
    return chooser


def _home() -> Path | None:
    try:
        return Path.home()
    except RuntimeError:  # a container's user without a name
        return None


def _serve(desk: Desk, host: str, listener: socket.socket, upload: int) -> None:
    bound = listener.getsockname()[1]
    token = secrets.token_urlsafe(32)
    app: ASGIApp = desk
    if not is_loopback(host):
        app = GZipMiddleware(app, minimum_size=100_000, compresslevel=1)
        LOG.warning(
            "%s: whoever reads the network's traffic can read images and token, as it is not "
            "encrypted, and may then edit; names of users are not passwords. Use this only in "
            "a network you trust, or keep to 127.0.0.1 and an SSH tunnel.",
            host,
        )
    _warm_up()
    print(*(url(name, bound, token) for name in hosts_of(host, listener)), sep="\n", flush=True)
    LOG.info("%s; Ctrl-C ends", desk.describe())
    _run(Gate(app, token, host, bound, upload), listener)


def _share_memory() -> None:
    """Let all threads of this process take memory from two places, where the C library can.

    By itself glibc gives each of the server's forty threads another place as long as there are any,
    and what lies unused in each stays with the process.
    """
    if sys.platform == "linux":
        choose = getattr(ctypes.CDLL(None), "mallopt", None)
        if choose is not None:
            choose(M_ARENA_MAX, 2)


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


def _run(app: ASGIApp, listener: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM; uvicorn raises the signal again when it has ended."""

    def stop(number: int, frame: Any) -> None:
        raise Signalled(number)

    before = signal.signal(signal.SIGTERM, stop)
    config = uvicorn.Config(
        app,
        http=Patient,
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
