"""What a writer of results is."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from nucseg_tf.io.tables import Table
from nucseg_tf.types import Image, Instances


class Writer(Protocol):
    """Writes one file about the nuclei of an image.

    Its name in `registry.WRITERS` is its flag on the command line: `nucseg predict --NAME`.

    Attributes:
        ending: what follows the image's stem in the name of its file, such as "_overlay.png".
        help: what the flag does, in one line.
    """

    ending: str
    help: str

    def write(self, path: Path, image: Image, found: Instances, table: Table) -> None:
        """Write the file whole, or not at all.

        Args:
            path: of the file.
            image: as read.
            found: N nuclei.
            table: their N rows of objects.csv.

        Raises:
            OutputError: it cannot be written.
        """
