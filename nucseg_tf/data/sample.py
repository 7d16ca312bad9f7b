"""Fields in memory, ready to be cut into ROIs. H rows, W columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nucseg_tf.config import Config
from nucseg_tf.data.manifest import load_field
from nucseg_tf.io.labels import relabel
from nucseg_tf.io.normalise import normalise
from nucseg_tf.types import Field


@dataclass(frozen=True)
class Sample:
    """One field in memory.

    Attributes:
        image: (H, W) float16, normalised by percentiles of the whole field.
        labels: (H, W), uint16 where that is enough.
        diameter: median equivalent diameter of its nuclei, px; 0 where it has none.
        group: what the field is balanced by.
    """

    image: np.ndarray
    labels: np.ndarray
    diameter: float
    group: str


def median_diameter(labels: np.ndarray) -> float:
    """Median diameter, px, of circles with the areas of the labels; 0 without labels."""
    areas = np.bincount(labels.ravel())[1:]
    areas = areas[areas > 0]
    return float(np.sqrt(4 / np.pi * np.median(areas))) if len(areas) else 0.0


def load_samples(fields: Sequence[Field], config: Config) -> list[Sample]:
    """Read, check and normalise fields.

    Raises:
        DataError: for a field that cannot be read, naming the file.
    """
    samples = []
    for field in fields:
        pixels, labels = load_field(field, config.data.channel, config.data.z)
        labels = relabel(labels)
        image = normalise(pixels, config.normalisation.low, config.normalisation.high)
        samples.append(
            Sample(
                image.astype(np.float16),  # finer than 12 bits, and half the memory
                labels.astype(np.min_scalar_type(max(labels.max(), 256))),
                median_diameter(labels),
                field.group,
            )
        )
    return samples
