"""LIF of Leica, by the package liffile (BSD), which maps the images of a file."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from nucseg_tf.errors import ImageReadError
from nucseg_tf.io import limits
from nucseg_tf.io.extras import load_extra
from nucseg_tf.io.readers.base import RawImage, Reader, refuse_several

_TILES = "M"  # axis of the tiles, or positions, of a scan


class LifReader(Reader):
    """Images of a file, and the tiles of each, are scenes."""

    suffixes = (".lif",)

    def recognises(self, head: bytes) -> bool:
        """Whether it is a LIF: numbers of four bytes, one that begins a block, one of a text."""
        return head.startswith(b"\x70\0\0\0") and head[8:9] == b"\x2a"

    def scenes(self, path: Path) -> tuple[str, ...]:
        """Paths of the images, with the number of the tile where there are several."""
        with _opened(path) as file:
            names = [name for name, _, _ in _places(file)]
        if not names:
            raise ImageReadError(f"{path}: holds no image")
        return tuple(names)

    def read(self, path: Path) -> RawImage:
        """The only image; errors as of `read_scene`, or there are several."""
        refuse_several(path, self.scenes(path))
        return self.read_scene(path, 0)

    def read_scene(self, path: Path, number: int) -> RawImage:
        """An image or tile, mapped to the file.

        Raises:
            ImageReadError: there is none, or it has other axes than T, Z, C, Y and X.
        """
        with _opened(path) as file:
            places = _places(file)
            if not 0 <= number < len(places):
                raise ImageReadError(f"{path}: has {len(places)} images. Received: number {number}")
            name, image, tile = places[number]
            axes = "".join(axis if len(axis) == 1 else "?" for axis in image.dims)
            if set(axes) - set("MTZCYXS") or not {"Y", "X"} <= set(axes):
                raise ImageReadError(
                    f"{path}: image {name} has axes {', '.join(image.dims)}; expected y and x, and "
                    "of t, z and c. Export it from LAS X as TIFF."
                )
            size = np.dtype(image.dtype).itemsize
            check = limits.check if image._is_bgr else limits.check_windows
            check(image.shape, size, path, path.stat().st_size)
            # Colours that are stored blue first are turned round in place, so not in the file.
            data = image.asarray(out=None if image._is_bgr else "memmap")
            if tile is not None:
                data = data[(slice(None),) * axes.index(_TILES) + (tile,)]
            width, height, depth = (_step(image, axis) for axis in "XYZ")
            return RawImage(
                data,
                axes.replace(_TILES, ""),
                pixel_size=width,
                pixel_height=None if height == width else height,
                plane_distance=depth,
                channels=_channels(image),
            )


def _places(file: Any) -> list[tuple[str, Any, int | None]]:
    """Name, image and tile of each scene."""
    found: list[tuple[str, Any, int | None]] = []
    for image in file.images:
        if image.is_flim:
            continue
        tiles = image.sizes.get(_TILES)
        numbers = [None] if tiles is None else range(tiles)
        found += [(image.path if n is None else f"{image.path}/{n}", image, n) for n in numbers]
    return found


def _step(image: Any, axis: str) -> float | None:
    """Distance of pixels along an axis, µm; a LIF has it in metres."""
    places = image.coords.get(axis, ())
    if len(places) < 2:
        return None
    step = abs(float(places[1] - places[0])) * 1e6
    return step if np.isfinite(step) and step > 0 else None


def _channels(image: Any) -> tuple[str, ...]:
    """Dyes, or else the colours that channels are shown in."""
    names = []
    for channel in image.xml_element.findall(".//ImageDescription/Channels/ChannelDescription"):
        said = {p.findtext("Key"): p.findtext("Value") for p in channel.findall("ChannelProperty")}
        names.append(str(said.get("DyeName") or channel.get("LUTName") or ""))
    return tuple(names) if len(names) == image.sizes.get("C") and all(names) else ()


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    liffile = load_extra("liffile", "formats")
    with limits.BoundedFile(path) as bounded, liffile.LifFile(bounded) as file:
        yield file


READER = LifReader()
