"""Uneven illumination of a microscope, from many fields of one channel, and its correction.

What is dark in most fields, the background, is seen at every pixel once there are enough fields; so
a low quantile over the fields is offset + F(row, column) b, with F the illumination and b the light
of the background. F is taken for a Gaussian that may be off centre, elongated or a mere slope:

    log F = c0 + c1 y + c2 x + c3 y^2 + c4 y x + c5 x^2

It is fitted robustly on reduced fields. Nuclei do not pull on it, as long as a pixel is background
in one field of twenty; patterns of a smaller scale (dust, stripes of a camera) are left alone.

H rows and W columns of a field; h, w of a reduced one; K fields.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TypeVar

import cv2
import numpy as np

from nucseg_tf.errors import DataError

MAX_FIELDS = 100  # more tell little more
MIN_FIELDS = 10  # of fewer, cells would be taken for light; errors were up to 20 % of five
SIDE = 128  # px of the longer side of a reduced field, at most
QUANTILE = 0.05  # over the fields; the median is of cells where these are dense
ROUNDS, TAIL = 10, 1.5  # of reweighting; standard deviations beyond which pixels count less
MAX_FALL = 20.0  # times that the brightest place may outshine the darkest

T = TypeVar("T")


def sample(fields: Sequence[T], count: int = MAX_FIELDS) -> list[T]:
    """So many of a plate's fields at most, evenly spread over it.

    >>> sample(range(10), 4)
    [1, 3, 6, 8]
    """
    if len(fields) <= count:
        return list(fields)
    return [fields[int((number + 0.5) * len(fields) / count)] for number in range(count)]


class Light:
    """Fields of one channel, all of one size, on their way to the illumination they have in common.

    Of each, a small copy is kept.
    """

    def __init__(self) -> None:
        self._copies: list[np.ndarray] = []
        self._shape: tuple[int, ...] | None = None

    def add(self, field: np.ndarray) -> None:
        """Take in a field (H, W) of any integer or float type; DataError for another size."""
        if self._shape is not None and field.shape != self._shape:
            raise DataError(
                f"illumination: fields differ in size, {self._shape[0]} x {self._shape[1]} and "
                f"{field.shape[0]} x {field.shape[1]} px; estimate it for each size apart"
            )
        self._shape = field.shape
        self._copies.append(_reduced(field))

    def estimate(self, offset: float = 0.0) -> np.ndarray:
        """The illumination; see the function of that name."""
        if self._shape is None or len(self._copies) < MIN_FIELDS:
            raise DataError(
                f"illumination: {len(self._copies)} fields; expected {MIN_FIELDS} or more, and "
                f"better {MAX_FIELDS}; of so few it cannot be told from the cells"
            )
        dark = np.quantile(np.stack(self._copies), QUANTILE, axis=0) - offset
        if not (dark > 0).mean() > 0.5:
            raise DataError(
                "illumination: most of the background is not above the camera's offset of "
                f"{offset:g}; give a lower one"
            )
        lit = _gaussian(_fit(dark), self._shape)
        return (lit / lit.mean(dtype=np.float64)).astype(np.float32)


def estimate(fields: Iterable[np.ndarray], offset: float = 0.0) -> np.ndarray:
    """The illumination that fields of one channel have in common.

    Args:
        fields: (H, W) each, all of one size, of any integer or float type; each is let go of before
            the next is asked for, and the first `MAX_FIELDS` are looked at.
        offset: grey value of the camera without light. Where it is taken for 0 and is not, the
            illumination comes out too even, and its correction does too little.

    Returns:
        (H, W) float32, positive, with mean 1.

    Raises:
        DataError: too few fields, of several sizes, or nothing above the offset in them.
    """
    light = Light()
    for field in islice(fields, MAX_FIELDS):
        light.add(field)
    return light.estimate(offset)


def correct(pixels: np.ndarray, illumination: np.ndarray, offset: float = 0.0) -> np.ndarray:
    """A field as even illumination would have shown it.

    Args:
        pixels: (H, W) of any integer or float type.
        illumination: (H, W), from `estimate`.
        offset: grey value of the camera without light; it stays.

    Returns:
        (H, W) float32.

    Raises:
        DataError: the sizes differ.
    """
    if pixels.shape != illumination.shape:
        raise DataError(
            f"illumination: is of {illumination.shape[0]} x {illumination.shape[1]} px, and the "
            f"field of {pixels.shape[0]} x {pixels.shape[1]}"
        )
    light = pixels.astype(np.float32)
    light -= np.float32(offset)
    light /= illumination
    light += np.float32(offset)
    return light


def _reduced(field: np.ndarray) -> np.ndarray:
    """(h, w) float32: means of the areas, so that noise is small beside the light."""
    scale = min(1.0, SIDE / max(field.shape))
    height, width = (max(1, round(side * scale)) for side in field.shape)
    return cv2.resize(field.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)


def _fit(dark: np.ndarray) -> np.ndarray:
    """(6,) coefficients of log F for a map (h, w), by iteratively reweighted least squares."""
    use = dark > 0
    terms, values = _terms(dark.shape)[use], np.log(dark[use])
    weights = np.ones(len(values))
    for _ in range(ROUNDS):
        root = np.sqrt(weights)
        found = np.linalg.lstsq(terms * root[:, np.newaxis], values * root, rcond=None)[0]
        rest = np.abs(values - terms @ found)
        limit = TAIL * 1.4826 * np.median(rest)  # of a normal distribution
        weights = limit / np.maximum(rest, limit) if limit > 0 else np.ones(len(values))
    return found


def _gaussian(found: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """F over a field (H, W), float32; no darker than 1 / `MAX_FALL` of its brightest place."""
    log = np.zeros(shape, np.float32)
    for coefficient, term in zip(found, np.moveaxis(_terms(shape), -1, 0), strict=True):
        log += np.float32(coefficient) * term
    return np.exp(np.maximum(log - log.max(), -np.log(np.float32(MAX_FALL))))


def _terms(shape: tuple[int, ...]) -> np.ndarray:
    """(h, w, 6) float32: 1, y, x, y^2, yx, x^2, of coordinates from -1 to 1 at pixel centres."""
    y, x = ((2 * np.arange(n, dtype=np.float32) + 1) / n - 1 for n in shape)
    rows, columns = np.meshgrid(y, x, indexing="ij")
    ones = np.ones_like(rows)
    return np.stack([ones, rows, columns, rows**2, rows * columns, columns**2], axis=-1)
