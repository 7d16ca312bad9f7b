"""How good a field of view is: numbers that tell fields worth trusting from those to look at.

H rows, W columns; h, w of the reduced copy, in which a nucleus is about `FINE` px wide. A field is
gone through in strips, so that it may be of any size. What the numbers mean, and what speaks for
the thresholds of `inference.fields`, stands in docs/plate-report.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from nucseg_tf.imaging.scratch import strips
from nucseg_tf.imaging.shrink import shrink
from nucseg_tf.io.tables import Table

FINE = 20  # px, least diameter of nuclei in the reduced copy: finer shows noise, coarser no blur
SOFT = 0.05  # diameters: so soft (sigma) are the edges that an image's are compared with
WITHOUT = 4  # step of the reduced copy of a field without nuclei
SIDE = 16  # blocks along the longer side, of which the background is made
BLOCK = 0.25  # share of a block that must be background
REACH = 4  # diameters, of the background around a speck
BRIGHT = 0.5  # of the nuclei's contrast, from which on a speck is one
UNSURE = 0.3  # scores below it are doubtful
ODD = 4.0  # times larger or smaller than the typical area is doubtful
CEILINGS = tuple(2**bits - 1 for bits in (8, 10, 12, 14, 15, 16))
PILED = 10  # pixels at least that share the highest value where it is none of CEILINGS

Numbers = dict[str, float | None]


def measure_quality(pixels: np.ndarray, labels: np.ndarray, table: Table) -> Numbers:
    """Numbers of one field; None where there is nothing to tell it from.

    Args:
        pixels: (H, W) of any real dtype, finite; may lie in a file.
        labels: (H, W) integers, 0 background.
        table: a row a nucleus, with `area_px`, `score` and `touches_edge`.

    Returns:
        `focus`: how steep the nuclei's edges are: about 1 where sharp, 0 where all is blurred;
        `saturated`: share of the pixels at the ceiling of the camera, or of the data;
        `uneven`: what the background changes by over the field, in contrasts of the nuclei;
        `debris`: share of the bright objects that are specks or doubtful nuclei;
        `covered`: share of the pixels in nuclei; `median_area_px`.
    """
    areas = np.asarray(table["area_px"], float)
    typical = _typical(areas) if len(areas) else None
    diameter = 2 * np.sqrt(typical / np.pi) if typical else FINE * WITHOUT
    sums = _Sums(diameter, pixels.shape)
    for part in _reduced(pixels, labels, max(1, int(diameter / FINE))):
        sums.add(part)
    return {
        "focus": _rounded(sums.focus),
        "saturated": _rounded(_saturated(pixels)),
        "uneven": _rounded(sums.uneven),
        "debris": _rounded(_debris(sums.specks, table, areas, typical)),
        "covered": _rounded(areas.sum() / max(1, pixels.size)),
        "median_area_px": float(np.median(areas)) if len(areas) else None,
    }


def of_stack(planes: Sequence[Numbers]) -> Numbers:
    """Numbers of a stack: the medians of its planes, one at least, but the highest focus.

    Above and below the nuclei, planes are out of focus for a good reason.
    """
    found: Numbers = {}
    for name in planes[0]:
        values = [value for plane in planes if (value := plane[name]) is not None]
        best = max if name == "focus" else np.median
        found[name] = _rounded(best(values)) if values else None
    return found


@dataclass(frozen=True)
class _Part:
    """A strip of the reduced copy.

    Attributes:
        pixels: (h, w) float32.
        mask: (h, w) float32, share of each pixel in nuclei.
        top: its first row.
        step: px of the image along a side of one of its pixels.
    """

    pixels: np.ndarray
    mask: np.ndarray
    top: int
    step: int


def _reduced(pixels: np.ndarray, labels: np.ndarray, step: int) -> Iterator[_Part]:
    """The strips of a field, reduced by area."""
    top = 0
    for part, numbers in zip(strips(pixels), strips(labels), strict=True):
        grey = shrink(part, step).astype(np.float32)
        inside = shrink((numbers > 0).view(np.uint8) * np.uint8(255), step)
        if min(grey.shape) > 2:
            yield _Part(grey, inside * np.float32(1 / 255), top, step)
        top += len(grey)


@dataclass
class _Sums:
    """What the strips of a field add up to.

    Attributes:
        diameter: of a nucleus, px of the image.
        shape: (H, W).
    """

    diameter: float
    shape: tuple[int, ...]
    specks: int = 0
    _inside: list[float] = field(default_factory=lambda: [0.0, 0.0])  # sum, number of pixels
    _outside: list[float] = field(default_factory=lambda: [0.0, 0.0])
    _steep: list[float] = field(default_factory=lambda: [0.0, 0.0])
    _blocks: list[np.ndarray] = field(default_factory=list)  # each (3, b): row, column, grey

    def add(self, part: _Part) -> None:
        """Take in a strip."""
        diameter = self.diameter / part.step
        away = cv2.blur(part.mask, (5, 5)) == 0
        core = part.mask > 0.999
        inside, outside = (_total(part.pixels, where) for where in (core, away))
        for sums, values in ((self._inside, inside), (self._outside, outside)):
            sums[0], sums[1] = sums[0] + values[0], sums[1] + values[1]
        free = away.astype(np.float32)
        self._blocks.append(self._background(part, free))
        if inside[1] and outside[1]:
            shares = _edges(part, diameter)
            self._steep = [a + b for a, b in zip(self._steep, shares, strict=True)]
            contrast = inside[0] / inside[1] - outside[0] / outside[1]
            self.specks += _count_specks(part.pixels, free, contrast, diameter)

    @property
    def contrast(self) -> float | None:
        """Grey of the nuclei less that of the background; None where one is missing."""
        if not (self._inside[1] and self._outside[1]):
            return None
        found = self._inside[0] / self._inside[1] - self._outside[0] / self._outside[1]
        return found if found > 0 else None

    @property
    def focus(self) -> float | None:
        """The slope of the image's edges over that of soft edges of the same contrast."""
        with_edges, soft = self._steep
        return with_edges / soft / self.contrast if self.contrast and soft else None

    @property
    def uneven(self) -> float | None:
        """The range of a quadratic surface through the background, in contrasts."""
        if self.contrast is None:
            return None
        rows, columns, grey = np.concatenate(self._blocks, axis=1)
        if len(grey) < 12:  # twice as many as the surface has terms
            return None
        ones = np.ones_like(rows)
        terms = np.stack([ones, rows, columns, rows**2, rows * columns, columns**2], axis=1)
        surface = terms @ np.linalg.lstsq(terms, grey, rcond=None)[0]
        return float(np.ptp(surface)) / self.contrast

    def _background(self, part: _Part, free: np.ndarray) -> np.ndarray:
        """(3, b) of the blocks of a strip: place, from -1 to 1 in the image, and mean grey."""
        height, width = free.shape
        side = max(1.0, max(self.shape) / part.step / SIDE)
        size = (max(1, round(width / side)), max(1, round(height / side)))
        share, light = (
            cv2.resize(each, size, interpolation=cv2.INTER_AREA)
            for each in (free, free * part.pixels)
        )
        rows, columns = np.nonzero(share > BLOCK)
        down = (part.top + (rows + 0.5) * height / size[1]) * part.step / self.shape[0]
        across = (columns + 0.5) / size[0]
        grey = light[rows, columns] / share[rows, columns]
        return np.stack([2 * down - 1, 2 * across - 1, grey]).astype(float)


