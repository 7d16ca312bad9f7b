"""A row of measurements for each nucleus."""

from __future__ import annotations

import logging

import numpy as np

from nucseg_tf.inference.measure import measure_columns
from nucseg_tf.inference.stages.values import Found, Measured
from nucseg_tf.io.tables import Table

LOG = logging.getLogger(__name__)


class Measure:
    """The fifth stage."""

    def __call__(self, found: Found) -> Measured:
        """Measure all nuclei of an image."""
        image, instances = found.image, found.instances
        if not len(instances.scores):
            LOG.warning("%s: no nucleus found", image.path)
        columns = measure_columns(
            instances.labels, image.pixels, instances.scores, image.pixel_size
        )
        names = np.full(len(columns["label"]), image.path.name, object)
        return Measured(image, instances, Table({"image": names, **columns}))
