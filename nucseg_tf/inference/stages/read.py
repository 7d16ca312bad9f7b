"""From a file to one plane of pixels."""

from __future__ import annotations

from pathlib import Path

from nucseg_tf.inference.options import Options
from nucseg_tf.io.images import check_finite, read_image
from nucseg_tf.types import Image


class Read:
    """The first stage.

    Args:
        options: channel, plane and pixel size.
    """

    def __init__(self, options: Options):
        self.options = options

    def __call__(self, file: Path) -> Image:
        """Read a file.

        Raises:
            ImageReadError: it cannot be read, is ambiguous, or has pixels that are not finite.
        """
        options = self.options
        image = read_image(file, options.channel, options.z, options.pixel_size)
        check_finite(image)
        return image
