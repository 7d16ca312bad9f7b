"""Images as the page draws them: 8 or 16 bits a pixel, little-endian, row by row."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nucseg_tf.errors import ImageReadError
from nucseg_tf.io.images import read_image

MAX_PIXELS = 64_000_000  # a browser holds the image twice and the labels once: 1 GB


@dataclass(frozen=True)
class Picture:
    """An image for the page.

    Attributes:
        shape: (H, W).
        bits: 8 or 16.
        content: its pixels.
        offset: of the file's grey values: value = offset + step * pixel.
        step: the same.
        pixel_size: µm, or None.
    """

    shape: tuple[int, int]
    bits: int
    content: bytes
    offset: float
    step: float
    pixel_size: float | None

    def header(self) -> dict[str, object]:
        """All but the pixels."""
        return {
            "shape": self.shape,
            "bits": self.bits,
            "offset": self.offset,
            "step": self.step,
            "pixel_size": self.pixel_size,
        }


def read_picture(
    path: Path, channel: str | None = None, z: str | None = None, invert: bool = False
) -> Picture:
    """Read an image for the page.

    Args:
        path: image file.
        channel: see `read_image`.
        z, invert: see `read_image`.

    Raises:
        ImageReadError: it cannot be read, is ambiguous, or is too large for a browser.
    """
    image = read_image(path, channel=channel, z=z, invert=invert)
    pixels = image.pixels
    if pixels.size > MAX_PIXELS:
        raise ImageReadError(
            f"{path}: has {pixels.size:,} pixels; a browser shows {MAX_PIXELS:,} at most. Cut it "
            f"into tiles. Received: shape {pixels.shape}"
        )
    offset, step = 0.0, 1.0
    if pixels.dtype not in (np.uint8, np.uint16):
        pixels, offset, step = _as_16_bits(pixels)
    content = pixels.astype(pixels.dtype.newbyteorder("<"), copy=False).tobytes()
    shape = (pixels.shape[0], pixels.shape[1])
    return Picture(shape, pixels.dtype.itemsize * 8, content, offset, step, image.pixel_size)


def _as_16_bits(pixels: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Scale to 0..65535; what is not finite becomes the lowest value."""
    finite = np.isfinite(pixels)
    values = pixels[finite]
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
    step = (high - low) / 65535 or 1.0
    scaled = (np.where(finite, pixels, low).astype(np.float64) - low) / step
    return np.rint(scaled).astype(np.uint16), low, step
