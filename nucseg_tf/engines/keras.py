"""The network computed by Keras: TensorFlow, or another of its backends."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from nucseg_tf.engines.base import Compiled, Device, Engine, Precision, Predict, Source

if TYPE_CHECKING:
    import keras


class Keras(Engine):
    """See `Engine` for what each of these is."""

    name = "keras"

    def compile(
        self, source: Source, precision: Precision = "f32", device: Device | None = None
    ) -> Compiled:
        if device is not None:
            from nucseg_tf.engines.tensorflow import use_device

            use_device(device)
        network, lock = source.network, Lock()
        compiled = cache(lambda: compile_network(network))  # some families compile its parts

        def predict(batch: np.ndarray) -> np.ndarray:
            with lock:  # several images may come at once
                found = compiled()
            return found(batch)

        return Compiled(predict, source, self.name, precision, backend_device())


def compile_function(function: Callable) -> Callable:
    """Compile a function of `keras.ops` for prediction, anew for each shape of its arguments."""
    import keras

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.function(function, autograph=False, reduce_retracing=False)
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(function)
    return function


def compile_network(network: keras.Model) -> Predict:
    """Compile a network for prediction: on TensorFlow once for all shapes.

    Returns:
        Function from (B, h, w, 1) float32 to (B, h, w, K) float32.
    """
    import keras

    def call(batch):
        return network(batch, training=False)

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        from nucseg_tf.engines.tensorflow import open_shapes

        shape = tf.TensorSpec((None, None, None, 1), tf.float32)
        compiled = tf.function(call, input_signature=[shape], autograph=False)
        with open_shapes(network):
            compiled.get_concrete_function()
    else:
        compiled = compile_function(call)
    return lambda batch: np.asarray(compiled(batch))


def backend_device() -> str:
    """The device that the network runs on, as Keras names it."""
    import keras

    return keras.distribution.list_devices()[0]


ENGINE = Keras()
