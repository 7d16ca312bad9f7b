"""One row of measurements for each nucleus of a label image, in all channels of the image.

`table.py` puts together what the others find: `shape.py`, `hull.py` and `perimeter.py` need labels
alone, `intensity.py` the pixels of nuclei and of the rings around them (`ring.py`), `neighbours.py`
the centroids. All of it goes by the runs of `label_runs.py`, and piece by piece
(`imaging.pieces`), without the pieces showing in the figures. Definitions are those of
skimage.measure.regionprops where that has the measure. docs/measurements.md lists the columns.
"""

from nucseg_tf.inference.measure.ring import Ring
from nucseg_tf.inference.measure.table import measure, measure_columns, measure_instances

__all__ = ["Ring", "measure", "measure_columns", "measure_instances"]
