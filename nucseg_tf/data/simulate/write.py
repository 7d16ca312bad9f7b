"""Folders of fields: DIR/images/LINE/STEM.tif and DIR/masks/LINE/STEM.tif, whole or not at all.

A file's description says what it was drawn from. So the same command goes on after an
interruption, and fields of other settings are not overwritten.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from nucseg_tf import __version__
from nucseg_tf.data.simulate.cell_lines import CellLine
from nucseg_tf.data.simulate.field import check_seed, check_shape, simulate_field
from nucseg_tf.errors import DataError, UsageError
from nucseg_tf.io.files import atomic_path, ensure_folder
from nucseg_tf.io.labels import write_labels


def write_fields(
    out: Path,
    lines: Sequence[CellLine],
    count: int,
    seed: int = 0,
    shape: tuple[int, int] | None = None,
    progress: Callable[[int, int, str], bool] = lambda done, total, name: True,
) -> int:
    """Draw fields and write them as a data set with a group for each cell line.

    Args:
        out: folder for images/ and masks/; fields in it that are the same are kept.
        lines: cell lines.
        count: fields of each.
        seed: see `simulate_field`.
        shape: (H, W) in px; that of the paper's fields if None.
        progress: called after each field with those done, all, and its name; says whether to go on.

    Returns:
        How many fields are done; fewer than all if `progress` said to stop.

    Raises:
        UsageError: `count`, `seed` or `shape` is out of range.
        DataError: a file of that name is another field.
        OutputError: nothing can be written there.
    """
    if count < 1:
        raise UsageError(f"--fields: expected 1 or more. Received: {count}")
    check_seed(seed)
    for line in lines:
        check_shape(shape or line.shape)
    todo = [(line, index) for line in lines for index in range(1, count + 1)]
    for done, (line, index) in enumerate(todo, start=1):
        stem = f"{line.name}_seed{seed}_{index:04d}"
        image_file, mask_file = (
            ensure_folder(out / kind / line.name) / f"{stem}.tif" for kind in ("images", "masks")
        )
        made_of = describe(line, index, seed, shape or line.shape)
        if not is_there(image_file, made_of, mask_file):
            image, labels = simulate_field(line, index, seed, shape)
            write_labels(mask_file, labels, line.pixel_size)
            write_image(image_file, image, line.pixel_size, made_of)  # last: it says all is there
        if not progress(done, len(todo), stem):
            return done
    return len(todo)


def describe(line: CellLine, index: int, seed: int, shape: tuple[int, int], **more: int) -> str:
    """What a file was drawn from, for its description."""
    content = {"cell line": line.name, "seed": seed, "field": index, "size": list(shape), **more}
    return json.dumps({"synthetic": f"nucseg simulate {__version__}", **content})


def is_there(image: Path, made_of: str, *others: Path) -> bool:
    """Whether a field is written already.

    Args:
        image: its image, which is written last.
        made_of: what it would be drawn from.
        others: what belongs to it.

    Raises:
        DataError: the image is another one.
    """
    if not image.exists():
        return False
    if _description(image) != made_of:
        raise DataError(
            f"{image}: is another field, of other settings or another version. "
            "Remove it, or choose another --out."
        )
    return all(other.exists() for other in others)


def _description(path: Path) -> str | None:
    import tifffile

    try:
        with tifffile.TiffFile(path) as tiff:
            text = tiff.pages.first.description
            return (
                ElementTree.fromstring(text).findtext(".//{*}Description") if tiff.is_ome else text
            )
    except Exception:  # damaged, so not ours; decoders raise what they like
        return None


def write_image(
    path: Path, image: np.ndarray, pixel_size: float, description: str | None = None
) -> None:
    """Write an image (H, W) as TIFF, with its pixel size in µm and what is said of it."""
    import tifffile

    with atomic_path(path) as temporary:
        tifffile.imwrite(
            temporary,
            image,
            photometric="minisblack",
            compression="zlib",  # without a predictor, which ImageJ does not undo
            resolution=(1e4 / pixel_size,) * 2,
            resolutionunit="CENTIMETER",
            description=description,
            metadata=None,
        )
