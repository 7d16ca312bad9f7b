"""Training targets of FPN2-WS: the distance map and the border map.

Source: Zaki et al. (2020), Methods: the distance transform "normalised to [0, 1] per nucleus" and
the border "blurred with sigma 1".
"""

from __future__ import annotations

import cv2
import numpy as np
from scipy import ndimage

from nucseg_tf.data.roi import valid_mask
from nucseg_tf.types import IGNORED

BORDER_SIGMA = 1.0  # px, from the paper


def distance_map(labels: np.ndarray) -> np.ndarray:
    """Euclidean distance to the nearest pixel of another label, scaled to 1 in each nucleus.

    The image edge is no border: of a nucleus cut by it, nothing says where it ends.

    Args:
        labels: (H, W) integer label image, 0 background.

    Returns:
        (H, W) float32 in [0, 1]; 0 in the background, the largest value of each label is 1.
    """
    height, width = labels.shape
    out = np.zeros((height, width), np.float32)
    for index, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is None:
            continue
        y0, y1 = max(box[0].start - 1, 0), min(box[0].stop + 1, height)
        x0, x1 = max(box[1].start - 1, 0), min(box[1].stop + 1, width)
        mask = labels[y0:y1, x0:x1] == index
        if mask.all():  # one nucleus fills the whole image: no border in sight
            out[y0:y1, x0:x1] = 1.0
            continue
        distance = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        # Squares are whole numbers; OpenCV's roots differ in the last bit with its threads.
        exact = np.sqrt(np.rint(np.square(distance[mask])))
        out[y0:y1, x0:x1][mask] = exact / exact.max()
    return out


def border_map(labels: np.ndarray, sigma: float = BORDER_SIGMA) -> np.ndarray:
    """Pixels on both sides of a label's edge, blurred, with 1 on a straight edge.

    Both sides are marked so that the ridge stands on the edge itself, between two pixels, for
    nuclei in the background and for nuclei that touch alike.

    Args:
        labels: (H, W) integer label image, 0 background.
        sigma: of the Gaussian blur, px; 0 leaves the border as it is.

    Returns:
        (H, W) float32 in [0, 1].
    """
    border = np.zeros(labels.shape, np.float32)
    vertical = labels[1:] != labels[:-1]
    horizontal = labels[:, 1:] != labels[:, :-1]
    border[1:][vertical] = border[:-1][vertical] = 1.0
    border[:, 1:][horizontal] = border[:, :-1][horizontal] = 1.0
    if sigma <= 0:
        return border
    # On a straight edge two rows are marked; the blur leaves this much of them, which is made 1.
    blurred = cv2.GaussianBlur(border, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
    line = np.zeros((9, 9), np.float32)
    line[3:5] = 1.0
    peak = cv2.GaussianBlur(line, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)[3, 4]
    return np.minimum(blurred / peak, 1.0)


def targets(labels: np.ndarray) -> np.ndarray:
    """Both maps of one ROI, stacked: (S, S) labels to (S, S, 2) float32 in [0, 1]."""
    return np.stack([distance_map(labels), border_map(labels)], axis=-1)


def roi_targets(labels: np.ndarray, shoulder: int) -> tuple[np.ndarray, np.ndarray]:
    """Targets of one ROI.

    Args:
        labels: (S, S) int32, `IGNORED` where nothing is known.
        shoulder: px along the edges that do not count.

    Returns:
        Maps (S, S, 2) float32 in [0, 1], and where they count, (S, S, 1) float32.
    """
    valid = valid_mask(labels, shoulder)
    return targets(np.where(labels == IGNORED, 0, labels)), valid[..., None]
