"""The network computed by Keras: TensorFlow, or another of its backends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nucseg_tf.engines.base import Compiled, Compute, Device, Engine, Part, Precision, Source

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
        parts = {name: compile_part(source.network, part) for name, part in source.parts.items()}
        return Compiled(parts, source, self.name, precision, backend_device())


def compile_part(network: keras.Model, part: Part) -> Compute:
    """Compile a part when it is first called: on TensorFlow once for all shapes, on JAX for each.

    Returns:
        From float32 arrays to the backend's tensors, which stay where they were computed.
    """
    import keras

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        from nucseg_tf.engines.tensorflow import signature, with_open_shapes

        function = with_open_shapes(network, part.function)
        return tf.function(function, input_signature=signature(part), autograph=False)
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(part.function)
    return part.function


def backend_device() -> str:
    """The device that the network runs on, as Keras names it."""
    import keras

    return keras.distribution.list_devices()[0]


ENGINE = Keras()
