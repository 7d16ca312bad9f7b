"""How many images are under way at once, and in which tiles, in the memory that is allowed."""

from __future__ import annotations

import logging

from nucseg_tf.families.base import Family
from nucseg_tf.imaging.memory import left

LOG = logging.getLogger(__name__)
# Bytes a pixel of a tile: OpenVINO took 210 to 270 for FPN2-WS, Keras 380 to 700.
NETWORK = {"openvino": 300, "keras": 700}
BESIDE = 300 * 2**20  # bytes of an image under way: what is read of it, a block that is decoded


def plan(
    family: Family, engine: str, tile: int | None, workers: int | None, usual: int
) -> tuple[int, int]:
    """What fits into the memory that is left; the model is loaded.

    Args:
        family: of the network.
        engine: name of what computes it.
        tile: side of tiles, px, that was asked for; it stays, as `workers` does.
        workers: images under way at once, that were asked for.
        usual: workers where there is enough memory.

    Returns:
        Tile and workers.
    """
    room, side = left(), tile or family.tile
    count = workers if workers is not None else max(1, min(usual, room // 2 // BESIDE))
    pixel = NETWORK.get(engine, max(NETWORK.values()))
    while tile is None and side**2 * pixel + count * BESIDE > room:
        smaller = family.smaller_tile(side)
        if smaller is None:
            break
        side = smaller
    if (side, count) != (tile or family.tile, usual if workers is None else workers):
        LOG.warning(
            "%.1f GiB of memory are left: tiles of %d px, %d image%s at once",
            *(room / 2**30, side, count, "" if count == 1 else "s"),
        )
    return side, count
