"""The network that tells the diameter of nuclei: small, for it looks at several zooms.

B windows, S their side, px; cells of STRIDE px (see `window`).
"""

from __future__ import annotations

import keras
from keras import layers

OUTPUTS = ("nucleus", "diameter", "doubt")


def build() -> keras.Model:
    """Build the network, randomly initialised.

    Returns:
        Model from (B, S, S, 1), normalised, to (B, S / STRIDE, S / STRIDE, 3): logit of the share
        of nuclei in a cell; log2 of their diameter, px; log of the mean error of that.
    """
    image = layers.Input((None, None, 1), name="image")
    x = _block(image, 16, "down2", 2)
    x = _block(x, 24, "down4", 2)
    x = _block(x, 32, "down8", 2)
    x = _block(x, 32, "at8")
    x = _block(x, 48, "down16", 2)
    fine = _block(x, 48, "at16")
    x = _block(fine, 64, "down32", 2)
    x = _block(x, 64, "at32")
    x = _block(x, 64, "wide32", dilation=2)
    x = layers.UpSampling2D(2, name="up16")(x)
    x = layers.Concatenate(name="both")([fine, x])
    x = _block(x, 48, "joined")
    found = layers.Conv2D(len(OUTPUTS), 1, name="outputs")(x)
    return keras.Model(image, found, name="scale")


def _block(x, filters: int, name: str, stride: int = 1, dilation: int = 1):
    options = {"padding": "same", "use_bias": False, "dilation_rate": dilation}
    x = layers.Conv2D(filters, 3, stride, name=f"{name}_conv", **options)(x)
    x = layers.BatchNormalization(name=f"{name}_bn")(x)
    return layers.ReLU(name=f"{name}_relu")(x)
