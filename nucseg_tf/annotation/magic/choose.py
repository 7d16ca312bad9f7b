"""Which nucleus the model sees under a click.

Its network's output is decoded at thresholds from permissive to strict: a nucleus that the usual
ones miss, or join to another, mostly appears at some of them. Of the outlines under the click that
one is taken that agrees best with all others, as edges that are real stay where they are. Where it
is at odds with the light itself, the light is believed; where the two agree at once, that is that.

h rows, w columns of a window of the image; N outlines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np

from nucseg_tf.families.base import Family
from nucseg_tf.imaging.components import components
from nucseg_tf.imaging.window import Window
from nucseg_tf.inference.stages.values import Predicted
from nucseg_tf.schema import Thresholds

OWN = 0.5  # share of an outline that must be free of other nuclei
SURE = 0.75  # IoU with the outline by the light alone, from which on no other is asked for
AGREES = 0.4  # IoU with the outline by the light alone, below which that is taken


def outlines_at(
    family: Family,
    thresholds: Thresholds,
    predicted: Predicted,
    window: Window,
    place: tuple[int, int],
    grown: np.ndarray | None,
) -> tuple[np.ndarray, ...]:
    """The outlines under a click, at all thresholds at which there is one, or until one is sure.

    Args:
        family: of the model.
        thresholds: of the model.
        predicted: what its network gave of an image.
        window: where to look.
        place: row and column in the window.
        grown: (h, w) bool, by the light alone; None where there is none.

    Returns:
        N of (h, w) bool, those of the usual thresholds first.
    """
    found: list[np.ndarray] = []
    for each, level in product(variants(family, thresholds), predicted.levels):
        labels = family.decode(level.data, window, each.at(level.zoom)).labels
        if labels[place]:
            found.append(labels == labels[place])
            if grown is not None and overlap(found[-1], grown) >= SURE:
                return (found[-1],)
    return tuple(found)


def variants(family: Family, thresholds: Thresholds) -> Iterator[Thresholds]:
    """The model's thresholds, then each at both ends of the family's grid; areas of any size."""
    usual = thresholds.model_copy(update={"min_area": 0, "max_area": 0})
    yield usual
    for name, values in family.grid.items():
        if name not in ("min_area", "max_area"):
            for value in sorted({min(values), max(values)} - {getattr(usual, name)}):
                yield usual.model_copy(update={name: value})


def choose(
    outlines: Sequence[np.ndarray],
    grown: np.ndarray | None,
    place: tuple[int, int],
    taken: np.ndarray,
) -> np.ndarray | None:
    """The outline to draw.

    Args:
        outlines: of `outlines_at`.
        grown: (h, w) bool, by the light alone; None where there is none.
        place: row and column of the click.
        taken: (h, w) bool, pixels of other nuclei; not `place`.

    Returns:
        (h, w) bool, one piece, free of what is taken; None if nothing is seen.
    """
    pieces = [piece for each in outlines if (piece := piece_at(each, place, taken)) is not None]
    chosen = best(pieces) if pieces else None
    if chosen is None or (grown is not None and overlap(chosen, grown) < AGREES):
        return grown if grown is None else piece_at(grown, place, taken)
    return chosen


def piece_at(outline: np.ndarray, place: tuple[int, int], taken: np.ndarray) -> np.ndarray | None:
    """The piece of an outline (h, w) under a click that is free; None if little of it is."""
    numbered, _ = components(outline & ~taken, connectivity=8)
    piece = numbered == numbered[place]
    return piece if numbered[place] and piece.sum() >= OWN * outline.sum() else None


def best(outlines: Sequence[np.ndarray]) -> np.ndarray:
    """Of N >= 1 outlines (h, w) that with the largest sum of IoU with all; of equals the first."""
    flat = np.stack(outlines).reshape(len(outlines), -1).astype(np.float32)
    common = flat @ flat.T
    areas = np.diag(common)
    iou = common / (areas[:, None] + areas - common)
    return outlines[int(iou.sum(1).argmax())]


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """IoU of two outlines (h, w), not both empty."""
    return float((one & other).sum() / (one | other).sum())
