"""Where a field is nucleus: background, typical diameter, and a threshold for each pixel.

Nuclei of one field differ in brightness. So the background is a smooth surface through the pixels
away from nuclei, and `local` compares a pixel with the nuclei around it, not with one value for the
whole field. All lengths follow from the typical diameter of the nuclei.

Letters: H rows, W columns. Grey values are float32, background 0 once it is subtracted. Constants
without a source were chosen on training fields of the 2018 Data Science Bowl.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import cv2
import numpy as np
from skimage.filters import threshold_otsu

LOG = logging.getLogger(__name__)
THRESHOLDS = ("local", "otsu")
SMOOTHING = 1.0  # px, before anything is known of the nuclei
FINE_SMOOTHING = (0.03, 0.5, 2.5)  # of the diameter; least and most, px
BACKGROUND_REACH = 3.0  # diameters; farther than a nucleus, nearer than the illumination changes
COARSE = 6.0  # px, least standard deviation of a blur on a coarser grid than the image's
NEIGHBOURHOOD = 0.5  # diameters, in which `local` averages the nuclei
LOCAL_LEVEL = 0.6  # of that average; where a nucleus ends
LOCAL_FLOOR = 0.8  # of Otsu's threshold on roots; nothing below is part of a nucleus
UNKNOWN_DIAMETER = 10.0  # px, of a field in which nothing is found
DARK_NUCLEI = 0.6  # where more than this share of a field is bright, nuclei may be the dark part
NOISE_RATIO = 4.0  # Gaussian noise cut in two by Otsu has 2.7, drawn nuclei have 10 and more
NOISE_LEVELS = 6.0  # standard deviations above the background that noise does not reach


@dataclass(frozen=True)
class Prepared:
    """A field made ready to be cut into nuclei at any multiple of its threshold.

    Attributes:
        signal: (H, W), smoothed, background subtracted, nuclei bright.
        threshold: (H, W), above which a pixel is nucleus.
        diameter: of a typical nucleus, px.
    """

    signal: np.ndarray
    threshold: np.ndarray
    diameter: float


def prepare(image: np.ndarray, threshold: str, diameter: float | None = None) -> Prepared:
    """Flatten a field and find its threshold.

    Args:
        image: (H, W), any real dtype, finite.
        threshold: "local" or "otsu".
        diameter: typical nucleus, px; measured in the field without.

    Returns:
        What `classical.cut` takes; of a constant image, nothing is above the threshold.
    """
    low, high = map(float, np.percentile(image, (0.1, 99.9)))
    if high <= low:
        low, high = float(image.min()), float(image.max())
    if high <= low:
        nothing = np.zeros(image.shape, np.float32)
        return Prepared(nothing, nothing, diameter or UNKNOWN_DIAMETER)
    wide = image if image.dtype == np.float64 else image.astype(np.float32)
    grey = ((wide - low) / (high - low)).astype(np.float32)
    rough = blur(grey, SMOOTHING)
    if _has_dark_nuclei(rough):
        LOG.warning("most of the field is bright: nuclei are taken to be its dark part")
        grey, rough = 1 - grey, 1 - rough
    bright = rough > _otsu_of_roots(rough)
    diameter = min(diameter or typical_diameter(bright), max(image.shape))
    fine = float(np.clip(FINE_SMOOTHING[0] * diameter, *FINE_SMOOTHING[1:]))
    signal = blur(grey, fine) - background(rough, bright, BACKGROUND_REACH * diameter)
    if threshold == "otsu":
        level = above_noise(signal, threshold_otsu(signal.clip(0, 1)))
        return Prepared(signal, np.full_like(signal, level), diameter)
    return Prepared(signal, _local_threshold(signal, diameter), diameter)


def _has_dark_nuclei(grey: np.ndarray) -> bool:
    """Whether nuclei are dark: most of a field is bright, and as even as only a background is.

    Of a dense colony most is bright too, but nuclei differ, and what is between them does not.
    """
    bright = grey > threshold_otsu(grey)
    if bright.all() or bright.mean() <= DARK_NUCLEI:
        return False
    return bool(grey[bright].std() < grey[~bright].std())


def background(grey: np.ndarray, bright: np.ndarray, reach: float) -> np.ndarray:
    """A smooth surface through the pixels away from nuclei.

    Args:
        grey: (H, W) float32.
        bright: (H, W) bool, nuclei.
        reach: standard deviation of the Gaussian weights, px.

    Returns:
        (H, W) float32: the weighted mean of the dark pixels around. Where there are hardly any,
        their median in the whole field.
    """
    away = cv2.dilate(bright.astype(np.uint8), np.ones((5, 5), np.uint8)) == 0
    if not away.any():
        return np.full_like(grey, grey.min())
    mean, share = _mean_over(grey, away, reach)
    trace = 1e-3
    return (mean * share + np.median(grey[away]) * trace) / (share + trace)


def typical_diameter(mask: np.ndarray) -> float:
    """Twice the median distance from the middle of a nucleus to its edge, px.

    Middles are weighted by the square of their distances, so that specks do not count.
    """
    distance = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    middle = (distance == cv2.dilate(distance, np.ones((5, 5), np.uint8))) & (distance > 1)
    radii = np.sort(distance[middle])
    return 2 * float(weighted_median(radii, radii**2)) if len(radii) else UNKNOWN_DIAMETER


def above_noise(signal: np.ndarray, threshold: float) -> float:
    """The threshold, or a higher one where it only cuts noise in two.

    Otsu's threshold divides any image, also one without nuclei or with so few that noise
    outweighs them. There, what is above the threshold is hardly brighter, in units of the spread
    of what is below, and nuclei are what stands out of the noise of the whole field.
    """
    bright = signal > threshold
    if not bright.any():
        return threshold
    level, noise = _spread(signal[~bright])
    if signal[bright].mean() - level >= NOISE_RATIO * noise:
        return threshold
    level, noise = _spread(signal)
    return level + NOISE_LEVELS * noise


def _local_threshold(signal: np.ndarray, diameter: float) -> np.ndarray:
    floor = LOCAL_FLOOR * _otsu_of_roots(signal)
    mean, _ = _mean_over(signal, signal > floor, NEIGHBOURHOOD * diameter)
    return np.maximum(LOCAL_LEVEL * mean, floor)


def _otsu_of_roots(grey: np.ndarray) -> float:
    """Otsu's threshold of the square roots, so that bright nuclei do not hide the dim ones."""
    return above_noise(grey, float(threshold_otsu(np.sqrt(grey.clip(0, 1)))) ** 2)


def _spread(values: np.ndarray) -> tuple[float, float]:
    """Median, and the standard deviation as the median absolute deviation of a Gaussian has it."""
    middle = float(np.median(values))
    return middle, 1.4826 * float(np.median(np.abs(values - middle)))


def blur(image: np.ndarray, sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)


def _mean_over(grey: np.ndarray, mask: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Gaussian mean over the pixels of a mask, and their share of the weights; both (H, W).

    The wider the blur, the coarser the grid it is computed on: one of hundreds of pixels would take
    minutes on all of them.
    """
    step = max(1, int(reach / COARSE))
    height, width = grey.shape
    size = (-(-width // step), -(-height // step))
    sums = []
    for values in (mask.astype(np.float32), grey * mask):
        coarse = cv2.resize(values, size, interpolation=cv2.INTER_AREA) if step > 1 else values
        sums.append(blur(coarse, reach / step))
    fine = [cv2.resize(x, (width, height), interpolation=cv2.INTER_LINEAR) for x in sums]
    return fine[1] / np.maximum(fine[0], 1e-6), fine[0]


def weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    """The median of ascending values."""
    total = np.cumsum(weights)
    return float(values[np.searchsorted(total, total[-1] / 2)])
