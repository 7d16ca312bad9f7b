"""Folders of images to measure on; all are TIFF, so that every tool reads the same files."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tifffile

from nucseg_tf.data.simulate import find_cell_lines, simulate_field
from nucseg_tf.io.images import list_images, read_image

USUAL = (520, 696)  # px: those of most large fields of the Data Science Bowl
LINE = "U2OS"  # of simulated fields
BLOCK = 1000  # px, side of the simulated field that large ones are made of
PIXELS = 360360  # 520 x 693, and as many other shapes as it has pairs of divisors


def write_usual(out: Path, count: int, source: Path | None = None) -> str:
    """Write fields of 520 x 696 px: copies of those in a folder, or of simulated ones.

    Args:
        out: folder, made.
        count: how many.
        source: folder of images, of which those of that shape are taken.

    Returns:
        What they are, in words.

    Raises:
        SystemExit: the folder has none of that shape.
    """
    if source is None:
        fields = [simulated(USUAL, number) for number in range(1, 5)]
        origin = f"simulated fields of {LINE}"
    else:
        fields = [image for image in _read(source) if image.shape == USUAL]
        if not fields:
            raise SystemExit(f"--fields: expected images of 520 x 696 px in {source}. Found none.")
        origin = "real fields"
    out.mkdir(parents=True)
    for number, field in enumerate(itertools.islice(itertools.cycle(fields), count)):
        tifffile.imwrite(out / f"field_{number:03d}.tif", field)
    return f"{count} copies of {min(count, len(fields))} {origin}, 520 x 696 px"


def _read(folder: Path) -> Iterator[np.ndarray]:
    return (read_image(file).pixels for file in list_images([folder]))


def simulated(shape: tuple[int, int], number: int = 1) -> np.ndarray:
    """(H, W) uint16, a field of the simulation."""
    return simulate_field(find_cell_lines(LINE)[0], index=number, shape=shape)[0]


def tiled(shape: tuple[int, int]) -> np.ndarray:
    """(H, W) uint16: one simulated field again and again, mirrored so that no nucleus is cut."""
    block = simulated((BLOCK, BLOCK))
    pair = np.block([[block, block[:, ::-1]], [block[::-1], block[::-1, ::-1]]])
    repeats = [-(-length // (2 * BLOCK)) for length in shape]
    return np.tile(pair, repeats)[: shape[0], : shape[1]]


def write_large(out: Path, side: int) -> None:
    """Write one field of `side` x `side` px to a folder."""
    out.mkdir(parents=True)
    tifffile.imwrite(out / f"field_{side}.tif", tiled((side, side)))


def shapes(count: int, pixels: int = PIXELS) -> list[tuple[int, int]]:
    """Shapes of exactly so many pixels, the squarest first.

    Raises:
        SystemExit: there are not so many with sides of 256 px or more.

    >>> shapes(4)
    [(585, 616), (616, 585), (572, 630), (630, 572)]
    """
    found = []
    for height in range(int(pixels**0.5), 255, -1):
        if pixels % height == 0:
            width = pixels // height
            found += [(height, width), (width, height)]
    if count > len(found):
        raise SystemExit(f"--shapes: expected {len(found)} or fewer. Received: {count}.")
    return found[:count]


def write_shapes(many: Path, one: Path, count: int) -> None:
    """Write fields of `count` shapes to one folder, as many of one shape to another.

    All have the same number of pixels, and are cut out of the same simulated field.
    """
    whole = tiled((2 * BLOCK, 2 * BLOCK))
    for folder, wanted in ((many, shapes(count)), (one, shapes(1) * count)):
        folder.mkdir(parents=True)
        for number, (height, width) in enumerate(wanted):
            top = (37 * number) % (2 * BLOCK - height + 1)
            left = (61 * number) % (2 * BLOCK - width + 1)
            part = whole[top : top + height, left : left + width]
            tifffile.imwrite(folder / f"field_{number:03d}.tif", np.ascontiguousarray(part))
