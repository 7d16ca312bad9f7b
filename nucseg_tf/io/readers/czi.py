"""CZI of Zeiss, by its own library (pylibCZIrw, LGPL); tiles of a mosaic come put together."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from nucseg_tf.errors import ImageReadError
from nucseg_tf.io import limits
from nucseg_tf.io.elsewhere import try_elsewhere
from nucseg_tf.io.extras import load_extra
from nucseg_tf.io.plain_xml import parse_text
from nucseg_tf.io.readers.base import RawImage, Reader, Stack, refuse_several

AXES = "TZC"
_TRY = """
import sys
from pylibCZIrw import czi
with czi.open_czi(sys.argv[1]) as file:
    file.scenes_bounding_rectangle_no_pyramid, file.total_bounding_rectangle_no_pyramid
    file.total_bounding_box_no_pyramid, file.pixel_types, file.raw_metadata
"""
# Of libCZI: what a pixel is, and whether it is of three colours (blue, green, red).
_TYPES = {
    "Gray8": ("uint8", False),
    "Gray16": ("uint16", False),
    "Gray32Float": ("float32", False),
    "Bgr24": ("uint8", True),
    "Bgr48": ("uint16", True),
    "Bgr96Float": ("float32", True),
}


class CziReader(Reader):
    """Scenes of a file at full resolution, window by window."""

    suffixes = (".czi",)

    def recognises(self, head: bytes) -> bool:
        """Whether it is a CZI."""
        return head.startswith(b"ZISRAWFILE")

    def scenes(self, path: Path) -> tuple[str, ...]:
        """Names of the scenes, or their numbers where names are missing or come twice."""
        with _opened(path) as file:
            numbers = sorted(file.scenes_bounding_rectangle_no_pyramid)
            if not numbers:
                return ("",)
            said = parse_text(path, file.raw_metadata).iter("Scene")
        names = {scene.get("Index", ""): scene.get("Name", "") for scene in said}
        found = tuple(names.get(str(number), "") for number in numbers)
        whole = all(found) and len(set(found)) == len(found)
        return found if whole else tuple(map(str, numbers))

    def read(self, path: Path) -> RawImage:
        """The only scene; errors as of `read_scene`, or there are several."""
        refuse_several(path, self.scenes(path))
        return self.read_scene(path, 0)

    def read_scene(self, path: Path, number: int) -> RawImage:
        """A scene; its pixels are read when they are asked for.

        Raises:
            ImageReadError: axes that cannot be chosen from, or pixels of an unknown type.
        """
        with _opened(path) as file:
            places = sorted(file.scenes_bounding_rectangle_no_pyramid.items())
            scene, box = (
                places[number] if places else (None, file.total_bounding_rectangle_no_pyramid)
            )
            extent = file.total_bounding_box_no_pyramid
            kinds = set(file.pixel_types.values())
            metadata = parse_text(path, file.raw_metadata)
        _check(path, extent, kinds)
        kind = max(kinds, key=lambda name: np.dtype(_TYPES[name][0]).itemsize)
        dtype, colour = _TYPES[kind]
        lengths = [extent[axis][1] for axis in AXES]
        shape = (*lengths, box.h, box.w, *([3] if colour else []))
        limits.check_windows(shape, np.dtype(dtype).itemsize, path, path.stat().st_size)

        def plane(place: tuple[int, ...]) -> Any:
            where = dict(zip(AXES, place, strict=True))
            return _Plane(path, where, scene, kind, (box.x, box.y, box.w, box.h))

        width, height, depth = _sizes(metadata)
        return RawImage(
            Stack(shape, dtype, plane, plane_axes=3 if colour else 2),
            AXES + ("YXS" if colour else "YX"),
            pixel_size=width,
            pixel_height=None if height == width else height,
            plane_distance=depth,
            channels=_channels(metadata, lengths[-1]),
        )


@dataclass(frozen=True)
class _Plane:
    """A plane of a scene, read where it is indexed by (rows, columns) or (rows, columns, samples).

    Attributes:
        path: of the file.
        place: index along each axis, as the file counts.
        scene: its number, or None without scenes.
        kind: of pixels, as libCZI names them.
        box: of the scene in the file: x, y, width, height, px.
    """

    path: Path
    place: dict[str, int]
    scene: int | None
    kind: str
    box: tuple[int, int, int, int]

    def __getitem__(self, index: tuple[int | slice, ...]) -> np.ndarray:
        left, top, width, height = self.box
        places = [range(length)[at] for at, length in zip(index, (height, width), strict=False)]
        rows, columns = ([at] if isinstance(at, int) else at for at in places)
        lowest, first = min(rows), min(columns)
        size = (max(columns) - first + 1, max(rows) - lowest + 1)
        with _opened(self.path) as file:
            window = (left + first, top + lowest, *size)
            pixels = file.read(window, self.place, self.scene, pixel_type=self.kind)
        pixels = pixels[..., ::-1] if _TYPES[self.kind][1] else pixels[..., 0]
        inner = tuple(0 if isinstance(at, int) else slice(None, None, at.step) for at in places)
        return np.ascontiguousarray(pixels[inner + tuple(index[2:])])


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    czi = load_extra("pylibCZIrw.czi", "formats")
    try_elsewhere(path, "Zeiss's library", _TRY)
    with czi.open_czi(str(path)) as file:
        yield file


def _check(path: Path, extent: dict[str, tuple[int, int]], kinds: set[str]) -> None:
    more = [axis for axis, (low, high) in extent.items() if axis not in "TZCYXS" and high - low > 1]
    if more:
        raise ImageReadError(
            f"{path}: has axes {', '.join(more)} that cannot be chosen from (H phase, R rotation, "
            "I illumination, V view, B block). Export what is wanted from ZEN as a file of its own."
        )
    unknown = sorted(kinds - set(_TYPES))
    if unknown or len({_TYPES[kind][1] for kind in kinds}) != 1:
        raise ImageReadError(
            f"{path}: pixels of type {', '.join(sorted(kinds)) or 'none'} cannot be read together"
        )


def _channels(metadata: ElementTree.Element, count: int) -> tuple[str, ...]:
    places = metadata.findall(".//Information/Image/Dimensions/Channels/Channel")
    names = tuple(channel.get("Name") or channel.get("Id") or "" for channel in places)
    return names if len(names) == count and all(names) else ()


def _sizes(metadata: ElementTree.Element) -> list[float | None]:
    """Distances of pixels along x, y and z, µm; a CZI has them in metres."""
    sizes: list[float | None] = []
    for axis in "XYZ":
        said = metadata.findtext(f".//Scaling/Items/Distance[@Id='{axis}']/Value") or "0"
        value = float(said) * 1e6
        sizes.append(value if np.isfinite(value) and value > 0 else None)
    return sizes


READER = CziReader()
