"""The drawn field that a written network is tried on: of nuclei as the model knows them best."""

from __future__ import annotations

import math

import numpy as np

from nucseg_tf.data.simulate import find_cell_lines, simulate_field
from nucseg_tf.imaging.resample import resample
from nucseg_tf.imaging.window import Window

LINE = "MCF10A"


def draw_sample(side: int, diameter: float, index: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """A simulated field whose nuclei have a diameter on the mean.

    Args:
        side: px.
        diameter: px.
        index: of the field, from 1.

    Returns:
        (side, side) uint16, and its labels, int32.
    """
    (line,) = find_cell_lines(LINE)
    own = math.sqrt(4 * line.area / math.pi)
    drawn = round(side * own / diameter)
    image, labels = simulate_field(line, index, shape=(drawn, drawn))
    if drawn == side:
        return image, labels
    whole, sized = Window.whole((drawn, drawn)), Window.whole((side, side))
    pixels = resample(image.astype(np.float32), whole, sized)
    nearest = (2 * np.arange(side) + 1) * drawn // (2 * side)
    limit = np.iinfo(np.uint16).max
    return np.rint(pixels).clip(0, limit).astype(np.uint16), labels[np.ix_(nearest, nearest)]
