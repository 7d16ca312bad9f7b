"""How each model family gets from a normalised image to nuclei: what the network gives, decoded.

What the network gives ("raw") is kept apart from its decoding, so that thresholds can be tuned
without running the network again. Of FPN2-WS it is maps (H, W, K), of Mask R-CNN a list of
`Detections`, in the style of Jacobkie a list of views.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import keras
import numpy as np

from nucseg_tf.config import Decode, Detect, Positions
from nucseg_tf.errors import UsageError
from nucseg_tf.inference import detect, positions
from nucseg_tf.inference.network import compile_network
from nucseg_tf.inference.paste import Detections
from nucseg_tf.inference.stitch import stitch
from nucseg_tf.inference.symmetry import turn, turn_back
from nucseg_tf.inference.tiling import STRIDE, predict_maps, resize
from nucseg_tf.inference.watershed import decode
from nucseg_tf.models.fpn2ws import MAPS
from nucseg_tf.types import Instances


class Engine(Protocol):
    """What `Segmenter` needs of a family."""

    section: str  # of the configuration and of model.yaml that holds the thresholds
    tile: int  # px, the usual side of tiles

    def check_tile(self, tile: int) -> None:
        """Refuse a tile that makes no sense; UsageError."""

    def empty(self, shape: tuple[int, int]) -> Any:
        """What is given of an image (H, W) in which there is nothing to see."""

    def run(self, image: np.ndarray, tile: int, tta: int, settings: Any) -> Any:
        """What the network gives of an image (H, W) float32, normalised."""

    def rescale(self, raw: Any, shape: tuple[int, int], zoom: float) -> Any:
        """Undo a zoom: from what came of the zoomed image to the image (H, W) itself."""

    def decode(self, raw: Any, shape: tuple[int, int], settings: Any) -> Instances:
        """The nuclei of an image (H, W)."""


class _Dense:
    """What families have in common whose networks give maps."""

    tile = 1536
    halo = 128  # px on each side; see docs/prediction.md for how tiled and whole compare

    def __init__(self, network: keras.Model):
        self._predict: Callable = compile_network(network)

    def check_tile(self, tile: int) -> None:
        """See `Engine`."""
        _check_multiple(tile, STRIDE, 2 * self.halo)


class MapsEngine(_Dense):
    """FPN2-WS: maps, blended over tiles, then a seeded watershed."""

    section = "decode"
    maps = len(MAPS)

    def empty(self, shape: tuple[int, int]) -> np.ndarray:
        """See `Engine`."""
        return np.zeros((*shape, self.maps), np.float32)

    def run(self, image: np.ndarray, tile: int, tta: int, settings: Decode) -> np.ndarray:
        """Mean maps (H, W, K) over the first `tta` symmetries of the square, each turned back."""
        total = predict_maps(self._predict, image, tile, self.halo)
        for number in range(1, tta):
            turned = turn(image, number)
            total = total + turn_back(predict_maps(self._predict, turned, tile, self.halo), number)
        return total / tta

    def rescale(self, raw: np.ndarray, shape: tuple[int, int], zoom: float) -> np.ndarray:
        """See `Engine`."""
        return cv2.resize(raw, shape[::-1], interpolation=cv2.INTER_LINEAR)

    def decode(self, raw: np.ndarray, shape: tuple[int, int], settings: Decode) -> Instances:
        """See `Engine`."""
        return decode(raw, settings)


@dataclass(frozen=True)
class View:
    """What the network gives of an image zoomed and turned: maps (h, w, 5), and how turned."""

    maps: np.ndarray
    symmetry: int


class PositionsEngine(_Dense):
    """In the style of Jacobkie: maps at several zooms, decoded each, combined by nucleus."""

    section = "positions"

    def empty(self, shape: tuple[int, int]) -> list[View]:
        """See `Engine`."""
        return []

    def run(self, image: np.ndarray, tile: int, tta: int, settings: Positions) -> list[View]:
        """Views at all zooms, each in the first `tta` symmetries of the square."""
        views = []
        for zoom in sorted(settings.zooms):
            zoomed = resize(image, zoom)
            for number in range(tta):
                maps = predict_maps(self._predict, turn(zoomed, number), tile, self.halo)
                views.append(View(maps, number))
        return views

    def rescale(self, raw: list[View], shape: tuple[int, int], zoom: float) -> list[View]:
        """Nothing to do: views are resized once decoded, so that no jump of a map is blurred."""
        return raw

    def decode(self, raw: list[View], shape: tuple[int, int], settings: Positions) -> Instances:
        """See `Engine`."""
        views = [Instances(np.zeros(shape, np.int32), np.zeros(0, np.float32))]
        for view in raw:
            found = positions.decode(view.maps, settings)
            labels = turn_back(found.labels, view.symmetry)
            if labels.shape != shape:
                labels = np.ascontiguousarray(labels)
                labels = cv2.resize(labels, shape[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
            views.append(Instances(labels, found.scores))
        return positions.combine(views, settings)


class DetectionsEngine:
    """Mask R-CNN: boxes and masks of each tile, stitched."""

    section = "detect"
    tile = 512

    def __init__(self, network: keras.Model):
        self._detect = detect.Detector(network)

    def check_tile(self, tile: int) -> None:
        """See `Engine`."""
        _check_multiple(tile, detect.STRIDE, detect.STRIDE)

    def empty(self, shape: tuple[int, int]) -> list[Detections]:
        """See `Engine`."""
        return []

    def run(self, image: np.ndarray, tile: int, tta: int, settings: Detect) -> list[Detections]:
        """See `Engine`; tiles share a quarter of their side, 64 px at least."""
        overlap = max(1, tile // 4 // detect.STRIDE) * detect.STRIDE
        return self._detect(image, tile, overlap, settings, tta)

    def rescale(self, raw: list[Detections], shape: tuple[int, int], zoom: float):
        """See `Engine`."""
        zoomed = [max(1, round(length * zoom)) for length in shape]
        back = np.divide(shape, zoomed)[[0, 1, 0, 1]]  # so that the image's edge stays the edge
        found = []
        for part in raw:
            y0, x0, y1, x1 = np.rint(part.tile * back).astype(int).tolist()
            boxes = (part.boxes * back).astype(np.float32)
            found.append(Detections(boxes, part.scores, part.masks, (y0, x0, y1, x1)))
        return found

    def decode(self, raw: list[Detections], shape: tuple[int, int], settings: Detect) -> Instances:
        """See `Engine`."""
        kept = [_at_least(part, settings.score) for part in raw]
        return stitch(
            kept,
            shape,
            threshold=settings.mask,
            same=settings.same,
            min_area=settings.min_area,
            max_area=settings.max_area,
        )


ENGINES: dict[str, type[MapsEngine] | type[DetectionsEngine] | type[PositionsEngine]] = {
    "fpn2ws": MapsEngine,
    "mask_rcnn": DetectionsEngine,
    "jacobkie": PositionsEngine,
}


def _at_least(part: Detections, score: float) -> Detections:
    kept = part.scores >= score
    return Detections(part.boxes[kept], part.scores[kept], part.masks[kept], part.tile)


def _check_multiple(tile: int, step: int, least: int) -> None:
    if tile <= least or tile % step:
        raise UsageError(
            f"--tile: expected a multiple of {step} larger than {least}. Received: {tile}."
        )
