"""Images that come as arrays, not from a file."""

from __future__ import annotations

import numpy as np

from nucseg_tf.errors import ImageReadError


def check_array(image: np.ndarray) -> np.ndarray:
    """One grey image, or an error.

    Args:
        image: (H, W) or (H, W, 1), integer, float or bool, finite.

    Returns:
        (H, W) integer or float; bool becomes uint8.

    Raises:
        ImageReadError: naming what came.
    """
    image = np.asarray(image)
    if image.ndim == 3 and image.shape[-1] == 1:
        image = image[..., 0]
    if image.ndim != 2 or not image.size or image.dtype.kind not in "uifb":
        raise ImageReadError(
            f"Expected one grey image of shape (H, W), integer or float. "
            f"Received: shape {image.shape}, {image.dtype}. Choose one channel or plane."
        )
    if image.dtype == bool:
        image = image.astype(np.uint8)
    if image.dtype.kind == "f" and not np.isfinite(image).all():
        raise ImageReadError("The image has values that are not finite (NaN or infinite).")
    return image
