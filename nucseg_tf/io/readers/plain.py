"""PNG, JPEG, BMP and GIF by OpenCV, which keeps 16-bit colour exact and applies palettes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nucseg_tf.errors import ImageReadError, TooLargeError
from nucseg_tf.io import limits
from nucseg_tf.io.readers.base import RawImage, Reader
from nucseg_tf.io.readers.plain_header import BMP, GIF, JPEG, PNG, claimed

CV2_PIXELS = 2**30  # OpenCV decodes no more, CV_IO_MAX_IMAGE_PIXELS
# Sizes of the header that follows a BMP's own 14 bytes, by version: two letters alone begin much
# else. https://en.wikipedia.org/wiki/BMP_file_format#DIB_header_(bitmap_information_header)
_BMP_HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)


class PlainReader(Reader):
    """One plane, grey or in colour, or several of a GIF, without a pixel size."""

    suffixes = (".png", ".jpg", ".jpeg", ".bmp", ".gif")
    lossy_suffixes = (".jpg", ".jpeg")

    def recognises(self, head: bytes) -> bool:
        """Whether it is a PNG, JPEG, BMP or GIF."""
        if head.startswith(BMP):
            return int.from_bytes(head[14:18], "little") in _BMP_HEADERS
        return head.startswith((PNG, JPEG, GIF))

    def suffixes_of(self, head: bytes) -> tuple[str, ...]:
        """Those of one of the formats."""
        kinds = {PNG: (".png",), JPEG: (".jpg", ".jpeg"), GIF: (".gif",), BMP: (".bmp",)}
        return next(suffixes for begin, suffixes in kinds.items() if head.startswith(begin))

    def read(self, path: Path) -> RawImage:
        """Decode a file.

        Raises:
            ImageReadError: OpenCV cannot, or would make up pixels.
            TooLargeError: it is too large, or claims to be.
        """
        import cv2

        content = np.frombuffer(_checked_content(path), np.uint8)
        level = cv2.utils.logging.getLogLevel()
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        try:
            data = _decode(content)
        finally:
            cv2.utils.logging.setLogLevel(level)
        lossy = content[: len(JPEG)].tobytes() == JPEG  # whatever its name
        if data is None or (lossy and not _is_whole_jpeg(content.tobytes())):
            raise ImageReadError(
                f"{path}: damaged, cut short, or not the format its name says. "
                "Copy or export the file again."
            )
        if data.ndim == 2:
            return RawImage(data, "YX", lossy=lossy)
        if data.shape[-1] >= 3:
            data[..., :3] = data[..., 2::-1].copy()  # OpenCV orders blue, green, red
        axes = "YXS" if data.ndim == 3 else "QYXS"
        return RawImage(data, axes, alpha=int(data.shape[-1] == 4), lossy=lossy)


def _checked_content(path: Path) -> bytes:
    """The bytes of a file, unless it claims too much; TooLargeError."""
    limits.check((path.stat().st_size,), 1, path)
    content = path.read_bytes()
    shape, itemsize = claimed(content)
    limits.check(shape, itemsize, path, len(content))
    _, height, width, _ = shape
    if height * width > CV2_PIXELS:
        raise TooLargeError(
            f"{path}: has {height} x {width} px; {CV2_PIXELS:,} pixels can be read of a "
            f"{path.suffix[1:]} file. Save it as TIFF, in tiles."
        )
    return content


def _is_whole_jpeg(content: bytes) -> bool:
    """Whether a JPEG has its end; OpenCV makes up the pixels of one that has not."""
    return content.rfind(b"\xff\xd9") > content.rfind(b"\xff\xda")


def _decode(content: np.ndarray) -> np.ndarray | None:
    """(H, W) or (H, W, S); of animated GIFs (frames, H, W, S); None where OpenCV cannot."""
    import cv2

    if content[: len(GIF)].tobytes() == GIF:
        _, frames = cv2.imdecodemulti(content, cv2.IMREAD_UNCHANGED)
        if len(frames) > 1:
            return np.stack(frames)
    return cv2.imdecode(content, cv2.IMREAD_UNCHANGED)


READER = PlainReader()
