"""Training on several devices of one machine: each takes an equal part of every batch.

B ROIs of a batch, N_r what a loss averages over on device r

On JAX (`keras.distribution.DataParallel`) a step is written for the whole batch; XLA divides it. On
TensorFlow (`tf.distribute.MirroredStrategy`) each device computes losses and statistics of its
part, so two things are done here to get those of the whole batch:

- batch normalisation exchanges its sums between the devices (`synchronise`);
- a mean over pixels, of which the devices have unequal numbers N_r, is the sum of the devices'
  means weighted by N_r / sum(N) (`of_whole_batch`).

Mask R-CNN's losses average over anchors and boxes that are drawn while they are computed. Their
numbers are not known here, so each device's mean counts alike.
"""

from __future__ import annotations

import contextlib
import functools
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import keras
from keras import ops

from nucseg_tf.config import Training
from nucseg_tf.errors import ConfigError

LOG = logging.getLogger(__name__)
FILLED = "filled"  # name, among the targets, of the weights that `fill` adds


def visible() -> list[str]:
    """Names of the GPUs that the backend may use, or of its CPUs if there are none."""
    if keras.backend.backend() != "tensorflow":
        return keras.distribution.list_devices()
    import tensorflow as tf

    logical = tf.config.list_logical_devices
    return [device.name for device in logical("GPU") or logical("CPU")]


def choose(training: Training) -> list[str]:
    """The devices to train on.

    Args:
        training: `devices` and `batch`; "auto" takes the most GPUs that divide the batch.

    Returns:
        Their names, at least one.

    Raises:
        ConfigError: if there are fewer than asked for.
    """
    names = visible()
    if training.devices == "auto":
        most = len(names) if "gpu" in names[0].lower() else 1
        return names[: max(n for n in range(1, most + 1) if training.batch % n == 0)]
    if training.devices > len(names):
        raise ConfigError(
            f"training.devices: {training.devices} asked for, but there is only "
            f"{', '.join(names)}; `nucseg doctor` says what is found, and why no GPU is."
        )
    return names[: training.devices]


def describe(names: list[str], training: Training) -> None:
    """Say in the log what is divided among which devices, if anything could be."""
    found = len(visible())
    if len(names) > 1:
        part = training.batch // len(names)
        LOG.info("%d devices: %s; %d ROIs of a batch each", len(names), ", ".join(names), part)
    if training.devices == "auto" and "gpu" in names[0].lower() and len(names) < found:
        LOG.warning(
            "%d of %d GPUs are used: a batch of %d cannot be divided among more. Make "
            "training.batch a multiple of %d",
            *(len(names), found, training.batch, found),
        )


def repeat(names: list[str]) -> None:
    """Let TensorFlow sum in an order that does not change from one training to the next, on CPUs.

    On GPUs not every operation has such a form. For the rest of the process.
    """
    if keras.backend.backend() == "tensorflow" and not any("gpu" in name.lower() for name in names):
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()


def scope(names: list[str]) -> AbstractContextManager:
    """Where a network has to be made and trained to use all of the devices; nothing for one."""
    if len(names) == 1:
        return contextlib.nullcontext()
    if keras.backend.backend() == "tensorflow":
        return _strategy(tuple(names)).scope()
    return keras.distribution.DataParallel(devices=names, auto_shard_dataset=False).scope()


@functools.cache
def _strategy(names: tuple[str, ...]):
    """One for a process: a second would number its exchanges as the first did, which TensorFlow
    takes for the same ones."""
    import tensorflow as tf

    return tf.distribute.MirroredStrategy(names)


def _replicas() -> int:
    """Number of devices inside a scope on TensorFlow; 1 elsewhere, on other backends too."""
    if keras.backend.backend() != "tensorflow":
        return 1
    import tensorflow as tf

    return tf.distribute.get_strategy().num_replicas_in_sync


def synchronise(network: keras.Model) -> None:
    """Let batch normalisation use the statistics of the whole batch, in a scope on TensorFlow."""
    if _replicas() == 1:
        return
    for layer in network._flatten_layers(include_self=False, recursive=True):
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = True


def _sum(value):
    """Of a number of each device, over the devices; on JAX it is of the whole batch already."""
    if _replicas() == 1:
        return value
    import tensorflow as tf

    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, value)


def of_whole_batch(parts: dict, targets: dict, counted: Callable[[dict], dict]) -> dict:
    """Scale one device's losses so that the sum over the devices is the loss of the whole batch.

    That sum is what Keras takes the gradient of, and what it logs.

    Args:
        parts: {name: scalar}, each a mean over this device's part.
        targets: of this device's part, by name.
        counted: from targets to N, by name of the loss; see `families.base.Family.counted`.

    Returns:
        {name: scalar}; `parts` itself where there is one device, or where the backend does it.
    """
    replicas = _replicas()
    if replicas > 1:
        numbers = counted(targets)
        own = ops.stack([numbers.get(name, ops.ones(())) for name in parts])
        shares = own / ops.maximum(_sum(own), 1.0)
        parts = {name: part * shares[i] for i, (name, part) in enumerate(parts.items())}
    if FILLED in targets:
        weight = _sum(ops.mean(targets[FILLED])) / replicas
        parts = {name: part * weight for name, part in parts.items()}
    return parts


def fill(dataset: Any, names: list[str]) -> Any:
    """Fill up the last batch of a validation, if it does not divide among the devices.

    JAX refuses such a batch, and on TensorFlow a device without any ROI fails. ROIs are repeated,
    with `valid` 0, and weights are added: n / N for true ones and 0 for repeats, of N true ones
    and n in all. Keras counts all alike, so the mean loss is that of the true ones (of Mask R-CNN,
    whose targets have no `valid`, nearly).

    Args:
        dataset: finite, of (image (B, ...), targets by name (B, ...)).
        names: of the devices.

    Returns:
        Dataset with targets `FILLED` (B,) in addition; `dataset` itself where all batches divide.
    """
    sizes = [len(image) for image, _ in dataset] if len(names) > 1 else []
    filled = sum(-(-size // len(names)) * len(names) for size in sizes)
    if filled == sum(sizes):
        return dataset
    import tensorflow as tf

    def whole(image, targets: dict):
        size = tf.shape(image)[0]
        number = tf.range(-(-size // len(names)) * len(names))
        targets = {name: tf.gather(value, number % size) for name, value in targets.items()}
        true = tf.cast(number < size, tf.float32)
        if "valid" in targets:
            targets["valid"] *= true[:, None, None, None]
        targets[FILLED] = true * (filled / sum(sizes))
        return tf.gather(image, number % size), targets

    return dataset.map(whole)
