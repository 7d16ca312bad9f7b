"""Thousands of small fields, each another one, with their true labels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tifffile

from nucseg_tf.data.simulate import find_cell_lines, simulate_field
from nucseg_tf.io.labels import write_labels

LARGE = (768, 768)  # px, of the fields that small ones are cut from
SIDES = (96, 129)  # px, from and up to which sides are drawn
MANY = 16  # large fields


def small_fields(
    count: int, seed: int = 0, sides: tuple[int, int] = SIDES
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Images (H, W) and labels (H, W) int32, cut out of simulated fields at random places."""
    (line,) = find_cell_lines("HCT116")
    large = [simulate_field(line, number, seed, LARGE) for number in range(1, MANY + 1)]
    rng = np.random.default_rng(seed)
    for _ in range(count):
        image, labels = large[rng.integers(MANY)]
        height, width = rng.integers(*sides, 2)
        top, left = rng.integers(LARGE[0] - height), rng.integers(LARGE[1] - width)
        part = (slice(top, top + height), slice(left, left + width))
        yield image[part], _numbered(labels[part])


def _numbered(labels: np.ndarray) -> np.ndarray:
    """The same nuclei as 1, 2, ..."""
    present = np.append(0, np.unique(labels[labels > 0]))
    return np.searchsorted(present, labels).astype(np.int32)


def write_small(
    folder: Path, count: int, masks: bool = False, sides: tuple[int, int] = SIDES
) -> Path:
    """Write FOLDER/images/00000.tif, ..., if there are fewer; with masks/ if they are asked for."""
    images, labels = folder / "images", folder / "masks"
    if images.is_dir() and sum(1 for _ in images.iterdir()) == count:
        return images
    for place in (images, labels)[: 1 + masks]:
        place.mkdir(parents=True, exist_ok=True)
    for number, (image, found) in enumerate(small_fields(count, sides=sides)):
        tifffile.imwrite(images / f"{number:05d}.tif", image)
        if masks:
            write_labels(labels / f"{number:05d}.tif", found)
    return images


def write_project(folder: Path, count: int) -> Path:
    """A project of `nucseg annotate`: images and labels to begin from."""
    if not folder.is_dir():
        write_small(folder, count, masks=True)
        prelabels = (folder / "masks").rename(folder / "prelabels")
        for file in sorted(prelabels.iterdir()):
            file.rename(file.with_name(f"{file.stem}_labels.tif"))
    return folder
