"""How images are read, scaled and predicted, and what is written of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """Choices of the user, the same for all images of a run.

    Attributes:
        channel, z: see `io.images.read_image`.
        pixel_size: µm; that of the file without.
        diameter: typical nucleus, px; rescales to the model's. Goes before `pixel_size`.
        tile: largest side of tiles, px; the family's usual one without.
        tta: test-time augmentation; how many of the square's eight symmetries are averaged over,
            1 (none) to 8.
        writers: names in `registry.WRITERS`, of what is written besides label images.
    """

    channel: int | str | None = None
    z: int | str | None = None
    pixel_size: float | None = None
    diameter: float | None = None
    tile: int | None = None
    tta: int = 1
    writers: tuple[str, ...] = ()
