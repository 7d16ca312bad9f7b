"""What is seen under a click, before it is known which pixels other nuclei have.

H rows, W columns of the field; h, w of a window about the click.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nucseg_tf.annotation.magic.growing import grow
from nucseg_tf.imaging.window import Window
from nucseg_tf.io.boxes import Box, clip_box, slices

if TYPE_CHECKING:
    from nucseg_tf.inference.segmenter import Segmenter
    from nucseg_tf.inference.stages.values import Predicted
    from nucseg_tf.inference.windows import Survey

HALF = 2.0  # typical diameters from the click to the edge of its window
UNKNOWN = 40.0  # px, the typical diameter where no model tells

Predict = Callable[["Segmenter", np.ndarray, Window, "Survey"], "Predicted"]


@dataclass(frozen=True)
class Look:
    """See the module docstring.

    Attributes:
        box: the window, in px of the field.
        place: row and column of the click in the window.
        outlines: of `choose.outlines_at`, (h, w) bool each.
        light: (h, w) float32, the image.
        diameter: of the typical nucleus, px.
    """

    box: Box
    place: tuple[int, int]
    outlines: tuple[np.ndarray, ...]
    light: np.ndarray
    diameter: float

    def outline(self, taken: np.ndarray) -> np.ndarray | None:
        """The nucleus under the click.

        Args:
            taken: (h, w) bool, pixels of other nuclei.

        Returns:
            (h, w) bool, one piece; None if none is seen.
        """
        from nucseg_tf.annotation.magic.choose import choose

        grown = grow(self.light, self.place, taken, self.diameter)
        return choose(self.outlines, grown, self.place, taken)


def look_by_light(pixels: np.ndarray, place: tuple[int, int], diameter: float = UNKNOWN) -> Look:
    """Look at a field (H, W) about a click, without a model."""
    half = round(HALF * diameter)
    row, column = place
    box = clip_box((row - half, column - half, row + half + 1, column + half + 1), pixels.shape)
    light = pixels[slices(box)].astype(np.float32)
    return Look(box, (row - box[0], column - box[1]), (), light, diameter)


def look_by_model(
    pixels: np.ndarray,
    place: tuple[int, int],
    segmenter: Segmenter,
    survey: Survey,
    predict: Predict,
) -> Look:
    """Look at a field about a click.

    Args:
        pixels: (H, W).
        place: row and column.
        segmenter: the model.
        survey: of the field, by the same model.
        predict: `windows.predict_window`, or what remembers its answers.
    """
    from nucseg_tf.annotation.magic.choose import outlines_at
    from nucseg_tf.inference.windows import window_at

    half = round(HALF * survey.diameter)
    seen = window_at(pixels.shape, place, survey.image.zoom)
    row, column = place[0] - seen.top, place[1] - seen.left
    part = Window(row, column, row + 1, column + 1, seen.shape).grown(half)
    top, left = seen.top + part.top, seen.left + part.left
    box = (top, left, top + part.shape[0], left + part.shape[1])
    place_in = place[0] - top, place[1] - left
    light = pixels[slices(box)].astype(np.float32)
    grown = grow(light, place_in, np.zeros(light.shape, bool), survey.diameter)
    predicted, family = predict(segmenter, pixels, seen, survey), segmenter.family
    outlines = outlines_at(family, segmenter.thresholds, predicted, part, place_in, grown)
    return Look(box, place_in, outlines, light, survey.diameter)
