"""What a file is by its name: asked of the readers and writers that are registered.

These are functions, not constants, because another package may register at any time.
"""

from __future__ import annotations

from pathlib import Path

from nucseg_tf.io.readers.base import HEAD, Reader
from nucseg_tf.registry import READERS, WRITERS

# Label images that may lie beside the images they belong to.
LABEL_ENDINGS = ("_labels.tif", "_labels.tiff", "_masks.tif", "_masks.tiff")
CELLPOSE_ENDINGS = ("_cp_masks.png", "_cp_output.png", "_cp_flows.tif")
# Labels that are no label images, the first found wins: of Cellpose, QuPath, ImageJ, labelme, ...
NAMED_LABELS = ("_seg.npy", ".geojson", "_rois.zip", "_roiset.zip", ".zip", "_labelme.json")
# ... and again of labelme, of drawing programs and NumPy, by suffixes that files of any kind have:
# labels only where an image has their name.
GENERAL_LABELS = (".json", ".svg", ".npz", ".npy")
OTHER_LABELS = (*NAMED_LABELS, *GENERAL_LABELS)
# Our own files that have such a suffix and may lie beside images: regions, and what prelabels say.
NO_LABELS = (".regions.json", "_labels.json")


def image_suffixes() -> tuple[str, ...]:
    """Suffixes of the images that can be read, in lower case, each once."""
    return tuple(dict.fromkeys(suffix for reader in READERS for suffix in reader.suffixes))


def label_suffixes() -> tuple[str, ...]:
    """Those that label images may have: without the ones that change pixel values."""
    lossy = {suffix for reader in READERS for suffix in reader.lossy_suffixes}
    return tuple(suffix for suffix in image_suffixes() if suffix not in lossy)


def reader_for(path: Path) -> Reader | None:
    """The reader of a path: of those with its suffix the first, or the one of its content.

    A file whose name lies, a PNG called .tif, is read as what it is. None where nothing fits.
    """
    named = [reader for reader in READERS if path.suffix.lower() in reader.suffixes]
    if path.is_dir():
        return next(
            (reader for reader in READERS if reader.folders and reader.is_image(path)), None
        )
    if not path.is_file():
        return named[0] if named else None
    head = _head(path)
    fitting = (reader for reader in (*named, *READERS) if reader.recognises(head))
    return next(fitting, named[0] if named else None)


def suffixes_of_content(path: Path) -> tuple[str, ...]:
    """The suffixes that files of such a content have; none of folders and unknown contents."""
    if not path.is_file():
        return ()
    head = _head(path)
    found = (reader.suffixes_of(head) for reader in READERS if reader.recognises(head))
    return tuple(suffix for suffixes in found for suffix in suffixes)


def _head(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(HEAD)


def is_image_folder(path: Path) -> bool:
    """Whether a folder is an image, as in Zarr."""
    return path.is_dir() and reader_for(path) is not None


def written_endings() -> tuple[str, ...]:
    """Endings, in lower case, of writers whose files could be taken for images: "_overlay.png"."""
    endings, suffixes = (writer.ending.lower() for writer in WRITERS), image_suffixes()
    return tuple(ending for ending in endings if Path(f"x{ending}").suffix in suffixes)


def result_endings() -> tuple[str, ...]:
    """Endings, in lower case, of results of earlier runs that may lie beside the images."""
    return (*LABEL_ENDINGS, *CELLPOSE_ENDINGS, *written_endings())


def other_label(path: Path) -> str | None:
    """Which of `OTHER_LABELS` a file is by its name."""
    name = path.name.lower()
    if name.endswith(NO_LABELS):
        return None
    return next((ending for ending in OTHER_LABELS if name.endswith(ending)), None)
