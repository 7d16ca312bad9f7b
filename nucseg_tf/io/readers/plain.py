"""PNG, JPEG and BMP, read by OpenCV, which keeps 16-bit colour exact."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nucseg_tf.errors import ImageReadError
from nucseg_tf.io.readers.base import RawImage

LOSSY = (".jpg", ".jpeg")


class Plain:
    """See `readers.base.Reader`."""

    suffixes = (".png", *LOSSY, ".bmp")

    def read(self, path: Path) -> RawImage:
        """Read a file; the samples of colour are red, green, blue and alpha."""
        import cv2

        level = cv2.utils.logging.getLogLevel()
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        try:
            data = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
        finally:
            cv2.utils.logging.setLogLevel(level)
        if data is None:
            raise ImageReadError(
                f"{path}: damaged, cut short, or not the format its name says. "
                "Copy or export the file again."
            )
        lossy = path.suffix.lower() in LOSSY
        if data.ndim == 2:
            return RawImage(data, "YX", lossy=lossy)
        if data.shape[2] >= 3:
            data[..., :3] = data[..., 2::-1].copy()  # OpenCV orders blue, green, red
        return RawImage(data, "YXS", alpha=int(data.shape[2] == 4), lossy=lossy)


READER = Plain()