def _total(pixels: np.ndarray, where: np.ndarray) -> tuple[float, int]:
    """Sum of some pixels, and how many there are."""
    count = int(np.count_nonzero(where))
    return cv2.mean(pixels, where.view(np.uint8))[0] * count, count


def _edges(part: _Part, diameter: float) -> tuple[float, float]:
    """Sums over all pixels: slopes of the image along those of the soft mask; these squared.

    Their ratio is the slope of a line through (slope of the mask, slope of the image). Noise has no
    direction, so it adds nothing.
    """
    soft = cv2.GaussianBlur(part.mask, (0, 0), SOFT * diameter)
    along = below = 0.0
    for axis in ((1, 0), (0, 1)):
        image, mask = (cv2.Sobel(each, cv2.CV_32F, *axis) for each in (part.pixels, soft))
        along += float(np.vdot(image, mask))
        below += float(np.vdot(mask, mask))
    return along, below


def _count_specks(grey: np.ndarray, free: np.ndarray, contrast: float, diameter: float) -> int:
    """Bright spots away from nuclei, smaller than these, above the background around them."""
    side = (int(REACH * diameter) | 1,) * 2
    around = cv2.blur(grey * free, side) / np.maximum(cv2.blur(free, side), 1e-6)
    spots = ((grey - around > BRIGHT * contrast) & (free > 0)).astype(np.uint8)
    if contrast <= 0 or not spots.any():
        return 0
    _, _, found, _ = cv2.connectedComponentsWithStats(spots, connectivity=8)
    areas = found[1:, cv2.CC_STAT_AREA]
    return int(np.count_nonzero((areas > 1) & (areas < np.pi / 4 * diameter**2)))


def _typical(areas: np.ndarray) -> float:
    """The area below which half of all pixels in nuclei lie: many specks do not change it much."""
    ordered = np.sort(areas)
    total = np.cumsum(ordered)
    return float(ordered[np.searchsorted(total, total[-1] / 2)])


def _debris(specks: int, table: Table, areas: np.ndarray, typical: float | None) -> float | None:
    """Share of the objects; specks are found only beside nuclei."""
    if typical is None:
        return None
    whole = ~np.asarray(table["touches_edge"], bool)  # what the edge cuts is small for a reason
    odd = (areas > ODD * typical) | ((areas < typical / ODD) & whole)
    doubtful = np.count_nonzero(odd | (np.asarray(table["score"], float) < UNSURE))
    return (specks + doubtful) / (specks + len(areas))


def _saturated(pixels: np.ndarray) -> float:
    """Share of the pixels at the highest value, if that is a ceiling."""
    ends = [(strip.min(), strip.max()) for strip in strips(pixels) if strip.size]
    if not ends:
        return 0.0
    low, top = float(min(low for low, _ in ends)), float(max(top for _, top in ends))
    if top <= low:
        return 0.0
    below = top - max((top - low) / 100, 2.0 if pixels.dtype.kind in "iu" else 0.0)
    high = near = 0
    for strip in strips(pixels):
        high += int(np.count_nonzero(strip == top))
        near += int(np.count_nonzero(strip >= below))
    piled = high >= PILED and high > near - high  # more than come near it
    is_ceiling = pixels.dtype.kind in "iu" and int(top) in CEILINGS
    return high / pixels.size if is_ceiling or piled else 0.0


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 4)
