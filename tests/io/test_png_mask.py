"""Masks as PNG in other files."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from nucseg_tf.io.png_mask import decode_mask

MASK = np.array([[1, 0, 1], [0, 0, 1]], bool)


def png(array, mode=None):
    buffer = io.BytesIO()
    Image.fromarray(array, mode).save(buffer, "PNG")
    return buffer.getvalue()


def colours(opaque):
    """White everywhere, and as opaque as is said."""
    white = np.full((*MASK.shape, 3), 255, np.uint8)
    return np.concatenate([white, opaque[..., np.newaxis].astype(np.uint8)], -1)


@pytest.mark.parametrize(
    "data",
    [
        png(MASK.astype(np.uint8)),
        png(MASK.astype(np.uint8) * 255),
        png(MASK),
        png(np.stack([MASK * 0, MASK * 9, MASK * 0], -1).astype(np.uint8)),
        png(colours(MASK * 255)),
    ],
)
def test_what_is_not_0_or_not_transparent(data):
    np.testing.assert_array_equal(decode_mask(data, (2, 3)), MASK)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "no PNG"),
        (b"\xff\xd8\xff", "no PNG"),
        (png(MASK)[:20], "a damaged PNG"),
        (png(MASK)[:40], "a damaged PNG"),
        (png(np.zeros((3, 3), np.uint8)), "3 x 3 px, beyond the image of 2 x 3"),
    ],
)
def test_what_is_none_or_too_large(data, told):
    with pytest.raises(ValueError, match=told):
        decode_mask(data, (2, 3))
