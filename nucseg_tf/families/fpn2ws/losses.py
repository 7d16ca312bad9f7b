"""The losses of FPN2-WS.

B ROIs, S their side.
"""

from __future__ import annotations

from keras import ops


def losses(outputs, targets: dict, weights: tuple = ()) -> dict:
    """Mean squared error of each map over the valid pixels (zero where none is valid).

    Args:
        outputs: (B, S, S, 2) maps.
        targets: "maps" (B, S, S, 2) and "valid" (B, S, S, 1), 0 in the ignored shoulder.
        weights: of the distance and of the border loss; all 1 without.

    Returns:
        {"distance": scalar, "border": scalar}, weighted.
    """
    valid = targets["valid"]
    squared = ops.square(outputs - targets["maps"]) * valid
    mean = ops.sum(squared, axis=(0, 1, 2)) / ops.maximum(ops.sum(valid), 1.0)
    weights = weights or (1.0, 1.0)
    return {name: weights[i] * mean[i] for i, name in enumerate(("distance", "border"))}
