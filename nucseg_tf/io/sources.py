"""What a run takes images from: files, the scenes of a file, fields of a plate.

A source is opened when its turn comes, and named before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Protocol

from nucseg_tf.errors import ImageReadError
from nucseg_tf.io.choices import EACH, Choice
from nucseg_tf.io.images import read_raw, scenes_in
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
    """

    source: Source
    choice: Choice
    t: int | None = None
    z: int | None = None

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
        choice: what was asked for.
    """

    source: Source
    choice: Choice

    @cached_property
    def shape(self) -> tuple[int | None, int | None]:
        """How many t and z there are; None for an axis that is not asked for.

        Raises:
            ImageReadError: the image cannot be read, or a choice is out of range.
        """
        if self.choice.is_one:
            return None, None
        planes = find_planes(self.source.path, self.source.open(), self.choice)
        times = len(self.times(planes.count("t"))) if self._has_times else None
        return times, planes.count("z") if self.choice.z == EACH else None

    @property
    def _has_times(self) -> bool:
        return self.choice.t == EACH or isinstance(self.choice.t, range)

    def times(self, count: int) -> range:
        """Those asked for, of so many."""
        if not isinstance(self.choice.t, range):
            return range(count)
        if self.choice.t.stop > count:
            wanted = f"{self.choice.t.start}:{self.choice.t.stop}"
            raise ImageReadError(
                f"{self.source.path}: --t {wanted} is out of range; this file has 0..{count - 1}"
            )
        return self.choice.t

    def __iter__(self) -> Iterator[View]:
        times, levels = self.shape
        first = self.choice.t.start if isinstance(self.choice.t, range) else 0
        for time in range(first, first + times) if times is not None else [None]:
            for level in range(levels) if levels is not None else [None]:
                choice = self.choice
                if time is not None:
                    choice = replace(choice, t=time)
                if level is not None:
                    choice = replace(choice, z=level)
                yield View(self.source, choice, time, level)


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
