"""TensorFlow: imported without its chatter, told where to run, and made to take any shape."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nucseg_tf.engines.base import Device, Part
from nucseg_tf.errors import UsageError

if TYPE_CHECKING:
    import keras


def load_tensorflow() -> None:
    """Import TensorFlow without the lines about CUDA that no setting of its own suppresses.

    They are kept if the import fails, or with NUCSEG_DEBUG=1, should it take the process down.
    """
    if "tensorflow" in sys.modules or os.environ.get("NUCSEG_DEBUG") == "1":
        return
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as messages:
        os.dup2(messages.fileno(), 2)
        try:
            import tensorflow  # noqa: F401
        except BaseException:
            messages.seek(0)
            os.write(stderr, messages.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)


def finds_gpu() -> bool:
    """Whether TensorFlow finds a GPU."""
    load_tensorflow()
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))


def use_device(device: Device) -> None:
    """Choose where TensorFlow runs; before it has run anything.

    Raises:
        UsageError: if "gpu" is asked for and there is none.
    """
    load_tensorflow()
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if device == "gpu" and not gpus:
        raise UsageError("--device gpu: TensorFlow finds no GPU; `nucseg doctor` says why")
    with contextlib.suppress(RuntimeError):  # TensorFlow has begun: the choice was made before
        if device == "cpu":
            tf.config.set_visible_devices([], "GPU")
        else:
            for gpu in gpus:  # take memory as needed, not all of a shared GPU at once
                tf.config.experimental.set_memory_growth(gpu, True)


@contextmanager
def open_shapes(network: keras.Model) -> Iterator[None]:
    """Let a network be traced with height and width left open.

    Keras' UpSampling2D repeats pixels, which leaves OpenVINO with a copy in another layout for each
    axis, or resizes to a size that it must know. For the time of the tracing TensorFlow's own
    operation stands in, which gives the same and knows its size when it runs.
    """
    import keras

    found = network._flatten_layers(include_self=False, recursive=True)
    enlarging: list[Any] = [
        layer for layer in found if isinstance(layer, keras.layers.UpSampling2D)
    ]
    for layer in enlarging:
        layer._resize_images = _enlarge
    try:
        yield
    finally:
        for layer in enlarging:
            del layer._resize_images


def with_open_shapes(network: keras.Model, function: Callable) -> Callable:
    """A function of a network, to be traced with height and width left open."""

    def call(*arrays: Any) -> Any:
        with open_shapes(network):
            return function(*arrays)

    return call


def signature(part: Part) -> list[Any]:
    """What TensorFlow is to know of the arguments of a part."""
    import tensorflow as tf

    return [tf.TensorSpec(shape, tf.float32) for shape in part.inputs]


def save(network: keras.Model, part: Part, folder: Path) -> None:
    """Write a part of a network in TensorFlow's own format; ports end in "_0", "_1" and so on."""
    import keras

    with _same_log_handlers():
        archive = keras.export.ExportArchive()
        archive.track(network)
        function = with_open_shapes(network, part.function)
        archive.add_endpoint("serve", function, input_signature=signature(part))
        archive.write_out(str(folder), verbose=False)


def load_saved(folder: Path) -> Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]:
    """What `save` wrote, as a function from arrays by name to arrays by name."""
    import tensorflow as tf

    loaded = tf.saved_model.load(str(folder))

    def compute(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        serve = loaded.signatures["serving_default"]  # has no hold of the weights of its own
        found = serve(**{name: tf.constant(array) for name, array in arrays.items()})
        return {name: np.asarray(array) for name, array in found.items()}

    return compute


@contextmanager
def _same_log_handlers() -> Iterator[None]:
    """Remove what Keras' export adds: every line would come twice from then on."""
    handlers = logging.getLogger().handlers
    before = [*handlers]
    try:
        yield
    finally:
        handlers[:] = before


def _enlarge(x: Any, rows: int, columns: int, _data_format: str, interpolation: str) -> Any:
    """Enlarge (B, h, w, C) by whole factors."""
    import tensorflow as tf

    return tf.image.resize(x, tf.shape(x)[1:3] * [rows, columns], interpolation)
