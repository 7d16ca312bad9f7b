"""A field with exact truth, to be altered.

H rows, W columns, N nuclei.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nucseg_tf.data.fields import load_field
from nucseg_tf.data.manifest import find_fields
from nucseg_tf.errors import DataError
from nucseg_tf.imaging.components import keep_areas

SIDE = 700  # px; of larger fields the middle is taken
SMALLEST = 12  # px, area below which nobody can tell what a nucleus is
FINE = 16  # levels that a grey value of eight bits becomes, so that rounding is no part of a test


@dataclass(frozen=True)
class Scene:
    """A field and its truth.

    Attributes:
        name: of the field.
        pixels: (H, W) uint8 or uint16.
        labels: (H, W) int32, 0 background, 1..N.
        ignored: (H, W) bool, where nothing is known; no label lies there.
    """

    name: str
    pixels: np.ndarray
    labels: np.ndarray
    ignored: np.ndarray

    @property
    def diameter(self) -> float:
        """Median diameter, px, of the nuclei that the edge does not cut; of all if it cuts all."""
        areas = np.bincount(self.labels.ravel())
        areas[0] = 0
        whole = areas.copy()
        for edge in (self.labels[0], self.labels[-1], self.labels[:, 0], self.labels[:, -1]):
            whole[edge] = 0
        areas = whole[whole > 0] if whole.any() else areas[areas > 0]
        return float(np.median(np.sqrt(areas * 4 / np.pi))) if areas.size else float("nan")

    @property
    def levels(self) -> tuple[float, float]:
        """Grey of the background and of the nuclei (medians); the two differ by 1 at least."""
        inside = self.labels > 0
        outside = ~(inside | self.ignored)
        low = float(np.median(self.pixels[outside])) if outside.any() else 0.0
        high = float(np.median(self.pixels[inside])) if inside.any() else low
        return low, max(high, low + 1)

    def redraw(
        self,
        values: np.ndarray,
        labels: np.ndarray | None = None,
        ignored: np.ndarray | None = None,
    ) -> Scene:
        """The scene with other grey values, as uint16.

        Args:
            values: (H, W) float, in the units of `pixels`.
            labels: (H, W) int32, where they change too.
            ignored: (H, W) bool, where it changes too.
        """
        fine = FINE if self.pixels.dtype == np.uint8 else 1
        pixels = np.rint(values * fine).clip(0, 65535).astype(np.uint16)
        labels = self.labels if labels is None else labels
        ignored = self.ignored if ignored is None else ignored
        return Scene(self.name, pixels, labels, ignored)

    def cut(self, rows: slice, columns: slice) -> Scene:
        """A window of the scene."""
        parts = (self.pixels, self.labels, self.ignored)
        return known(self.name, *(np.ascontiguousarray(part[rows, columns]) for part in parts))


def known(name: str, pixels: np.ndarray, labels: np.ndarray, ignored: np.ndarray) -> Scene:
    """A scene whose nuclei below `SMALLEST` are ignored; labels become 1..N.

    Args:
        name: of the field.
        pixels: (H, W) uint8 or uint16.
        labels: (H, W) int32.
        ignored: (H, W) bool.
    """
    kept = keep_areas(labels, SMALLEST)
    return Scene(name, pixels, kept, ignored | ((labels > 0) & (kept == 0)))


def middle(scene: Scene, side: int = SIDE) -> Scene:
    """The middle of a scene, `side` px a side at most."""
    starts = [max(0, (length - side) // 2) for length in scene.labels.shape]
    return scene.cut(*(slice(start, start + side) for start in starts))


def load_scenes(data: str | Path) -> list[Scene]:
    """The validation fields of a data set, whole, by name.

    Args:
        data: see `data.manifest`; without splits, all its fields.

    Raises:
        DataError: there are none, or of another type than uint8 and uint16.
        ImageReadError: an image cannot be read.
        LabelError: a mask does not fit its image.
    """
    fields = [field for field in find_fields(data) if field.split in ("val", "")]
    if not fields:
        raise DataError(f"{data}: no validation fields")
    scenes = []
    for field in sorted(fields, key=lambda field: field.name):
        pixels, labels = load_field(field)
        if pixels.dtype not in (np.uint8, np.uint16):
            raise DataError(f"{field.image}: expected uint8 or uint16. Received: {pixels.dtype}")
        scenes.append(known(field.name, pixels, np.maximum(labels, 0), labels < 0))
    return scenes


def choose(scenes: Iterable[Scene], count: int) -> list[Scene]:
    """The middle of `count` scenes at most, evenly chosen among those with nuclei there."""
    return spread([part for scene in scenes if (part := middle(scene)).labels.any()], count)


def spread(items: Sequence[Scene], count: int) -> list[Scene]:
    """At most `count` of the scenes, evenly chosen."""
    chosen = np.linspace(0, len(items) - 1, min(count, len(items))).round().astype(int)
    return [items[index] for index in chosen]


def drop_ignored(prediction: np.ndarray, ignored: np.ndarray) -> np.ndarray:
    """Leave out predicted nuclei of which more than half lies where nothing is known.

    Args:
        prediction: (H, W) int32, 0 background.
        ignored: (H, W) bool.

    Returns:
        (H, W) int32; the other nuclei keep their labels and pixels.
    """
    areas = np.bincount(prediction.ravel())
    lost = np.bincount(prediction[ignored], minlength=len(areas))
    return np.where((2 * lost > areas)[prediction], 0, prediction)
