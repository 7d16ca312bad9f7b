"""A row of measurements for each nucleus."""

from __future__ import annotations

import logging

import numpy as np

from nucseg_tf.inference.measure import measure_instances
from nucseg_tf.inference.quality import measure_quality
from nucseg_tf.inference.stages.values import Found, Measured
from nucseg_tf.io.tables import Table
from nucseg_tf.types import Image

LOG = logging.getLogger(__name__)


class Measure:
    """The fifth stage.

    Args:
        quality: whether the quality of the image is wanted, too.
    """

    def __init__(self, quality: bool = False):
        self.quality = quality

    def __call__(self, found: Found) -> Measured:
        """Measure all nuclei of an image."""
        image, instances = found.image, found.instances
        if not len(instances.scores):
            LOG.warning("%s: no nucleus found", image.path)
        table = found.table
        if table is None:
            table = measure_instances(image, instances)
        numbers = measure_quality(image.pixels, instances.labels, table) if self.quality else {}
        return Measured(image, instances, add_image(table, image, found.zooms), numbers)


def add_image(table: Table, image: Image, zooms: np.ndarray | None = None) -> Table:
    """The table with what the rows of an image share, in front of what is measured.

    Args:
        table: N rows, of `measure_instances`.
        image: with diameter and zoom.
        zooms: (N,), at which each nucleus was found, if regions of the image had their own.

    Returns:
        Columns of `Image.origin` (`image`, name of the file), `diameter` of its typical nucleus
        (px, given or found; NaN where it sets no zoom) and `zoom`, by which the network saw it
        enlarged; then the rest.
    """
    zoom = np.full(len(table), image.zoom) if zooms is None else zooms
    diameter = np.nan if image.diameter is None else image.diameter * image.zoom
    origin = image.origin or {"image": image.path.name}
    common = {
        **{name: np.full(len(table), value, _kind(value)) for name, value in origin.items()},
        "diameter": np.round(diameter / zoom, 1),
        "zoom": zoom.round(4),
    }
    return Table(common | dict(table.columns))


def _kind(value: str | int) -> type:
    return object if isinstance(value, str) else int
