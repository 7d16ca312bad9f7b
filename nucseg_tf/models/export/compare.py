"""What a written network gives beside what Keras gives, on a drawn field."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nucseg_tf.engines.keras import compile_part
from nucseg_tf.errors import ModelError
from nucseg_tf.imaging.normalise import normalise
from nucseg_tf.models.export.formats import Written
from nucseg_tf.models.export.sample import draw_sample
from nucseg_tf.models.zoo import LoadedModel

BATCHES = ((1, 128, 192), (2, 192, 64))  # B, h, w: none is the same in both
BOXES = 20  # of a network's parts that take some
TOLERANCE = 1e-3  # of maps in [0, 1], and of what is larger, relative to the largest value


def compare(model: LoadedModel, written: Mapping[str, Written]) -> dict[str, float]:
    """The largest difference of each part, over all its results.

    Args:
        model: whose network was written.
        written: its parts.

    Raises:
        ModelError: a part gives something else than Keras.
    """
    parts = model.source.parts
    by_keras = {name: compile_part(model.network, part) for name, part in parts.items()}
    largest = dict.fromkeys(parts, 0.0)
    for shape in BATCHES:
        known = {"image": _images(model, shape)}
        for name, part in parts.items():
            given = [_few(what, known[what]) for what in part.takes]
            answer = by_keras[name](*given)
            several = len(part.gives) > 1
            wanted = [np.asarray(each) for each in (answer if several else [answer])]
            for what, want, got in zip(
                part.gives, wanted, written[name].compute(*given), strict=True
            ):
                difference = _difference(want, np.asarray(got))
                if not difference <= TOLERANCE * max(1.0, float(np.abs(want).max())):
                    raise ModelError(
                        f"{written[name].file}: {what} differs from Keras' by {difference:.2g}; "
                        "nothing was written. Please report it, with the versions of all packages"
                    )
                largest[name] = max(largest[name], difference)
            known |= dict(zip(part.gives, wanted, strict=True))
    return largest


def _images(model: LoadedModel, shape: tuple[int, int, int]) -> np.ndarray:
    """(B, h, w, 1) float32 of a normalised field."""
    count, height, width = shape
    info = model.info
    percentiles = info.normalisation
    field, _ = draw_sample(max(height, width), info.diameter)
    pixels = normalise(field, percentiles.low, percentiles.high)[:height, :width]
    return np.stack([pixels * (1 - 0.1 * index) for index in range(count)])[..., None]


def _few(what: str, value: np.ndarray) -> np.ndarray:
    return value[:, :BOXES] if what == "boxes" else value


def _difference(want: np.ndarray, got: np.ndarray) -> float:
    if want.shape != got.shape:
        return float("inf")
    return float(np.abs(want - got).max(initial=0.0))
