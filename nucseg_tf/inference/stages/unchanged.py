"""Whether the files of an image stay as they are from their listing until its results are written.

A microscope may still write them, or a synchronisation replace them; pixels of two moments together
look like an image, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from nucseg_tf.errors import ImageReadError
from nucseg_tf.inference.inside import KINDS
from nucseg_tf.inference.stages.values import Measured
from nucseg_tf.io.sources import Source, View
from nucseg_tf.types import Image

State = list[tuple[str, int, int]]
States = Mapping[str, tuple[Source, list[State]]]  # by the name of the source


def state_of(path: Path) -> State:
    """What changes with the content of an image; empty where there is none."""
    if not path.exists():
        return []
    # Of OME-Zarr its levels, for the run itself adds labels and tables beside them.
    levels = [part for part in path.iterdir() if part.is_dir()] if path.is_dir() else [path]
    states = ((part.name, part.stat()) for part in sorted(levels) if part.name not in KINDS)
    return [(name, found.st_size, found.st_mtime_ns) for name, found in states]


def listed(sources: Iterable[Source]) -> dict[str, tuple[Source, list[State]]]:
    """The states of all sources now."""
    return {source.name: (source, [state_of(file) for file in source.files]) for source in sources}


class Unchanged:
    """What compares an image's files with their states when they were listed.

    Args:
        states: of `listed`.
    """

    def __init__(self, states: States):
        self._states = states
        self._source_of: dict[str, str] = {}  # by the names of results, of images on their way

    def before(self, view: View) -> View:
        """A stage ahead of `Read`; errors as of `_check`."""
        self._check(view.source.name)
        self._source_of[view.name] = view.source.name
        return view

    def after(self, image: Image) -> Image:
        """A stage behind `Read`."""
        self._check(self._source_of[image.name])
        return image

    def at_end(self, measured: Measured) -> Measured:
        """A stage ahead of `Write`: large images are read bit by bit until then."""
        self._check(self._source_of.pop(measured.image.name))
        return measured

    def _check(self, name: str) -> None:
        """Raise ImageReadError where a file is not what it was."""
        source, states = self._states[name]
        for file, before in zip(source.files, states, strict=True):
            try:
                now = state_of(file)
            except OSError:  # gone between two looks
                now = []
            if now == before or not before:  # what was not there fails by itself
                continue
            what = "has gone" if not now else "has changed"
            raise ImageReadError(
                f"{file}: {what} since the run began; is it still being written, or copied? "
                "Wait for its end; the same command then does this image"
            )
