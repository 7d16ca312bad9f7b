"""From what the network says of an image to the diameter of its nuclei.

H rows, W columns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nucseg_tf.imaging.raster import Raster
from nucseg_tf.scale.readings import Predict, read
from nucseg_tf.scale.regions import Regions, find_regions


@dataclass(frozen=True)
class Diameter:
    """What an image says of its nuclei.

    Attributes:
        median: diameter of the typical nucleus, px.
        doubt: spread of the estimates as a factor, 1 or more; 1.2 is within 20 %.
        regions: where they are how large, if regions differ much.
    """

    median: float
    doubt: float
    regions: Regions | None = None


def estimate(predict: Predict, image: Raster) -> Diameter | None:
    """The diameter of the typical nucleus of an image.

    Args:
        predict: the network.
        image: (H, W), normalised by percentiles of the whole field.

    Returns:
        The diameter; None where no nuclei are seen.
    """
    readings = read(predict, image)
    median, quarters = readings.median(), readings.quantiles([0.25, 0.75])
    if median is None or quarters is None:
        return None
    doubt = float(np.exp2((quarters[1] - quarters[0]) / 2))
    return Diameter(median, doubt, find_regions(readings, image.shape))
