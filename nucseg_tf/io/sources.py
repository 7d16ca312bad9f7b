"""What a run takes images from: files, the scenes of a file, fields of a plate.

A source is opened when its turn comes, and named before.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from nucseg_tf.errors import ImageReadError, PlaneChoiceError
from nucseg_tf.io.choices import EACH, Choice
from nucseg_tf.io.images import group_of, read_raw, scenes_in
from nucseg_tf.io.planes import find_planes
from nucseg_tf.io.readers.base import RawImage

Origin = Mapping[str, str | int]


class Source(Protocol):
    """An image that can be opened."""

    @property
    def path(self) -> Path:
        """File or folder, for messages."""

    @property
    def name(self) -> str:
        """Of its results; unique in a run, and fit for a file's name."""

    @property
    def origin(self) -> Origin:
        """Columns that say in tables where a nucleus is from, `image` first."""

    @property
    def group(self) -> Path | None:
        """The folder that labels can be written into, of OME-Zarr; None of anything else."""

    @property
    def files(self) -> Sequence[Path]:
        """All files or folders that its pixels are in."""

    def open(self) -> RawImage:
        """All its planes.

        Raises:
            ImageReadError: it cannot be read.
        """


@dataclass(frozen=True)
class FileSource:
    """An image file, or one scene of it.

    Attributes:
        path: the file.
        scene: index from 0 or name; None: the only one.
        title: its name, if several of the file are sources.
    """

    path: Path
    scene: int | str | None = None
    title: str = ""

    @property
    def name(self) -> str:
        """The stem of the file, and of which scene."""
        return f"{self.path.stem}_{_safe(self.title)}" if self.title else self.path.stem

    @property
    def origin(self) -> Origin:
        """Name of the file, and of its scene."""
        scene = self.title if self.title or self.scene is None else str(self.scene)
        return {"image": self.path.name} | ({"scene": scene} if scene else {})

    @property
    def group(self) -> Path | None:
        """That of the scene, if it is OME-Zarr; of a damaged one the whole, which fails later."""
        try:
            return group_of(self.path, self.scene)
        except ImageReadError:
            return self.path

    @property
    def files(self) -> Sequence[Path]:
        """The file; of OME-Zarr the folder of the scene."""
        return (self.group or self.path,)

    def open(self) -> RawImage:
        """All planes of the scene."""
        return read_raw(self.path, self.scene)


@dataclass(frozen=True)
class View:
    """One plane of a source, of which one label image is made.

    Attributes:
        source: the image.
        choice: of one plane.
        t, z: which of several, from 0, where the source gives a stack; None where it has one.
        error: why it cannot be read, where that is known already.
    """

    source: Source
    choice: Choice
    t: int | None = None
    z: int | None = None
    error: ImageReadError | None = None

    def __str__(self) -> str:
        """The file, and which plane of it."""
        return f"{self.path}{self._place}"

    @property
    def title(self) -> str:
        """The same, short."""
        return f"{self.source.origin['image']}{self._place}"

    @property
    def _place(self) -> str:
        places = ", ".join(f"{a} {n}" for a, n in (("t", self.t), ("z", self.z)) if n is not None)
        return f" ({places})" if places else ""

    @property
    def path(self) -> Path:
        """File or folder, for messages."""
        return self.source.path

    @property
    def name(self) -> str:
        """That of the source, with t and z."""
        places = (("t", self.t), ("z", self.z))
        return self.source.name + "".join(f"_{a}{n:03d}" for a, n in places if n is not None)

    @property
    def origin(self) -> Origin:
        """Columns of its rows."""
        places = {"t": self.t, "z": self.z}
        return {**self.source.origin, **{a: n for a, n in places.items() if n is not None}}


@dataclass(frozen=True)
class Series:
    """The views of a source, in the order of t and then z.

    Attributes:
        source: the image.
        views: one, or those of a stack.
        shape: how many t and z there are of a stack; None for an axis that it has not.
        plane_distance: from one z to the next, µm, if known.
    """

    source: Source
    views: tuple[View, ...]
    shape: tuple[int | None, int | None] = (None, None)
    plane_distance: float | None = None


def find_views(source: Source, choice: Choice) -> Series:
    """Expand "each" and ranges; only for these a source is opened.

    What cannot be read becomes a single view with the error.
    """
    if choice.is_one:
        return Series(source, (View(source, choice),))
    try:
        planes = find_planes(source.path, source.open(), choice)
        times = _times(source, choice.t, planes.count("t"))
    except ImageReadError as error:
        return Series(source, (View(source, choice, error=error),))
    levels = range(planes.count("z")) if choice.z == EACH else None
    views = [
        View(source, replace(choice, **_given(t=time, z=level)), time, level)
        for time in (times if times is not None else [None])
        for level in (levels if levels is not None else [None])
    ]
    shape = (len(times) if times is not None else None, len(levels) if levels is not None else None)
    return Series(source, tuple(views), shape, planes.raw.plane_distance)


def _given(**numbers: int | None) -> dict[str, Any]:
    return {name: number for name, number in numbers.items() if number is not None}


def _times(source: Source, wanted: int | str | range | None, count: int) -> range | None:
    """Those asked for, of so many; None where one is."""
    if wanted == EACH:
        return range(count)
    if isinstance(wanted, range) and wanted.stop > count:
        raise PlaneChoiceError(
            f"{source.path}: --t {wanted.start}:{wanted.stop} is out of range; "
            f"this file has 0..{count - 1}"
        )
    return wanted if isinstance(wanted, range) else None


def file_sources(files: Sequence[Path], scene: int | str | None) -> list[Source]:
    """The sources in files; files are opened only where all their scenes are wanted.

    Args:
        files: images.
        scene: index from 0, a name, or "each"; None: the only one of each file.
    """
    if scene != EACH:
        return [FileSource(file, scene) for file in files]
    return [source for file in files for source in _scenes(file)]


def _scenes(file: Path) -> list[Source]:
    try:
        names = scenes_in(file)
    except ImageReadError:
        return [FileSource(file)]  # fails in its turn, with all others done
    if len(names) == 1:
        return [FileSource(file)]
    return [FileSource(file, number, name or str(number)) for number, name in enumerate(names)]


def _safe(text: str) -> str:
    """Text as a part of a file's name."""
    return re.sub(r"[^\w.+-]+", "-", text).strip("-") or "scene"
