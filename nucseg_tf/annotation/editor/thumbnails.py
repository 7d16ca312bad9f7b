"""Small pictures of the fields, for the list.

Each is made when a page first asks for it, and kept in memory and below DIR/annotation/.thumbnails,
under a name made from all that it depends on: so what is kept never is of another image.
"""

from __future__ import annotations

import hashlib
import logging
from collections import OrderedDict
from pathlib import Path

import numpy as np

from nucseg_tf.annotation.editor.planes import PlaneChoice, read_plane
from nucseg_tf.errors import ImageReadError, OutputError
from nucseg_tf.imaging.normalise import percentiles
from nucseg_tf.io.files import atomic_path, ensure_folder
from nucseg_tf.io.pictures import DISPLAY_PERCENTILES

LOG = logging.getLogger(__name__)
SIDE = 96  # px of the longer side; shown at half of that on a screen of two pixels a point
QUALITY = 80  # of the JPEG
KEEP = 2000  # in memory, some 3 kB each
FOLDER = ".thumbnails"


class Thumbnails:
    """Those of a project. For one thread at a time."""

    def __init__(self, annotation: Path):
        """Begin with none in memory.

        Args:
            annotation: folder DIR/annotation.
        """
        self._folder = annotation / FOLDER
        self._known: OrderedDict[str, bytes] = OrderedDict()

    def get(self, image: Path, choice: PlaneChoice) -> bytes:
        """The JPEG of an image.

        Args:
            image: its file.
            choice: of its plane.

        Raises:
            ImageReadError: it cannot be read.
        """
        name = _name(image, choice)
        content = self._known.pop(name, None) or self._on_disk(name)
        if content is None:
            content = draw(read_plane(image, choice).pixels)
            self._keep(name, content)
        self._known[name] = content
        while len(self._known) > KEEP:
            self._known.popitem(last=False)
        return content

    def _on_disk(self, name: str) -> bytes | None:
        try:
            return (self._folder / name).read_bytes()
        except OSError:
            return None

    def _keep(self, name: str, content: bytes) -> None:
        try:
            ensure_folder(self._folder)
            with atomic_path(self._folder / name) as temporary:
                temporary.write_bytes(content)
        except OutputError as error:  # it is made anew next time
            LOG.warning("%s", error)


def _name(image: Path, choice: PlaneChoice) -> str:
    try:
        stat = image.stat()
    except OSError as error:
        raise ImageReadError(f"{image}: cannot be read: {error.strerror}") from error
    parts = (str(image), stat.st_mtime_ns, stat.st_size, choice, SIDE)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:40] + ".jpg"


def draw(pixels: np.ndarray) -> bytes:
    """A small JPEG of an image, stretched between DISPLAY_PERCENTILES.

    Args:
        pixels: (H, W) of any integer or float type.
    """
    import cv2

    height, width = pixels.shape
    scale = min(1.0, SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    finite = np.nan_to_num(pixels, posinf=0, neginf=0) if pixels.dtype.kind == "f" else pixels
    kind = pixels.dtype if pixels.dtype in (np.uint8, np.uint16) else np.float32
    small = cv2.resize(np.ascontiguousarray(finite, kind), size, interpolation=cv2.INTER_AREA)
    low, high = percentiles(small, DISPLAY_PERCENTILES)
    part = (small.astype(np.float32) - low) / max(high - low, np.finfo(np.float32).tiny)
    grey = (part.clip(0, 1) * 255).astype(np.uint8)
    return cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()
