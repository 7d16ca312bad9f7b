"""How the images of a synthetic plate lie on disk, a file a layout.

A layout has two functions. `begin(out, screen)` writes what there is once for the plate, before any
field, and again after an interruption. `write_field(out, screen, spot, images)` writes the images
(H, W) uint16 of a field, one a channel, whole or not at all; several processes call it at once,
each for its own fields, and a field may be written again after an interruption.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nucseg_tf.data.simulate.plate.layouts import cellvoyager, omezarr
from nucseg_tf.data.simulate.plate.screen import Screen, Spot
from nucseg_tf.errors import UsageError


class Layout(NamedTuple):
    """The functions of a layout, see above."""

    begin: Callable[[Path, Screen], None]
    write_field: Callable[[Path, Screen, Spot, Sequence[np.ndarray]], None]


LAYOUTS = {
    "cellvoyager": Layout(cellvoyager.begin, cellvoyager.write_field),
    "zarr": Layout(omezarr.begin, omezarr.write_field),
}


def find_layout(name: str) -> Layout:
    """The layout of a name.

    Raises:
        UsageError: there is none.
    """
    if name not in LAYOUTS:
        raise UsageError(f"--layout: expected {' or '.join(LAYOUTS)}. Received: {name!r}")
    return LAYOUTS[name]
