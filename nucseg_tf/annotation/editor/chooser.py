"""Folders that a page may look into and open: those below the roots that the server was given.

A path that comes from a page is resolved, links and ".." included, before anything else; only then
is it compared with the roots. Hidden folders are neither listed nor opened.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from nucseg_tf.annotation.editor.message import EditError
from nucseg_tf.annotation.editor.names import is_text, plain_name
from nucseg_tf.annotation.editor.project import ANNOTATION
from nucseg_tf.errors import OutputError
from nucseg_tf.io.formats import image_suffixes

MOST_FOLDERS = 1000  # listed of one folder
MOST_ENTRIES = 20_000  # looked at to count images, of all folders of a list together


class FolderError(EditError):
    """A folder that may not be looked into, or cannot."""


class Chooser:
    """See the module docstring.

    Attributes:
        roots: resolved; empty where choosing is off.
    """

    def __init__(self, roots: Sequence[Path] = ()):
        self.roots = tuple(dict.fromkeys(root.resolve() for root in roots if root.is_dir()))

    def resolve(self, text: str) -> Path:
        """The folder that a page means by a path.

        Raises:
            FolderError: it is below no root, hidden, or no folder.
        """
        if not self.roots:
            raise FolderError(
                "choosing folders is off on this server; start it with --root FOLDER to allow it"
            )
        asked = Path(text) if text else self.roots[0]
        try:
            folder = asked.resolve()
            if not asked.is_absolute() or not self._is_below(folder):
                raise FolderError(_refusal(text, self.roots))
            if not folder.is_dir():
                raise FolderError(f"no such folder. Received: {text[:200]!r}")
        except (OSError, ValueError, RuntimeError) as error:  # NUL, too long, a ring of links
            raise FolderError(_refusal(text, self.roots)) from error
        return folder

    def list(self, text: str) -> dict[str, Any]:
        """What a folder holds, for the page.

        Args:
            text: absolute path; "" is the first root.

        Returns:
            `path`, `parent` ("" at a root), `images`, `project` (whether it was annotated before),
            `folders` with name, path, images and project of each, and `roots`.

        Raises:
            FolderError: it may not be looked into, or cannot.
        """
        folder = self.resolve(text)
        left = Budget(MOST_ENTRIES)
        try:
            names = sorted(_folders_in(folder, MOST_FOLDERS), key=str.casefold)
        except OSError as error:
            raise FolderError(f"{folder}: cannot be read: {error.strerror}") from error
        inner = [folder / name for name in names]
        allowed = [path for path in inner if self._is_below(path.resolve())]
        return {
            "path": str(folder),
            "name": folder.name,
            "parent": "" if folder in self.roots else str(folder.parent),
            "roots": [str(root) for root in self.roots],
            "images": count_images(folder, left),
            "project": (folder / ANNOTATION).is_dir(),
            "folders": [
                {
                    "name": path.name,
                    "path": str(path),
                    "images": count_images(path, left),
                    "project": (path / ANNOTATION).is_dir(),
                }
                for path in allowed
            ],
        }

    def create(self, text: str, name: str) -> Path:
        """Make a folder with an empty images/ in it.

        Args:
            text: path of the folder that it goes into.
            name: of the new one.

        Raises:
            FolderError: it may not be made there, or is there already.
            OutputError: it cannot be made.
        """
        folder = self.resolve(text) / plain_name(name)
        try:
            folder.mkdir()
            (folder / "images").mkdir()
        except FileExistsError as error:
            raise FolderError(f"{folder.name}: is there already; choose another name") from error
        except OSError as error:
            raise OutputError(f"{folder}: cannot be made: {error.strerror}") from error
        return folder

    def _is_below(self, folder: Path) -> bool:
        below = [folder.relative_to(r).parts for r in self.roots if folder.is_relative_to(r)]
        return any(not any(part.startswith(".") for part in parts) for parts in below)


class Budget:
    """How many entries may still be looked at."""

    def __init__(self, left: int):
        self.left = left


def _folders_in(folder: Path, most: int) -> Iterator[str]:
    """Names of the folders in a folder that are not hidden."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.name.startswith(".") and is_text(entry.name) and _is_folder(entry):
                yield entry.name
                most -= 1
                if not most:
                    return


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a ring of links
        return False


def count_images(folder: Path, budget: Budget) -> int | None:
    """How many images a folder has as a project: in images/ and its groups, or in itself.

    Args:
        folder: it.
        budget: of all folders of a list; it is charged.

    Returns:
        The number, or None where there were too many entries to count, or it cannot be read.
    """
    try:
        if not (folder / "images").is_dir():
            return _count_files(folder, budget)
        root = folder / "images"
        counts = [_count_files(path, budget) for path in (root, *_groups(root))]
    except OSError:
        return None
    return None if None in counts else sum(count or 0 for count in counts)


def _groups(root: Path) -> list[Path]:
    return [root / name for name in _folders_in(root, MOST_FOLDERS)]


def _count_files(folder: Path, budget: Budget) -> int | None:
    suffixes, count = image_suffixes(), 0
    with os.scandir(folder) as entries:
        for entry in entries:
            budget.left -= 1
            if budget.left < 0:
                return None
            count += not entry.name.startswith(".") and entry.name.lower().endswith(suffixes)
    return count


def _refusal(text: str, roots: Sequence[Path]) -> str:
    below = " or ".join(map(str, roots))
    return f"expected a folder below {below} that is not hidden. Received: {text[:200]!r}"
