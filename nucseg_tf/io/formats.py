"""What a file is by its name: asked of the readers and writers that are registered.

These are functions, not constants, because another package may register at any time.
"""

from __future__ import annotations

from pathlib import Path

from nucseg_tf.io.readers.base import Reader
from nucseg_tf.registry import READERS, WRITERS

# Label images that may lie beside the images they belong to.
LABEL_ENDINGS = ("_labels.tif", "_labels.tiff", "_masks.tif", "_masks.tiff")


def image_suffixes() -> tuple[str, ...]:
    """Suffixes of the images that can be read, in lower case, each once."""
    return tuple(dict.fromkeys(suffix for reader in READERS for suffix in reader.suffixes))


def label_suffixes() -> tuple[str, ...]:
    """Those that label images may have: without the ones that change pixel values."""
    lossy = {suffix for reader in READERS for suffix in reader.lossy_suffixes}
    return tuple(suffix for suffix in image_suffixes() if suffix not in lossy)


def reader_for(path: Path) -> Reader | None:
    """The first reader that has the suffix of a path, or None."""
    return next((reader for reader in READERS if path.suffix.lower() in reader.suffixes), None)


def written_endings() -> tuple[str, ...]:
    """Endings, in lower case, of writers whose files could be taken for images: "_overlay.png"."""
    endings, suffixes = (writer.ending.lower() for writer in WRITERS), image_suffixes()
    return tuple(ending for ending in endings if Path(f"x{ending}").suffix in suffixes)


def result_endings() -> tuple[str, ...]:
    """Endings, in lower case, of results of earlier runs that may lie beside the images."""
    return (*LABEL_ENDINGS, *written_endings())
