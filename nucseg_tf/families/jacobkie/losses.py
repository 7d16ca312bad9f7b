"""The losses of the Jacobkie style.

B ROIs, S their side.
"""

from __future__ import annotations

from keras import ops

from nucseg_tf.layers.losses import mean_over

POSITION_WEIGHT = 5.0  # brings both losses to one size: positions err by a few hundredths


def losses(outputs, targets: dict, weights: tuple = ()) -> dict:
    """Cross-entropy of the mask, mean absolute error of the positions; 0 where nothing counts.

    Args:
        outputs: (B, S, S, 5) maps.
        targets: "maps" (B, S, S, 5), "valid" (B, S, S, 1), 0 in the ignored shoulder, and "whole"
            (B, S, S, 1), 1 in nuclei that the ROI holds whole.
        weights: of mask and position; all 1 without.

    Returns:
        {"mask": scalar, "position": scalar}, weighted.
    """
    maps, valid = targets["maps"], targets["valid"][..., 0]
    entropy = ops.binary_crossentropy(maps[..., 0], outputs[..., 0])
    error = ops.mean(ops.abs(outputs[..., 1:] - maps[..., 1:]), axis=-1)
    weights = weights or (1.0, 1.0)
    return {
        "mask": weights[0] * mean_over(entropy, valid),
        "position": weights[1]
        * POSITION_WEIGHT
        * mean_over(error, valid * targets["whole"][..., 0]),
    }
