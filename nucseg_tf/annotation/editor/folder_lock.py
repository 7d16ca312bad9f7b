"""One server at a time works on a folder."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from nucseg_tf.annotation.editor.project import ANNOTATION, Project
from nucseg_tf.errors import UsageError
from nucseg_tf.io.files import ensure_folder

LOG = logging.getLogger(__name__)


@contextmanager
def locked(project: Project) -> Iterator[None]:
    """Keep a second server off the same folder, where the system has file locks.

    Raises:
        UsageError: another one is at work.
        OutputError: the folder cannot be written to.
    """
    ensure_folder(project.folder / ANNOTATION)
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    path = project.folder / ANNOTATION / ".lock"
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(
                f"{project.folder}: another `nucseg annotate` works on this folder; use its page, "
                f"or end it. Received: {path} is locked"
            ) from error
        except OSError:  # a network drive without locks
            LOG.warning("%s: no file locks there; do not start a second server on it", path)
        yield
