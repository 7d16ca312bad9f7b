"""Intervals: over images by the bootstrap, over repeated runs by Student's t, and of agreement.

Letters: I images, Q quantities, B bootstrap samples, N values.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import t as student

CONFIDENCE = 0.95
SAMPLES = 2000  # bootstrap samples
SEED = 0
# Images that a bootstrap interval needs. Simulated with an F1 of 0.85 +- 0.07 an image, it held the
# true one in 49 % of cases with 2 images, 85 % with 5, 92 % with 10 and 20, 95 % with 50.
FEWEST_IMAGES = 5
CHUNK = 100  # bootstrap samples drawn at a time; bounds the memory where images are many


def resample_sums(values: np.ndarray, samples: int = SAMPLES, seed: int = SEED) -> np.ndarray:
    """Draw as many images as there are, with replacement, and add up their quantities.

    Sums, and not ratios of images, are resampled, so that a ratio of two of them is pooled over the
    nuclei of the images drawn (Efron and Tibshirani 1993, "An Introduction to the Bootstrap").

    Args:
        values: (I, Q) what each image adds to each quantity.
        samples: B.
        seed: of the draw; the same for the same number of images.

    Returns:
        (B, Q) float64.
    """
    images = len(values)
    rng = np.random.default_rng(seed)
    even = np.full(images, 1 / images)
    sizes = [min(CHUNK, samples - first) for first in range(0, samples, CHUNK)]
    return np.concatenate([rng.multinomial(images, even, size) @ values for size in sizes])


def percentile_interval(values: np.ndarray) -> tuple[float, float] | None:
    """The central 95 % of a ratio over bootstrap samples.

    Args:
        values: (B,) float64; NaN where the ratio is not defined.

    Returns:
        Low and high end, or None where no sample has a value.
    """
    defined = values[np.isfinite(values)]
    if not defined.size:
        return None
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(defined, (tail, 100 - tail))
    return float(low), float(high)


def t_interval(values: np.ndarray) -> tuple[float, float] | None:
    """95 % confidence interval of a mean: mean +- t(N - 1) * standard deviation / sqrt(N).

    Args:
        values: (N,) one a run, finite.

    Returns:
        Low and high end, or None below two values.
    """
    count = len(values)
    if count < 2:
        return None
    quantile = student.ppf((1 + CONFIDENCE) / 2, count - 1)
    half = float(quantile * np.std(values, ddof=1) / np.sqrt(count))
    mean = float(np.mean(values))
    return mean - half, mean + half


def agreement(truth: np.ndarray, prediction: np.ndarray) -> dict[str, float | None]:
    """Bias and 95 % limits of agreement of counts (Bland and Altman 1986, Lancet 327:307).

    Args:
        truth: (N,) true counts.
        prediction: (N,) predicted counts.

    Returns:
        `bias`, the mean of prediction - truth; `low` and `high`, bias -+ 1.96 standard deviations
        of the difference, None below two images.
    """
    difference = np.asarray(prediction, float) - np.asarray(truth, float)
    bias = float(difference.mean())
    if len(difference) < 2:
        return {"bias": bias, "low": None, "high": None}
    spread = 1.96 * float(difference.std(ddof=1))
    return {"bias": bias, "low": bias - spread, "high": bias + spread}
