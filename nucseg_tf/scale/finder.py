"""The network for the diameter, ready to use: its weights come with the package."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np

from nucseg_tf.scale.estimate import Diameter, estimate

WEIGHTS = Path(__file__).parents[1] / "weights" / "scale" / "scale.weights.h5"
Finder = Callable[[np.ndarray], Diameter | None]


@functools.cache
def load_finder() -> Finder:
    """A function from a normalised image (H, W) float32 to its diameter; see `estimate`.

    Raises:
        ModelError: the weights are missing or damaged.
    """
    from nucseg_tf.engines.keras import compile_network
    from nucseg_tf.models.weights import load_weights
    from nucseg_tf.scale.network import build

    network = build()
    load_weights(network, WEIGHTS)
    return functools.partial(estimate, compile_network(network))


def typical_diameter(image: np.ndarray) -> float | None:
    """The diameter of the typical nucleus, px, of a normalised image (H, W); None if none is seen.

    Raises:
        ModelError: as `load_finder`.
    """
    found = load_finder()(image)
    return None if found is None else found.median
