"""Preliminary labels of one image: nuclei, confidence in each, and suspects.

`prelabel_folder` does this to a folder of images. Letters: H rows, W columns, N nuclei.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from nucseg_tf.annotation.prelabel import suspects
from nucseg_tf.annotation.prelabel.classical import Classical, cut
from nucseg_tf.annotation.prelabel.confidence import (
    MOST_VIEWS,
    agreement,
    confidence,
    threshold_views,
    turned_views,
)
from nucseg_tf.annotation.prelabel.foreground import prepare
from nucseg_tf.errors import UsageError
from nucseg_tf.imaging.components import keep_areas
from nucseg_tf.inference.measure import measure
from nucseg_tf.inference.options import Options
from nucseg_tf.io.arrays import check_array
from nucseg_tf.types import Instances

if TYPE_CHECKING:
    from nucseg_tf.inference.segmenter import Segmenter

CLASSICAL = "classical"
USUAL_VIEWS = 2


@dataclass(frozen=True)
class Settings:
    """How images are read and labelled.

    Attributes:
        channel, z: see `io.images.read_image`.
        pixel_size: µm; the file's own without.
        diameter: typical nucleus, px.
        tile: side of tiles, px; of models.
        threshold: "local" or "otsu"; of the classical method.
        min_area, max_area: px; nuclei beyond are dropped.
        agreement: how many views the confidence comes from besides the first, 0 to 7; None: none of
            a model whose scores are calibrated, else 2.
        invert: see `io.images.read_image`.
    """

    channel: int | str | None = None
    z: int | str | None = None
    pixel_size: float | None = None
    diameter: float | None = None
    tile: int | None = None
    threshold: str = "local"
    min_area: int | None = None
    max_area: int | None = None
    agreement: int | None = None
    invert: bool = False

    def __post_init__(self) -> None:
        if self.agreement is not None and not 0 <= self.agreement <= MOST_VIEWS:
            raise UsageError(
                f"--agreement: expected 0 to {MOST_VIEWS} views. Received: {self.agreement}."
            )
        for name, area in (("--min-area", self.min_area), ("--max-area", self.max_area)):
            if area is not None and area < 1:
                raise UsageError(f"{name}: expected 1 px or more. Received: {area}.")
        if self.max_area and (self.min_area or 0) > self.max_area:
            raise UsageError(
                f"--min-area must not exceed --max-area. Received: {self.min_area} and "
                f"{self.max_area}."
            )
        if self.pixel_size is not None and not 0 < self.pixel_size < np.inf:
            raise UsageError(
                f"--pixel-size: expected a positive number. Received: {self.pixel_size}."
            )
        self.classical()

    def views(self, calibrated: bool) -> int:
        """How many views to take of an image besides the first."""
        usual = 0 if calibrated else USUAL_VIEWS
        return usual if self.agreement is None else self.agreement

    def classical(self) -> Classical:
        """What the classical method takes of these; UsageError if it makes no sense."""
        return Classical(self.threshold, self.diameter, self.min_area, self.max_area)


def prelabel_image(
    image: np.ndarray, method: str | Segmenter, settings: Settings | None = None
) -> tuple[np.ndarray, pd.DataFrame]:
    """Label one image.

    Args:
        image: (H, W), integer or float, any size from 1 x 1 up.
        method: "classical", a model's name or folder, or a loaded model.
        settings: as for files; channel, z and invert have no meaning here.

    Returns:
        (H, W) int32 labels, 0 background, 1..N; and a row a nucleus, as in objects.csv but without
        `image`, in the order to look at them.

    Raises:
        ImageReadError: if the array is no image.
        UsageError, ModelError: if settings or model make no sense.
    """
    if isinstance(method, str) and method != CLASSICAL:
        from nucseg_tf.inference.segmenter import load_model

        method = load_model(method)
    labels, table = label(image, method, settings or Settings())
    return labels, suspects.mark(table.assign(image="")).drop(columns="image")


def label(
    image: np.ndarray, method: str | Segmenter, settings: Settings
) -> tuple[np.ndarray, pd.DataFrame]:
    """Labels, and the table that `suspects.mark` takes, but for `image`."""
    return look(image, method, settings)[:2]


def look(
    image: np.ndarray, method: str | Segmenter, settings: Settings
) -> tuple[np.ndarray, pd.DataFrame, np.ndarray | None]:
    """What `label` gives, and the agreement (N,) with further views, or None without views."""
    image = check_array(image)
    scores: np.ndarray | None = None
    if isinstance(method, str):
        chosen = settings.classical()
        prepared = prepare(image, chosen.threshold, chosen.diameter)
        labels = cut(prepared, chosen)
        views = threshold_views(prepared, chosen, settings.views(calibrated=False))
    else:
        options: dict[str, Any] = {
            name: getattr(settings, name) for name in ("pixel_size", "diameter", "tile")
        }
        first = method.find(image, Options(**options))
        options["diameter"] = method.diameter_of(first) or settings.diameter
        found = _within_limits(first.instances, settings)
        labels, scores = found.labels, found.scores
        count = settings.views(calibrated=method.info.confidence is not None)
        views = turned_views(method, image, count, **options)
    agreements = agreement(labels, views) if labels.any() else np.zeros(0)
    table = measure(labels, image, scores, settings.pixel_size)
    table["confidence"] = confidence(scores, agreements, len(table))
    table["touching"] = suspects.touching(labels)
    return labels, table, agreements


def _within_limits(found: Instances, settings: Settings) -> Instances:
    """Drop a model's nuclei that are smaller or larger than asked for."""
    if settings.min_area is None and settings.max_area is None:
        return found
    labels = keep_areas(found.labels, settings.min_area or 1, settings.max_area or 0)
    numbers, first = np.unique(labels, return_index=True)
    before = found.labels.ravel()[first[numbers > 0]]
    return Instances(labels, found.scores[before - 1])
