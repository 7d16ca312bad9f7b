"""PNG, JPEG and BMP by OpenCV, which keeps 16-bit colour exact."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nucseg_tf.errors import ImageReadError
from nucseg_tf.io.readers.base import RawImage, Reader

_PNG, _JPEG, _BMP = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM"
# Sizes of the header that follows a BMP's own 14 bytes, by version: two letters alone begin much
# else. https://en.wikipedia.org/wiki/BMP_file_format#DIB_header_(bitmap_information_header)
_BMP_HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)


class PlainReader(Reader):
    """One plane, grey or in colour, without axes of its own or a pixel size."""

    suffixes = (".png", ".jpg", ".jpeg", ".bmp")
    lossy_suffixes = (".jpg", ".jpeg")

    def recognises(self, head: bytes) -> bool:
        """Whether it is a PNG, JPEG or BMP."""
        if head.startswith(_BMP):
            return int.from_bytes(head[14:18], "little") in _BMP_HEADERS
        return head.startswith((_PNG, _JPEG))

    def read(self, path: Path) -> RawImage:
        """Decode a file.

        Raises:
            ImageReadError: OpenCV cannot.
        """
        import cv2

        level = cv2.utils.logging.getLogLevel()
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        try:
            content = np.fromfile(path, np.uint8)
            data = cv2.imdecode(content, cv2.IMREAD_UNCHANGED)
        finally:
            cv2.utils.logging.setLogLevel(level)
        if data is None:
            raise ImageReadError(
                f"{path}: damaged, cut short, or not the format its name says. "
                "Copy or export the file again."
            )
        lossy = content[: len(_JPEG)].tobytes() == _JPEG  # whatever its name
        if data.ndim == 2:
            return RawImage(data, "YX", lossy=lossy)
        if data.shape[2] >= 3:
            data[..., :3] = data[..., 2::-1].copy()  # OpenCV orders blue, green, red
        return RawImage(data, "YXS", alpha=int(data.shape[2] == 4), lossy=lossy)


READER = PlainReader()
