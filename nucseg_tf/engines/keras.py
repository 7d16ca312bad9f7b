"""The network as a fast function from arrays to arrays."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np


def compile_function(function: Callable) -> Callable:
    """Compile a function of `keras.ops` for prediction, anew for each shape of its arguments."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.function(function, autograph=False, reduce_retracing=False)
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(function)
    return function


def compile_network(network: keras.Model) -> Callable[[np.ndarray], np.ndarray]:
    """Compile a network for prediction.

    On TensorFlow each input shape is traced once, with fixed height and width (Keras' UpSampling2D
    cannot be traced without).

    Returns:
        Function from (B, h, w, 1) float32 to (B, h, w, K) float32.
    """
    call = compile_function(lambda batch: network(batch, training=False))
    return lambda batch: np.asarray(call(batch))


def backend_device() -> str:
    """The device that the network runs on, as Keras names it."""
    return keras.distribution.list_devices()[0]
