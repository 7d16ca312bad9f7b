"""One server at a time works on a folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from nucseg_tf.annotation.editor.project import ANNOTATION, Project
from nucseg_tf.errors import BusyError, UsageError
from nucseg_tf.io.files import ensure_folder
from nucseg_tf.io.locks import only_one


@contextmanager
def locked(project: Project) -> Iterator[None]:
    """Keep a second server off the same folder.

    Raises:
        UsageError: another one is at work.
        OutputError: the folder cannot be written to.
    """
    ensure_folder(project.folder / ANNOTATION)
    path = project.folder / ANNOTATION / ".lock"
    what = f"{project.folder}: another `nucseg annotate` works on this folder"
    with ExitStack() as held:
        try:
            remedy = f"Use its page, or end it. Received: {path} is locked."
            held.enter_context(only_one(path, what, remedy))
        except BusyError as error:
            raise UsageError(str(error)) from error
        yield
