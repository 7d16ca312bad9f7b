"""Images made smaller by whole numbers: each pixel is the mean of a square of them."""

from __future__ import annotations

import numpy as np


def shrink(pixels: np.ndarray, step: int) -> np.ndarray:
    """The means of squares of `step` x `step` px.

    Args:
        pixels: (H, W) of any real dtype.
        step: 1 or more; rows and columns beyond the last whole square are left out.

    Returns:
        (H // step, W // step), float32; uint8 and uint16 keep their dtype, rounded.
    """
    import cv2  # late, for writers are imported to know what their files are called

    height, width = pixels.shape[0] // step, pixels.shape[1] // step
    part = pixels[: height * step, : width * step]
    if part.dtype not in (np.uint8, np.uint16):  # of the native byte order, too
        part = part.astype(np.float32)
    if step == 1 or part.size == 0:
        return part.reshape(height, width)
    return cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA)
