"""How far two results differ. H rows, W columns, N nuclei."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from nucseg_tf.evaluation.matching import overlap_table
from nucseg_tf.io.labels import read_labels

from .rows import Row

MUCH = 0.9  # IoU below which two outlines of a nucleus differ much
RECORDS = ("run.json",)  # of results that say when they were made


@dataclass
class Count:
    """Sums over images.

    Attributes:
        images, nuclei: compared; nuclei of the first result.
        found: nuclei of the second.
        other_images: whose labels are not equal, but for their numbers.
        other: nuclei without an equal one.
        much: nuclei without one of IoU `MUCH`.
    """

    images: int = 0
    nuclei: int = 0
    found: int = 0
    other_images: int = 0
    other: int = 0
    much: int = 0

    def add(self, one: np.ndarray, two: np.ndarray) -> None:
        """Compare labels (H, W), in both directions."""
        worse = [_unequal(*pair) for pair in ((one, two), (two, one))]
        self.images += 1
        self.nuclei += len(np.unique(one[one > 0]))
        self.found += len(np.unique(two[two > 0]))
        self.other_images += bool(any(other for other, _ in worse))
        self.other += max(other for other, _ in worse)
        self.much += max(much for _, much in worse)

    def row(self, varied: str, largest: str = "") -> Row:
        """What the page says of it."""
        compared = f"{self.images} images, {self.nuclei} nuclei"
        if not self.other:
            return Row(varied, compared, largest=largest)
        share = 100 * self.other / max(self.nuclei, 1)
        differ = (
            f"{self.other_images} images; {self.other} nuclei ({share:.1f} %), "
            f"{self.much} of them below IoU {MUCH}"
        )
        if self.found != self.nuclei:
            differ += f"; {self.found} nuclei"
        return Row(varied, compared, differ, largest or "see left")


def _unequal(one: np.ndarray, two: np.ndarray) -> tuple[int, int]:
    """Nuclei of the first without an equal one, and without one of IoU `MUCH`, in the second."""
    table = overlap_table(one, two)
    best = np.zeros(len(table.truth_labels))
    np.maximum.at(best, table.truth_index, table.iou)
    return int((best < 1).sum()), int((best < MUCH).sum())


def compare_labels(
    one: Path, two: Path, varied: str, stems: Sequence[str], largest: str = ""
) -> Row:
    """Label images STEM_labels.tif of two folders of results."""
    count = Count()
    for stem in stems:
        count.add(*(read_labels(folder / f"{stem}_labels.tif") for folder in (one, two)))
    return count.row(varied, largest)


def compare_files(one: Path, two: Path, varied: str, what: str = "files") -> Row:
    """All files of two folders, byte for byte, but for `RECORDS`."""
    names = [
        {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
        for folder in (one, two)
    ]
    both = sorted(name for name in names[0] | names[1] if Path(name).name not in RECORDS)
    differ = [name for name in both if not _same_bytes(one / name, two / name)]
    shown = f"{len(differ)}: {', '.join(differ[:3])}" if differ else "none"
    return Row(varied, f"{len(both)} {what}, byte for byte", shown, "bytes" if differ else "")


def _same_bytes(one: Path, two: Path) -> bool:
    return one.is_file() and two.is_file() and one.read_bytes() == two.read_bytes()


def compare_arrays(one: Path, two: Path, varied: str, unit: str = "arrays") -> Row:
    """All arrays of two HDF5 files; the largest difference is that of any number in them."""
    first, second = _arrays(one), _arrays(two)
    if first.keys() != second.keys():
        return Row(varied, f"{len(first)} {unit}", "other names", "")
    gaps = {name: _gap(first[name], second[name]) for name in first}
    differ = [name for name, gap in gaps.items() if gap]
    if not differ:
        return Row(varied, f"{len(first)} {unit}")
    return Row(varied, f"{len(first)} {unit}", f"{len(differ)} {unit}", f"{max(gaps.values()):.2g}")


def join(varied: str, rows: Iterable[Row]) -> Row:
    """Several comparisons of one variation as one row."""
    rows = list(rows)
    differ = [row.differ for row in rows if row.differ != "none"]
    largest = [row.largest for row in rows if row.largest]
    compared = "; ".join(row.compared for row in rows)
    return Row(varied, compared, "; ".join(differ) or "none", "; ".join(largest))


def _gap(one: np.ndarray, two: np.ndarray) -> float:
    if one.shape != two.shape:
        return float("inf")
    return float(np.abs(one.astype(float) - two.astype(float)).max(initial=0))


def _arrays(path: Path) -> dict[str, np.ndarray]:
    found = {}
    with h5py.File(path) as file:

        def note(name: str, item: object) -> None:
            if isinstance(item, h5py.Dataset):
                found[name] = item[()]

        file.visititems(note)
    return found
