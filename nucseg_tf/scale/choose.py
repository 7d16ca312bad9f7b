"""One label image of several, each of the same image predicted at another zoom.

H rows, W columns; V views, one a zoom; N nuclei.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from nucseg_tf.imaging.tidy import tidy
from nucseg_tf.scale.regions import Regions
from nucseg_tf.types import Instances

FREE = 0.7  # share of its pixels that a nucleus needs for itself


def choose(
    views: Sequence[Instances],
    zooms: Sequence[float],
    diameter: float,
    regions: Regions,
    corner: tuple[int, int] = (0, 0),
) -> tuple[Instances, np.ndarray]:
    """Take each nucleus, whole, from the view in which it is nearest to the size that serves best.

    How far it is from that, in octaves, is asked of two: of its own diameter, and of what nuclei
    around it have been seen to be. Its own alone would not do: where nuclei are far too large for
    a view, their parts may be of a fair size, and so may clumps where they are too small. Nuclei
    are taken in the order of the sum, each less the pixels of those before; one that loses too
    many is dropped. What only the worse view shows stays: a large nucleus among small ones.

    Args:
        views: labels (H, W) and scores of each, V of them.
        zooms: (V,).
        diameter: px, that the model knows best.
        regions: of the image.
        corner: first pixel of what the views show of the image.

    Returns:
        The nuclei, in the order of their first pixels; and (N,) which view each is from.
    """
    found = [_misfits(view.labels, zooms, diameter, regions, corner) for view in views]
    view_of = np.repeat(np.arange(len(views)), [len(part) for part in found])
    label_of = np.concatenate([np.arange(1, len(part) + 1) for part in found])
    misfits = np.concatenate(found)[np.arange(len(view_of)), view_of]
    score = np.concatenate([view.scores for view in views])
    places = [ndimage.find_objects(view.labels) for view in views]
    out, kept = np.zeros(views[0].labels.shape, np.int32), []
    for index in np.lexsort((-score, misfits)):
        view, label = view_of[index], label_of[index]
        place = places[view][label - 1]
        window, inside = out[place], views[view].labels[place] == label
        free = inside & (window == 0)
        if free.sum() > FREE * inside.sum():
            kept.append(index)
            window[free] = len(kept)
    tidied = tidy(out, np.arange(len(kept)))
    chosen = np.array(kept, int)[tidied.scores]
    return Instances(tidied.labels, score[chosen]), view_of[chosen]


def _misfits(
    labels: np.ndarray,
    zooms: Sequence[float],
    diameter: float,
    regions: Regions,
    corner: tuple[int, int],
) -> np.ndarray:
    """How far the nuclei 1..N of (H, W) are at each zoom from the best size, octaves, (N, V)."""
    areas = np.bincount(labels.ravel())[1:]
    numbers = np.arange(1, len(areas) + 1)
    centres = np.array(ndimage.center_of_mass(labels > 0, labels, numbers)).reshape(-1, 2)
    own, around = np.log2(4 / np.pi * areas) / 2, regions.sizes_at(*(centres + corner).T)
    best = np.log2(diameter) - np.log2(zooms)
    return np.abs(own[:, None] - best) + np.abs(around[:, None] - best)
