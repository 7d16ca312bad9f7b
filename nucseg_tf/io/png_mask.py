"""A PNG inside another file as the mask of one nucleus."""

from __future__ import annotations

import struct

import numpy as np

PNG = b"\x89PNG\r\n\x1a\n"


def decode_mask(data: bytes, most: tuple[int, int]) -> np.ndarray:
    """The mask in a PNG: what is not 0, or of a PNG with transparency what is not transparent.

    Args:
        data: of the PNG.
        most: rows and columns that it may have; its size is checked before it is inflated.

    Returns:
        (h, w) bool.

    Raises:
        ValueError: it is no PNG, damaged, or larger.
    """
    import cv2

    if not data.startswith(PNG):
        raise ValueError("no PNG")
    try:
        width, height = struct.unpack(">II", data[16:24])
        if height > most[0] or width > most[1]:
            raise ValueError(f"{height} x {width} px, beyond the image of {most[0]} x {most[1]}")
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except (struct.error, cv2.error) as error:
        raise ValueError(f"a damaged PNG ({error})") from error
    if image is None or image.shape[:2] != (height, width):
        raise ValueError("a damaged PNG")
    if image.ndim == 3:
        image = image[..., 3] if image.shape[2] == 4 else image.max(axis=2)
    return image > 0
