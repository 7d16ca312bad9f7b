"""Arrays of an image's levels: created, and each filled from the finer one, block by block.

H rows, W columns; L, the axes before them, of which one place at a time is worked on.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike

from nucseg_tf.imaging.scratch import cut

if TYPE_CHECKING:
    import zarr

CHUNK = 1024  # px, side of a chunk: 2 MB of uint16 before compression
SIDE = 2 * CHUNK  # px, of the blocks that are held in memory
SMALLEST = 512  # px, of the longer side, from which an image is not halved again

Block = tuple[slice, slice]


def halved(shape: tuple[int, ...], levels: int | None = None) -> list[tuple[int, ...]]:
    """Shapes (*L, H, W) of an image's levels: rows and columns halved, an odd last one left out.

    Args:
        shape: of the finest.
        levels: how many, if the sides allow it; None: until the longer side is `SMALLEST` px.

    >>> halved((3, 2048, 1101))
    [(3, 2048, 1101), (3, 1024, 550), (3, 512, 275)]
    """
    shapes = [shape]
    while min(shapes[-1][-2:]) > 1 and (
        max(shapes[-1][-2:]) > SMALLEST if levels is None else len(shapes) < levels
    ):
        *ahead, height, width = shapes[-1]
        shapes.append((*ahead, height // 2, width // 2))
    return shapes


def create_level(
    group: zarr.Group, name: str, shape: tuple[int, ...], dtype: DTypeLike, axes: str
) -> zarr.Array:
    """An array of chunks of one plane, in the group's format, compressed without loss.

    Chunks of background are written, too, so that one that is lost is seen to be.
    """
    import zarr
    from numcodecs import Blosc

    chunks = tuple(1 for _ in shape[:-2]) + tuple(min(CHUNK, max(1, side)) for side in shape[-2:])
    old = group.metadata.zarr_format == 2
    return group.create_array(
        name,
        shape=shape,
        dtype=np.dtype(dtype),
        chunks=chunks,
        fill_value=0,
        # What reads Zarr 2 reads Blosc; of Zarr 3 all read Zstandard, which has a checksum.
        compressors=Blosc(cname="zstd") if old else zarr.codecs.ZstdCodec(checksum=True),
        chunk_key_encoding={"name": "v2" if old else "default", "separator": "/"},
        dimension_names=None if old else list(axes),
        config={"write_empty_chunks": True},
    )


def tiles(shape: Sequence[int], side: int = SIDE) -> Iterator[Block]:
    """Blocks of an image (H, W) that begin where chunks do."""
    for top in range(0, shape[0], side):
        for left in range(0, shape[1], side):
            yield slice(top, min(top + side, shape[0])), slice(left, min(left + side, shape[1]))


def write_plane(array: zarr.Array, place: tuple[int, ...], plane: np.ndarray) -> None:
    """Write a plane (H, W), which may lie in a file, at a place of L."""
    for block in tiles(plane.shape):
        array[(*place, *block)] = cut(plane, block)


Reduce = Callable[["zarr.Array", tuple[int, ...], Block], np.ndarray]


def fill(coarse: zarr.Array, fine: zarr.Array, reduce: Reduce) -> None:
    """Fill a level from the finer one, whose axes of L may be longer.

    Args:
        coarse: to be filled.
        fine: the level before it.
        reduce: makes, of the finer level and a place of its L, a block of the coarse one.
    """
    for place in itertools.product(*map(range, coarse.shape[:-2])):
        lengths = zip(place, fine.shape, coarse.shape, strict=False)
        source = tuple(_nearest(number, long, short) for number, long, short in lengths)
        for block in tiles(coarse.shape[-2:]):
            coarse[(*place, *block)] = reduce(fine, source, block)


def means(fine: zarr.Array, place: tuple[int, ...], block: Block) -> np.ndarray:
    """Means of 2 x 2 pixels, whole numbers rounded."""
    wider = tuple(slice(2 * part.start, 2 * part.stop) for part in block)
    pixels = fine[(*place, *wider)]
    height, width = (part.stop - part.start for part in block)
    mean = pixels.reshape(height, 2, width, 2).mean(axis=(1, 3), dtype=np.float64)
    return (np.rint(mean) if fine.dtype.kind in "iu" else mean).astype(fine.dtype)


def nearest(shape: Sequence[int]) -> Reduce:
    """What takes the nearest pixel, for a coarse level (H, W) at any ratio."""

    def reduce(fine: zarr.Array, place: tuple[int, ...], block: Block) -> np.ndarray:
        rows, columns = (
            _nearest(np.arange(part.start, part.stop), long, short)
            for part, long, short in zip(block, fine.shape[-2:], shape, strict=True)
        )
        first = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        pixels = fine[(*place, *(slice(int(s.start), int(s.stop)) for s in first))]
        return pixels[np.ix_(rows - rows[0], columns - columns[0])]

    return reduce


def _nearest(number: Any, long: int, short: int) -> Any:
    """Which of `long` places lies at the middle of one, or several, of `short`."""
    return (2 * number + 1) * long // (2 * short)
