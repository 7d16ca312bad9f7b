"""The intensities of nuclei, and of rings around them, in one channel.

H rows, W columns, N nuclei, P pixels of all nuclei, or of all rings.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nucseg_tf.inference.measure.label_runs import LabelRuns

OF_NUCLEI = ("mean", "sum", "std", "min", "max", "median")
OF_RINGS = ("background", "ring_mean")


@dataclass(frozen=True)
class Pixels:
    """The pixels of each label of a label image (H, W), one label after another.

    Attributes:
        place: (P,) int64, in the flat image.
        label: (N,) ascending.
        first: (N,) index of the first pixel of each label.
        count: (N,) how many there are, 1 or more.
    """

    place: np.ndarray
    label: np.ndarray
    first: np.ndarray
    count: np.ndarray

    @classmethod
    def of(cls, runs: LabelRuns, width: int) -> Pixels:
        """The pixels of runs of an image W wide."""
        count = runs.area
        return cls(runs.places(width), runs.label, np.cumsum(count) - count, count)

    def values(self, image: np.ndarray) -> np.ndarray:
        """Their intensities in an image (H, W), (P,), in a type that NumPy sorts fast."""
        found = np.take(image.ravel(), self.place)
        return found.astype(np.promote_types(found.dtype, np.int16), copy=False)

    def total(self, values: np.ndarray) -> np.ndarray:
        """Sum of the values of each label, (P,) -> (N,) float64."""
        return np.add.reduceat(values, self.first, dtype=np.float64)

    def sort(self, values: np.ndarray) -> None:
        """Sort the values (P,) of each label, in place."""
        for first, end in zip(self.first.tolist(), (self.first + self.count).tolist(), strict=True):
            values[first:end].sort()

    def median(self, ordered: np.ndarray) -> np.ndarray:
        """Median of the sorted values of each label, (P,) -> (N,) float64."""
        low = ordered[self.first + (self.count - 1) // 2].astype(np.float64)
        high = ordered[self.first + self.count // 2].astype(np.float64)
        return low + (high - low) / 2


def of_nuclei(image: np.ndarray, pixels: Pixels) -> dict[str, np.ndarray]:
    """What `OF_NUCLEI` names, (N,) float64 each; the standard deviation is that of all pixels.

    Args:
        image: (H, W), of any real type, finite.
        pixels: of its nuclei.
    """
    values = pixels.values(image)
    total = pixels.total(values)
    mean = total / pixels.count
    variance = pixels.total((values - np.repeat(mean, pixels.count)) ** 2) / pixels.count
    pixels.sort(values)
    return {
        "mean": mean,
        "sum": total,
        "std": np.sqrt(variance),
        "min": values[pixels.first].astype(np.float64),
        "max": values[pixels.first + pixels.count - 1].astype(np.float64),
        "median": pixels.median(values),
    }


def of_rings(image: np.ndarray, rings: Pixels, nuclei: np.ndarray) -> dict[str, np.ndarray]:
    """What `OF_RINGS` names: median and mean of the ring of each nucleus, NaN where it is empty.

    Args:
        image: (H, W), of any real type, finite.
        rings: pixels of rings, with the labels of their nuclei, and perhaps of others.
        nuclei: (N,) labels, ascending.

    Returns:
        (N,) float64 each.
    """
    values = rings.values(image)
    mean = rings.total(values) / rings.count
    rings.sort(values)
    return {
        "background": assign(rings.median(values), rings.label, nuclei, np.nan),
        "ring_mean": assign(mean, rings.label, nuclei, np.nan),
    }


def assign(values: np.ndarray, label: np.ndarray, nuclei: np.ndarray, other: float) -> np.ndarray:
    """The values (M,) of labels (M,) for the nuclei (N,), both ascending; others get another.

    >>> assign(np.array([5.0, 6.0]), np.array([2, 9]), np.array([1, 2, 4]), 0).tolist()
    [0.0, 5.0, 0.0]
    """
    _, mine, theirs = np.intersect1d(nuclei, label, assume_unique=True, return_indices=True)
    out = np.full(len(nuclei), other, values.dtype)
    out[mine] = values[theirs]
    return out
