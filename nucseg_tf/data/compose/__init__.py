"""What is put into a ROI before it is augmented: what microscopes show and few fields are of.

Nuclei of other fields beside those that are there, nuclei out of focus behind them, a dead cell
that outshines all, stray light, debris, traces of JPEG; or no nuclei at all. Labels stay exact: who
is in front is drawn. Source of copy-paste: Ghiasi et al., "Simple copy-paste is a strong data
augmentation method for instance segmentation" (2021); here nuclei touch on purpose.

S side of a ROI. Background is near 0 and nuclei near 1.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nucseg_tf.config import Compose
from nucseg_tf.data.compose.light import add_haze, brighten_one, compress
from nucseg_tf.data.compose.litter import add_debris, empty_field
from nucseg_tf.data.compose.nuclei import blur_behind, paste_beside

Roi = tuple[np.ndarray, np.ndarray]  # (S, S) float32 image, (S, S) int32 labels


def compose(
    image: np.ndarray,
    labels: np.ndarray,
    donor: Callable[[np.random.Generator], Roi],
    shares: Compose,
    diameter: float,
    rng: np.random.Generator,
) -> Roi:
    """Put into a ROI what is drawn; nothing where all shares are 0.

    Args:
        image: (S, S) float32.
        labels: (S, S) int32, `IGNORED` where nothing is known.
        donor: draws a ROI of another place or field, at about the same scale.
        shares: of ROIs that get each thing.
        diameter: of the typical nucleus, px.
        rng: random numbers; the same give the same ROI.

    Returns:
        Image and labels of the same shapes and types.
    """
    drawn = dict(zip(Compose.model_fields, rng.random(len(Compose.model_fields)), strict=True))
    put = {name: number < getattr(shares, name) for name, number in drawn.items()}
    if put["empty"]:
        image, labels = empty_field(image.shape, rng), np.zeros_like(labels)
    elif put["touching"]:
        image, labels = paste_beside(image, labels, *donor(rng), rng)
    if put["bright"]:
        image = brighten_one(image, labels, rng)
    if put["blurred"]:
        image = blur_behind(image, *donor(rng), diameter, rng)
    if put["haze"]:
        image = add_haze(image, rng)
    if put["debris"] or put["empty"]:
        image = add_debris(image, diameter, rng)
    if put["jpeg"]:
        image = compress(image, rng)
    return image, labels
