"""As a plate in OME-Zarr 0.5: DIR/NAME.zarr, an image (C, H, W) a field."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nucseg_tf.data.simulate.plate.screen import CHANNELS, Screen, Spot
from nucseg_tf.io.omezarr.store import is_zarr
from nucseg_tf.io.omezarr.write_image import write_image
from nucseg_tf.io.omezarr.write_plate import create_plate


def begin(out: Path, screen: Screen) -> None:
    """Write the groups of the plate and its wells, unless they are there."""
    wells = list(dict.fromkeys(spot.well for spot in screen.spots()))
    if not is_zarr(_plate(out, screen)):
        create_plate(_plate(out, screen), screen.name, wells, screen.fields)


def write_field(out: Path, screen: Screen, spot: Spot, images: Sequence[np.ndarray]) -> None:
    """Write the images (H, W) uint16 of a field, which counts from 0 in its well."""
    row, column = spot.well[:-2], spot.well[-2:]
    write_image(
        _plate(out, screen) / row / column / str(spot.field - 1),
        np.stack(images),
        "CYX",
        CHANNELS[: screen.channels],
        screen.line.pixel_size,
        overwrite=True,  # after an interruption
    )


def _plate(out: Path, screen: Screen) -> Path:
    return out / f"{screen.name}.zarr"
