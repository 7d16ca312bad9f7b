"""Images of several resolutions: their metadata, read and written.

Axes are letters in lower case here, as OME-Zarr names them: t, c, z, y, x.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nucseg_tf.errors import ImageReadError
from nucseg_tf.io.omezarr.store import folder_of, ome_attributes
from nucseg_tf.io.pixel_size import MICRONS_PER_UNIT

if TYPE_CHECKING:
    import zarr

_KINDS = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}
_MICRONS = {**MICRONS_PER_UNIT, "meter": 1e6, "picometer": 1e-6, "angstrom": 1e-4}
_UNNAMED = "iq"  # axes that the standard has no name for


@dataclass(frozen=True)
class Multiscale:
    """The first multiscale image of a group.

    Attributes:
        axes: a letter a dimension.
        levels: paths of the arrays, the finest first.
        scales: of each level, a number an axis: the distance between two pixels.
        translations: of each level, a number an axis: where the first pixel lies.
        units: of each axis, "" where it has none.
        name: of the image, "" where it has none.
    """

    axes: str
    levels: tuple[str, ...]
    scales: tuple[tuple[float, ...], ...]
    translations: tuple[tuple[float, ...], ...]
    units: tuple[str, ...]
    name: str = ""

    def micron(self, axis: str) -> float | None:
        """Distance of two pixels of the finest level, µm; None where no unit is said."""
        if axis not in self.axes:
            return None
        place = self.axes.index(axis)
        size = self.scales[0][place] * _MICRONS.get(self.units[place].lower(), 0.0)
        return size if size > 0 else None


def read_multiscale(group: zarr.Group) -> Multiscale:
    """What a group says of its image.

    Raises:
        ImageReadError: it holds no image, or what is said makes none.
    """
    path = folder_of(group)
    found = ome_attributes(group).get("multiscales")
    if not found:
        raise ImageReadError(f"{path}: {what_else(group)}")
    try:
        first = found[0]
        axes, units = _read_axes(first)
        total = _transformations(first, len(axes))
        levels, scales, translations = [], [], []
        for dataset in first["datasets"]:
            scale, shift = _transformations(dataset, len(axes))
            levels.append(str(dataset["path"]))
            scales.append(tuple(a * b for a, b in zip(scale, total[0], strict=True)))
            moved = zip(shift, total[0], total[1], strict=True)
            translations.append(tuple(a * b + c for a, b, c in moved))
        if not levels:
            raise ValueError("no datasets")
        if not any(map(_has_scale, (first, first["datasets"][0]))):
            units = ("",) * len(axes)  # of distances that are not known
        name = str(first.get("name") or "")
        return Multiscale(axes, tuple(levels), tuple(scales), tuple(translations), units, name)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise ImageReadError(
            f"{path}: its metadata do not describe an image ({error!r}). Export it again."
        ) from error


def what_else(group: zarr.Group) -> str:
    """What a group is that is no image, and what to do."""
    said = ome_attributes(group)
    if "plate" in said:
        return "is a plate, not an image. Name one of its fields, such as PLATE.zarr/B/03/0."
    if "well" in said:
        return "is a well of a plate, not an image. Name one of its fields, such as WELL/0."
    if "labels" in said:
        return f"is a list of label images, not an image: {', '.join(map(str, said['labels']))}"
    return "is a Zarr without `multiscales`: no OME-Zarr image. Export it as OME-Zarr 0.4 or 0.5."


def _read_axes(said: dict[str, Any]) -> tuple[str, tuple[str, ...]]:
    """Letters and units; before 0.4 axes were names alone, or always these five."""
    axes = [a if isinstance(a, dict) else {"name": a} for a in said.get("axes", "tczyx")]
    kinds = {kind: letter for letter, kind in _KINDS.items() if kind != "space"}
    letters, unnamed = "", iter(_UNNAMED)
    for axis in axes:
        letter = kinds.get(axis.get("type", ""), str(axis["name"]).lower())
        letters += letter if letter in _KINDS else next(unnamed, "?")
    if len(set(letters)) < len(letters) or not letters.endswith("yx") or "?" in letters:
        names = ", ".join(str(axis["name"]) for axis in axes)
        raise ValueError(f"axes {names}; expected each once, y and x last")
    return letters, tuple(str(axis.get("unit") or "") for axis in axes)


def _transformations(said: dict[str, Any], count: int) -> tuple[list[float], list[float]]:
    """Scale and translation, which follows it."""
    scale, shift = [1.0] * count, [0.0] * count
    for step in said.get("coordinateTransformations") or []:
        if step["type"] == "scale":
            scale = [float(value) for value in step["scale"]]
        elif step["type"] == "translation":
            shift = [float(value) for value in step["translation"]]
    if len(scale) != count or len(shift) != count:
        raise ValueError(f"{len(scale)} scales for {count} axes")
    return scale, shift


def _has_scale(said: dict[str, Any]) -> bool:
    return any(step["type"] == "scale" for step in said.get("coordinateTransformations") or [])


def channel_names(group: zarr.Group) -> tuple[str, ...]:
    """Labels of the channels in the metadata of OMERO, as many as there are."""
    omero = ome_attributes(group).get("omero")
    channels = omero.get("channels") if isinstance(omero, dict) else None
    names = [c.get("label") if isinstance(c, dict) else None for c in channels or []]
    return tuple(str(name or f"channel {i}") for i, name in enumerate(names)) if any(names) else ()


def multiscale_attributes(image: Multiscale, version: str) -> list[dict[str, Any]]:
    """`multiscales` of a group that is written.

    Args:
        image: what is written.
        version: of OME-Zarr, "0.4" or "0.5".
    """
    said: dict[str, Any] = {
        "axes": [_axis(a, unit) for a, unit in zip(image.axes, image.units, strict=True)],
        "datasets": [
            {"path": path, "coordinateTransformations": _steps(scale, shift)}
            for path, scale, shift in zip(
                image.levels, image.scales, image.translations, strict=True
            )
        ],
    }
    if image.name:
        said["name"] = image.name
    return [{"version": version, **said} if version == "0.4" else said]


def _axis(letter: str, unit: str) -> dict[str, str]:
    axis = {"name": letter, "type": _KINDS[letter]}
    return {**axis, "unit": unit} if unit else axis


def _steps(scale: Sequence[float], shift: Sequence[float]) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = [{"type": "scale", "scale": list(scale)}]
    return [*steps, {"type": "translation", "translation": list(shift)}] if any(shift) else steps


def open_level(group: zarr.Group, path: str) -> zarr.Array:
    """An array of an image.

    Raises:
        ImageReadError: it is missing, or its metadata are damaged.
    """
    place: Path = folder_of(group) / path
    try:
        array: Any = group[path]
    except KeyError as error:
        raise ImageReadError(
            f"{place}: is missing, though the metadata of the image name it. Copy it again."
        ) from error
    except Exception as error:  # json, KeyError, ...: whatever damaged metadata make of zarr
        raise ImageReadError(
            f"{place}: its metadata are damaged ({error!r}). Copy it again."
        ) from error
    if not hasattr(array, "chunks"):
        raise ImageReadError(f"{place}: is a group; the metadata of the image say an array")
    return array
