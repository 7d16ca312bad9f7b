"""Where the labels and masks of a field lie in a data set."""

from __future__ import annotations

from pathlib import Path

from nucseg_tf.annotation.exchange.sidecar import ExportedField
from nucseg_tf.data.layouts import MASK_ENDINGS
from nucseg_tf.errors import DataError
from nucseg_tf.io.formats import label_suffixes
from nucseg_tf.io.images import images_in
from nucseg_tf.io.names import stem_of


def find_labels(folder: Path, group: str, stem: str, chosen: Path | None) -> Path | None:
    """The labels of a field: of --labels, else its mask, else its prelabels."""
    flat = [] if (folder / "images").is_dir() else [folder]
    usual = [folder / "masks" / group, *flat, folder / "prelabels" / group]
    for place in [chosen / group] if chosen else usual:
        found = [path for path in paired(place, stem) if path.is_file()]
        if place == folder:  # where the image itself lies, too
            found = [path for path in found if path.stem != stem]
        if len(found) > 1:
            raise DataError(f"{found[0]}: {found[1].name} is of the same field; remove one of them")
        if found:
            return found[0]
    return None


def mask_of(folder: Path, entry: ExportedField) -> Path:
    """Where training finds the mask of a field."""
    if _is_flat(folder, entry):
        return folder / f"{entry.stem}_masks.tif"
    return folder / "masks" / entry.group / f"{entry.stem}.tif"


def _is_flat(folder: Path, entry: ExportedField) -> bool:
    """Whether the image of a field lies in the folder itself."""
    if entry.group or not folder.is_dir() or (folder / "images").is_dir():
        return False
    return any(stem_of(path) == entry.stem for path in images_in(folder))


def masks_of(folder: Path, entry: ExportedField) -> list[Path]:
    """The masks that a field has."""
    flat = _is_flat(folder, entry)  # there STEM.tif is the image
    found = paired(mask_of(folder, entry).parent, entry.stem)
    return [path for path in found if path.exists() and not (flat and path.stem == entry.stem)]


def paired(folder: Path, stem: str) -> list[Path]:
    """All files that could be the labels of a field."""
    endings = [f"{end}{suffix}" for end in ("", *MASK_ENDINGS) for suffix in label_suffixes()]
    return [folder / f"{stem}{ending}" for ending in endings]
