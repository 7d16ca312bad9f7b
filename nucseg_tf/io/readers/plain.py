"""PNG, JPEG, BMP and GIF by OpenCV, which keeps 16-bit colour exact and applies palettes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nucseg_tf.errors import ImageReadError
from nucseg_tf.io.readers.base import RawImage, Reader

_PNG, _JPEG, _BMP, _GIF = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM", b"GIF8"
# Sizes of the header that follows a BMP's own 14 bytes, by version: two letters alone begin much
# else. https://en.wikipedia.org/wiki/BMP_file_format#DIB_header_(bitmap_information_header)
_BMP_HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)


class PlainReader(Reader):
    """One plane, grey or in colour, or several of a GIF, without a pixel size."""

    suffixes = (".png", ".jpg", ".jpeg", ".bmp", ".gif")
    lossy_suffixes = (".jpg", ".jpeg")

    def recognises(self, head: bytes) -> bool:
        """Whether it is a PNG, JPEG, BMP or GIF."""
        if head.startswith(_BMP):
            return int.from_bytes(head[14:18], "little") in _BMP_HEADERS
        return head.startswith((_PNG, _JPEG, _GIF))

    def suffixes_of(self, head: bytes) -> tuple[str, ...]:
        """Those of one of the formats."""
        kinds = {_PNG: (".png",), _JPEG: (".jpg", ".jpeg"), _GIF: (".gif",), _BMP: (".bmp",)}
        return next(suffixes for begin, suffixes in kinds.items() if head.startswith(begin))

    def read(self, path: Path) -> RawImage:
        """Decode a file.

        Raises:
            ImageReadError: OpenCV cannot, or would make up pixels.
        """
        import cv2

        level = cv2.utils.logging.getLogLevel()
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        try:
            content = np.fromfile(path, np.uint8)
            data = _decode(content)
        finally:
            cv2.utils.logging.setLogLevel(level)
        lossy = content[: len(_JPEG)].tobytes() == _JPEG  # whatever its name
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


def _is_whole_jpeg(content: bytes) -> bool:
    """Whether a JPEG has its end; OpenCV makes up the pixels of one that has not."""
    return content.rfind(b"\xff\xd9") > content.rfind(b"\xff\xda")


def _decode(content: np.ndarray) -> np.ndarray | None:
    """(H, W) or (H, W, S); of animated GIFs (frames, H, W, S); None where OpenCV cannot."""
    import cv2

    if content[: len(_GIF)].tobytes() == _GIF:
        _, frames = cv2.imdecodemulti(content, cv2.IMREAD_UNCHANGED)
        if len(frames) > 1:
            return np.stack(frames)
    return cv2.imdecode(content, cv2.IMREAD_UNCHANGED)


READER = PlainReader()
