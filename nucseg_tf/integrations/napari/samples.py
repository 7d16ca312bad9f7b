"""Simulated images to try it on; nothing is downloaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nucseg_tf.data.simulate import CellLine

LINE = "HCT116"
FIELD, SMALL = (512, 640), (192, 256)  # px
PLANES = 8
LayerData = tuple[Any, dict[str, Any], str]


def field() -> list[LayerData]:
    """A field of nuclei."""
    from nucseg_tf.data.simulate import simulate_field

    line = _line()
    image, _ = simulate_field(line, index=1, shape=FIELD)
    return [_layer(image, "field", line)]


def stack() -> list[LayerData]:
    """Planes through crowded nuclei."""
    from nucseg_tf.data.simulate import simulate_stack
    from nucseg_tf.data.simulate.stack import STEP

    line = _line()
    images, _ = simulate_stack(line, index=1, planes=PLANES, shape=SMALL)
    return [_layer(images, "stack", line, "z", STEP)]


def movie() -> list[LayerData]:
    """Nuclei that move and divide."""
    from nucseg_tf.data.simulate import simulate_movie

    line = _line()
    images, *_ = simulate_movie(line, index=1, frames=PLANES, shape=SMALL)
    return [_layer(images, "movie", line, "t", 1.0)]


def _line() -> CellLine:
    from nucseg_tf.data.simulate import find_cell_lines

    return find_cell_lines(LINE)[0]


def _layer(images: Any, name: str, line: CellLine, axis: str = "", step: float = 1.0) -> LayerData:
    units = {"z": "micrometer", "t": "pixel"}
    said = {
        "name": f"nucseg {name}",
        "scale": [*([step] if axis else []), line.pixel_size, line.pixel_size],
        "axis_labels": [*axis, "y", "x"],
        "units": [*(units[letter] for letter in axis), "micrometer", "micrometer"],
    }
    return images, said, "image"
