"""Fields in memory, ready to be cut into ROIs. H rows, W columns."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from nucseg_tf.config import Config
from nucseg_tf.data.doubts import doubts
from nucseg_tf.data.fields import load_field
from nucseg_tf.imaging.normalise import normalise
from nucseg_tf.io.labels import relabel
from nucseg_tf.types import IGNORED, Box, Field

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sample:
    """One field in memory.

    Attributes:
        image: (H, W) float16, normalised by percentiles of the whole field.
        labels: (H, W), uint16 or int16 where that is enough; `IGNORED` where nothing is known.
        diameter: of its typical nucleus, px, by its labels or as `load_samples` found it; 0 where
            it has none.
        group: what the field is balanced by.
        regions: where ROIs are cut; empty: anywhere.
    """

    image: np.ndarray
    labels: np.ndarray
    diameter: float
    group: str
    regions: tuple[Box, ...] = ()


def median_diameter(labels: np.ndarray) -> float:
    """Median diameter, px, of circles with the areas of the known labels; 0 without any."""
    areas = np.bincount(np.maximum(labels, 0).ravel())[1:]
    areas = areas[areas > 0]
    return float(np.sqrt(4 / np.pi * np.median(areas))) if len(areas) else 0.0


def load_samples(
    fields: Sequence[Field],
    config: Config,
    find: Callable[[np.ndarray], float | None] | None = None,
) -> list[Sample]:
    """Read, check and normalise fields.

    Args:
        fields: images and masks.
        config: channel, plane and normalisation.
        find: the diameter of a normalised image (H, W), as prediction will find it. What it says
            goes before the labels: a cell type that it misjudges is then learned at the scale at
            which it will be seen.

    Raises:
        DataError: for a field that cannot be read, naming the file.
    """
    samples = []
    for field in fields:
        pixels, labels = load_field(field, **config.data.reading)
        for doubt in doubts(pixels, labels):
            LOG.warning("%s: %s", field.name, doubt)
        labels = relabel(labels)
        image = normalise(pixels, config.normalisation.low, config.normalisation.high)
        samples.append(
            Sample(
                image.astype(np.float16),  # finer than 12 bits, and half the memory
                labels.astype(_narrowest(labels)),
                (find(image) if find else None) or median_diameter(labels),
                field.group,
                field.regions,
            )
        )
    return samples


def _narrowest(labels: np.ndarray) -> np.dtype:
    """The narrowest type of two bytes or more that holds all labels."""
    highest = max(int(labels.max()), 256)
    return np.min_scalar_type(-highest - 1 if labels.min() == IGNORED else highest)
