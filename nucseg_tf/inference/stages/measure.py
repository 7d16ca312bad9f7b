"""A row of measurements for each nucleus."""

from __future__ import annotations

import logging

from nucseg_tf.inference.measure import measure
from nucseg_tf.inference.stages.values import Found, Measured

LOG = logging.getLogger(__name__)


class Measure:
    """The fifth stage."""

    def __call__(self, found: Found) -> Measured:
        """Measure all nuclei of an image."""
        image, instances = found.image, found.instances
        if not len(instances.scores):
            LOG.warning("%s: no nucleus found", image.path)
        table = found.table
        if table is None:
            table = measure(instances.labels, image.pixels, instances.scores, image.pixel_size)
        table.insert(0, "image", image.path.name)
        return Measured(image, instances, table)
