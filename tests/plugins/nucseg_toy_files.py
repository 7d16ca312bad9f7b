"""A reader and a writer in a package of their own: arrays in, centres of nuclei out."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nucseg_tf.io.files import atomic_path
from nucseg_tf.io.readers.base import RawImage, Reader
from nucseg_tf.io.tables import Table
from nucseg_tf.types import Image, Instances


class Arrays(Reader):
    """Reads NumPy's own files."""

    suffixes = (".npy",)

    def recognises(self, head: bytes) -> bool:
        return head.startswith(b"\x93NUMPY")

    def read(self, path: Path) -> RawImage:
        return RawImage(np.load(path, allow_pickle=False), "YX")


class Centres:
    """Writes a line a nucleus: row and column of its centre, px."""

    ending = "_centres.csv"
    help = "also write STEM_centres.csv"

    def write(self, path: Path, image: Image, found: Instances, table: Table) -> None:
        lines = []
        for label in range(1, found.labels.max(initial=0) + 1):
            rows, columns = np.nonzero(found.labels == label)
            lines.append(f"{rows.mean():.1f},{columns.mean():.1f}\n")
        with atomic_path(path) as temporary:
            temporary.write_text("row,column\n" + "".join(lines))


READER, WRITER = Arrays(), Centres()
