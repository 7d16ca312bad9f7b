"""The columns of objects.csv that measure nuclei.

H rows, W columns, N nuclei.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from nucseg_tf.imaging.pieces import Piece, pieces
from nucseg_tf.imaging.scratch import cut
from nucseg_tf.inference.measure.hull import find_hulls, hull_areas, largest_diameters
from nucseg_tf.inference.measure.inputs import (
    Spacing,
    check_distance,
    check_inputs,
    height_and_width,
)
from nucseg_tf.inference.measure.intensity import (
    OF_NUCLEI,
    OF_RINGS,
    Pixels,
    assign,
    of_nuclei,
    of_rings,
)
from nucseg_tf.inference.measure.label_runs import LabelRuns, group_runs
from nucseg_tf.inference.measure.names import name_columns
from nucseg_tf.inference.measure.neighbours import count_neighbours, typical_distance
from nucseg_tf.inference.measure.perimeter import perimeters
from nucseg_tf.inference.measure.ring import Ring, draw_rings
from nucseg_tf.inference.measure.shape import ellipses
from nucseg_tf.io.tables import Table
from nucseg_tf.types import Image, Instances

if TYPE_CHECKING:
    import pandas as pd

UNNAMED = "intensity"  # the channel of an image that has one, without a name
Columns = dict[str, np.ndarray]


def measure(
    labels: np.ndarray,
    image: np.ndarray | Mapping[str, np.ndarray] | None = None,
    scores: np.ndarray | None = None,
    pixel_size: Spacing | None = None,
    ring: Ring = Ring(),  # noqa: B008 - frozen
    neighbour_distance: float | None = None,
) -> pd.DataFrame:
    """Measure every nucleus.

    Args:
        labels: (H, W) integer, 0 background, 1..N.
        image: (H, W), any real dtype, finite; or several by name, that of the nuclei first.
        scores: (N,) in [0, 1]; entry i belongs to label i + 1.
        pixel_size: µm per pixel, or (height, width) of a pixel.
        ring: around each nucleus, whose intensities are measured, too.
        neighbour_distance: px, within which nuclei are neighbours; three typical diameters without.

    Returns:
        A row per label, ascending: `label`, `score`, `area_px`, `area_um2`, `centroid_row` and
        `centroid_col` (px), `bbox_y0`, `bbox_x0`, `bbox_y1`, `bbox_x1` (px, half-open),
        `mean_intensity` and `integrated_intensity` of the first channel, `eccentricity` in [0, 1],
        `solidity` in (0, 1], `touches_edge`; `centroid_y_um`, `centroid_x_um`, `perimeter`,
        `form_factor`, `major_axis`, `minor_axis` (px), `orientation` (radians), `feret_max` (px),
        `ring_area_px`, `neighbours`; and of each channel NAME_mean, _sum, _std, _min, _max,
        _median, _background, _ring_mean. docs/measurements.md defines each. The channel of a
        single image is called `intensity`. What cannot be known without image, scores or
        pixel size is NaN.

    Raises:
        LabelError: where labels, image and scores do not fit each other.
        UsageError: the pixel size is not positive, or the distance negative.
    """
    import pandas as pd

    channels = {UNNAMED: image} if isinstance(image, np.ndarray) else image
    columns = measure_columns(labels, channels, scores, pixel_size, ring, neighbour_distance)
    return pd.DataFrame(columns)


def measure_instances(image: Image, instances: Instances) -> Table:
    """The columns of `measure` for the nuclei of an image, with its channels and pixel size."""
    channels = image.channels or {UNNAMED: image.pixels}
    return Table(measure_columns(instances.labels, channels, instances.scores, image.spacing))


def measure_columns(
    labels: np.ndarray,
    channels: Mapping[str, np.ndarray] | None = None,
    scores: np.ndarray | None = None,
    spacing: Spacing | None = None,
    ring: Ring = Ring(),  # noqa: B008 - frozen
    neighbour_distance: float | None = None,
) -> Columns:
    """The columns of `measure`, (N,) each, by name; arguments and errors are the same."""
    channels = channels or {}
    check_inputs(labels, channels, scores)
    check_distance(neighbour_distance)
    sides = height_and_width(spacing)
    parts = [
        _measure_piece(piece, labels, channels, ring)
        for piece in pieces(labels, margin=ring.margin)
    ]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.argsort(columns["label"], kind="stable")
    columns = {name: values[order] for name, values in columns.items()}
    row, column = columns["centroid_row"], columns["centroid_col"]
    if scores is not None:
        columns["score"] = np.asarray(scores, float)[columns["label"] - 1]
    if sides is not None:
        height, width = sides
        columns["area_um2"] = columns["area_px"] * height * width
        columns["centroid_y_um"], columns["centroid_x_um"] = row * height, column * width
    if neighbour_distance is None:
        neighbour_distance = typical_distance(columns["area_px"])
    columns["neighbours"] = count_neighbours(row, column, neighbour_distance)
    return columns


def _measure_piece(
    piece: Piece, labels: np.ndarray, channels: Mapping[str, np.ndarray], ring: Ring
) -> Columns:
    """The columns of `measure` for the nuclei of a piece, without what it takes all nuclei for."""
    runs = group_runs(piece.labels)
    numbers = piece.numbers[runs.label - 1].astype(np.int64)
    slices, width = piece.window.slices, piece.labels.shape[1]
    nuclei = Pixels.of(runs, width)
    # Pixels around these nuclei may be of others, or nearer to them.
    rings = Pixels.of(group_runs(draw_rings(cut(labels, slices), ring)), width)
    found = [
        of_nuclei(part, nuclei) | of_rings(part, rings, numbers)
        for part in (cut(image, slices) for image in channels.values())
    ] or [dict.fromkeys((*OF_NUCLEI, *OF_RINGS), np.full(len(numbers), np.nan))]

    shape = _describe(piece, runs, numbers, found[0])
    shape["ring_area_px"] = assign(rings.count, rings.label, numbers, 0)
    shape["neighbours"] = np.zeros(len(numbers), np.int64)
    names = name_columns(channels or [UNNAMED], found[0], shape)
    for columns, values in zip(names, found, strict=True):
        shape |= {columns[ending]: values[ending] for ending in values}
    return shape


def _describe(piece: Piece, runs: LabelRuns, numbers: np.ndarray, intensity: Columns) -> Columns:
    """Place, size and shape of the nuclei of a piece, and their intensity in the first channel."""
    top, left = piece.window.corner
    height, width = piece.window.image
    area = runs.area
    row = runs.total(runs.length * runs.row) / area
    column = runs.total(runs.length * (runs.left + runs.right) / 2) / area
    y0, y1 = runs.least(runs.row) + top, runs.greatest(runs.row) + 1 + top
    x0, x1 = runs.least(runs.left) + left, runs.greatest(runs.right) + 1 + left
    ellipse, hulls = ellipses(runs, row, column), find_hulls(runs)
    perimeter = perimeters(piece.labels)[runs.label - 1]
    unknown = np.full(len(area), np.nan)
    return {
        "label": numbers,
        "score": unknown,
        "area_px": area,
        "area_um2": unknown,
        "centroid_row": row + top,
        "centroid_col": column + left,
        "bbox_y0": y0,
        "bbox_x0": x0,
        "bbox_y1": y1,
        "bbox_x1": x1,
        "mean_intensity": intensity["mean"],
        "integrated_intensity": intensity["sum"],
        "eccentricity": ellipse.pop("eccentricity"),
        "solidity": area / hull_areas(hulls),
        "touches_edge": (y0 == 0) | (x0 == 0) | (y1 == height) | (x1 == width),
        "centroid_y_um": unknown,
        "centroid_x_um": unknown,
        "perimeter": perimeter,
        # Of a pixel or two, which have no perimeter, there is no form factor.
        "form_factor": 4 * np.pi * area / np.where(perimeter > 0, perimeter, np.nan) ** 2,
        **ellipse,
        "feret_max": largest_diameters(hulls),
    }
