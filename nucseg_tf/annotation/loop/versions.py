"""The versions of a project's model: what was trained on what, and how good it was.

    DIR/loop/v1/version.json    see `Version`; written whole, last of all where a version begins
    DIR/loop/v1/model/          its model folder, once it is done
    DIR/loop/current.json       {"model": NAME}: what fields are labelled with

The number of a version is that of its folder. Names of models are those of versions, and SHIPPED.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, TypeAdapter

from nucseg_tf.annotation.loop import locks
from nucseg_tf.annotation.loop.locks import LOOP
from nucseg_tf.errors import DataError, UnknownModelError
from nucseg_tf.io.documents import from_json
from nucseg_tf.io.files import atomic_path, ensure_folder
from nucseg_tf.suggest import nearest
from nucseg_tf.types import Box

SHIPPED = "fpn2ws-nuclei"
VERSION, CURRENT = "version.json", "current.json"
DRAFT = ".{}-unfinished"  # folder of a version that begins
PREDICTING = "predicting.json"  # below LOOP, see `predict`
PROGRESS = "progress.json"  # in the run folder of a version, see `progress`
JUDGED = "judged"  # folder below LOOP of what models found, see `judge`
State = Literal["training", "stopped", "failed", "done"]
UNFINISHED = ("training", "stopped")


@dataclass(frozen=True)
class FieldUse:
    """How a version used a field.

    Attributes:
        key: of the field.
        part: "train" or "left_out".
        nuclei: how many of them count.
        sha256: of the mask.
        regions: boxes (y0, x0, y1, x1), px, half-open, of what is known; empty: all of it.
    """

    key: str
    part: str
    nuclei: int
    sha256: str
    regions: tuple[Box, ...] = ()


@dataclass(frozen=True)
class Version:
    """One training.

    Attributes:
        name: v1, v2, ...
        state: "training" also where its process was killed; see `status`.
        base: where its first weights came from.
        settings: KEY=VALUE that were given beside the recipe.
        fields: that it trained on, and that it left out.
        started, ended: UTC, ISO 8601.
        seconds: of all its stretches together.
        scores: of models by name, on the fields left out; see `judge`.
        taken: whether fields were labelled with it from then on.
        reason: why, or why not; for the user.
        rival: the model that was used before; "" until the version is done.
        curve: see `curve`.
        error: what went wrong.
    """

    name: str
    state: State
    base: str
    settings: tuple[str, ...] = ()
    fields: tuple[FieldUse, ...] = ()
    started: str = ""
    ended: str = ""
    seconds: float = 0.0
    scores: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    taken: bool = False
    rival: str = ""
    reason: str = ""
    curve: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""

    @property
    def number(self) -> int:
        """That of its folder."""
        return int(self.name[1:])

    @property
    def has_one_field(self) -> bool:
        """Whether it trained on a part of a field, and left out the rest."""
        return len({use.key for use in self.fields}) == 1

    def part(self, name: str) -> list[FieldUse]:
        """The fields of a part."""
        return [use for use in self.fields if use.part == name]


class _Score(BaseModel):
    """What is shown of how good a model is, see `judge.shortened`."""

    f1: float
    splits: int
    merges: int
    missed: int
    spurious: int


class _NoCurve(BaseModel, extra="forbid"):
    pass


class _Curve(BaseModel):
    text: str
    points: list[dict[str, Any]]


class _Judged(BaseModel):
    """The part of version.json that `Version` keeps as it is."""

    scores: dict[str, _Score] = {}
    curve: _NoCurve | _Curve = _NoCurve()


_VERSION = TypeAdapter(Version)


def read_versions(folder: Path) -> list[Version]:
    """All versions of a project, the oldest first.

    Raises:
        DataError: one of them cannot be read.
    """
    names = [f"v{number}" for number in _numbers(folder / LOOP)]
    return [read(folder, name) for name in names if (home(folder, name) / VERSION).is_file()]


def read(folder: Path, name: str) -> Version:
    """One version.

    Raises:
        DataError: it cannot be read.
    """
    path = home(folder, name) / VERSION
    try:
        content = from_json(path.read_text(encoding="utf-8"), finite=True)
        _Judged.model_validate(content, strict=True)  # they are kept as they are
        return _VERSION.validate_python(content | {"name": name})
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path}: is no version of a model. Put it back from a copy, or remove its folder. "
            f"Received: {error!r}"
        ) from error


def write(folder: Path, version: Version) -> Version:
    """Write down a version; gives it back."""
    write_json(home(folder, version.name) / VERSION, asdict(version))
    return version


def write_json(path: Path, content: Mapping[str, Any], synced: bool = True) -> None:
    """Write a small file for the page, whole or not at all; `synced` as of `atomic_path`."""
    with atomic_path(path, synced) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def home(folder: Path, name: str) -> Path:
    """The folder of a version."""
    return folder / LOOP / name


def next_name(folder: Path) -> str:
    """The name of a version that is to begin.

    No name comes twice, also where a version was removed: labels may still be of that.
    """
    known = (*_numbers(folder / LOOP), *_numbers(folder / LOOP / JUDGED))
    return f"v{max(known, default=0) + 1}"


def unfinished(folder: Path) -> Version | None:
    """The newest version, if its training has not come to an end."""
    versions = read_versions(folder)
    return versions[-1] if versions and versions[-1].state in UNFINISHED else None


def is_alive(folder: Path) -> bool:
    """Whether a process trains."""
    return locks.holder(folder, locks.TRAINING) is not None


def current(folder: Path) -> str:
    """The model that fields are labelled with; the shipped one where none was chosen, or is gone.

    Returns:
        SHIPPED, or the name of a version that is done.
    """
    try:
        path = folder / LOOP / CURRENT
        name = str(from_json(path.read_text(encoding="utf-8"))["model"])
    except (OSError, ValueError, KeyError, TypeError):
        return SHIPPED
    return name if name in models(folder) else SHIPPED


def choose(folder: Path, name: str) -> None:
    """Label fields with a model from now on.

    Raises:
        UnknownModelError: there is no such model.
    """
    known = models(folder)
    if name not in known:
        raise UnknownModelError(f"there is no model {name!r}; {nearest(name, known)}")
    write_json(ensure_folder(folder / LOOP) / CURRENT, {"model": name})


def models(folder: Path) -> list[str]:
    """Names of the models that can be chosen: the shipped one, and versions with a model."""
    made = (f"v{number}" for number in _numbers(folder / LOOP))
    return [SHIPPED, *(name for name in made if (model_folder(folder, name)).is_dir())]


def model_folder(folder: Path, name: str) -> Path:
    """What `load_model` takes for a model: its folder, or the name of the shipped one."""
    return Path(SHIPPED) if name == SHIPPED else home(folder, name) / "model"


def _numbers(place: Path) -> list[int]:
    names = (path.name for path in place.glob("v*") if path.is_dir())
    return sorted(int(name[1:]) for name in names if name[1:].isdecimal())
