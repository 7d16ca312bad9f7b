"""The losses of FPN2-WS.

B ROIs, S their side.
"""

from __future__ import annotations

from keras import ops

GAP = 7  # px, narrowest background that is open ground; less is a gap between nuclei
REACH = 5  # px, side of the square around open ground in which a border is that of one nucleus
BORDER = 0.3  # of the border map, from which a pixel is border


def losses(outputs, targets: dict, weights: tuple = ()) -> dict:
    """Squared error of each map over the valid pixels (zero where none is valid).

    Where nuclei touch, or nearly, a border decides between one nucleus and two, and such pixels are
    few. So their error counts once more, by itself: Ronneberger et al., "U-Net" (2015), weighted
    such pixels for the same reason.

    Args:
        outputs: (B, S, S, 2) maps.
        targets: "maps" (B, S, S, 2) and "valid" (B, S, S, 1), 0 in the ignored shoulder.
        weights: of the distance, of the border and of the errors between nuclei; all 1 without.

    Returns:
        {"distance": scalar, "border": scalar, "between": scalar}, weighted; all of them are means
        over the same valid pixels.
    """
    valid = targets["valid"]
    squared = ops.square(outputs - targets["maps"]) * valid
    count = ops.maximum(ops.sum(valid), 1.0)
    mean = ops.sum(squared, axis=(0, 1, 2)) / count
    between = ops.sum(squared * between_nuclei(targets["maps"])) / count
    weights = weights or (1.0, 1.0, 1.0)
    parts = {"distance": mean[0], "border": mean[1], "between": between}
    return {
        name: weight * part for weight, (name, part) in zip(weights, parts.items(), strict=True)
    }


def between_nuclei(maps):
    """Border pixels that have no open ground beside them: (B, S, S, 2) to (B, S, S, 1), 0 or 1."""
    nucleus = ops.cast(maps[..., :1] > 0, maps.dtype)
    filled = -_highest(-_highest(nucleus, GAP), GAP)  # closing: narrow gaps belong to nuclei
    near_ground = _highest(1.0 - filled, REACH)
    return ops.cast(maps[..., 1:] > BORDER, maps.dtype) * (1.0 - near_ground)


def _highest(image, side: int):
    return ops.max_pool(image, side, strides=1, padding="same")
