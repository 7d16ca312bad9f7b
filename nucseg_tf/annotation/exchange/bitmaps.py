"""Masks as Supervisely's bitmaps, and back.

A bitmap is a deflated PNG of the mask, in base64, and the pixel of its upper left corner.

Letters: H rows, W columns of the image.
"""

from __future__ import annotations

import base64
import io
import zlib

import numpy as np
from pydantic import BaseModel

from nucseg_tf.annotation.exchange.drawn import tight
from nucseg_tf.errors import LabelError
from nucseg_tf.io.png_mask import PNG, decode_mask


class Bitmap(BaseModel):
    data: str
    origin: tuple[int, int]


def encode_bitmap(mask: np.ndarray) -> str:
    """A mask as base64 of a deflated PNG: palette of two colours, 0 transparent."""
    from PIL import Image

    image = Image.fromarray(mask.astype(np.uint8))
    image.putpalette([0, 0, 0, 255, 255, 255])
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", transparency=0, optimize=0)
    return base64.b64encode(zlib.compress(buffer.getvalue())).decode()


def place_bitmap(bitmap: Bitmap, shape: tuple[int, int], where: str) -> tuple[int, int, np.ndarray]:
    mask = _decode(bitmap.data, shape, where)
    left, top = bitmap.origin
    bottom, right = top + mask.shape[0], left + mask.shape[1]
    if top < 0 or left < 0 or bottom > shape[0] or right > shape[1]:
        raise LabelError(
            f"{where}: its bitmap covers rows {top} to {bottom} and columns {left} to {right}, "
            f"beyond the image of {shape[0]} x {shape[1]} px. Draw it anew."
        )
    return tight(mask, top, left)


def _decode(text: str, shape: tuple[int, int], where: str) -> np.ndarray:
    """The mask of a bitmap. Its size is checked before it is inflated."""
    limit = 8 * shape[0] * shape[1] + 2**16  # bytes of a PNG of the image, uncompressed
    try:
        data = base64.b64decode(text, validate=True)
        if not data.startswith(PNG):
            data = zlib.decompressobj().decompress(data, limit)
        if len(data) >= limit:
            raise ValueError("no PNG of the image's size")
        return decode_mask(data, shape)
    except (ValueError, zlib.error) as error:
        raise LabelError(
            f"{where}: its bitmap cannot be read: {error}. Draw it anew, or export it again."
        ) from error
