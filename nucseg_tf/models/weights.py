"""Weights of a network as plain arrays in one HDF5 file, in the network's order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import numpy as np

from nucseg_tf.errors import InitialisationError, ModelError
from nucseg_tf.io import limits
from nucseg_tf.io.files import atomic_path
from nucseg_tf.io.readers.hdf5 import check_dataset

if TYPE_CHECKING:
    import keras


def save_weights(
    network: keras.Model, path: Path, dtype: str = "float32", **attributes: float
) -> None:
    """Write all weights as compressed arrays in their order, each with its name.

    Args:
        network: whose weights.
        path: file.
        dtype: of the stored arrays.
        **attributes: stored with the file.

    Raises:
        ModelError: if a weight is not finite, in `dtype` too.
    """
    with (
        atomic_path(path, synced=True) as temporary,
        h5py.File(temporary, "w", locking=False) as file,
    ):
        for number, variable in enumerate(network.weights):
            value = np.asarray(variable).astype(dtype)
            if not np.isfinite(value).all():
                raise ModelError(f"{path}: weight {variable.path} is not finite as {dtype}.")
            data = file.create_dataset(f"{number:04d}", data=value, **_compression(value))
            data.attrs["path"] = variable.path
        file.attrs.update(attributes)


def _compression(value: np.ndarray) -> dict:
    return {"compression": "gzip", "shuffle": True} if value.size > 64 else {}


def read_weights(path: Path) -> list[tuple[str, np.ndarray]]:
    """Names and float32 values of a weights file, in order.

    Raises:
        ModelError: if it is missing or damaged.
    """
    try:
        with h5py.File(path, "r", locking=False) as file:
            datasets = [_own(path, file, key) for key in sorted(file)]
            sizes = [dataset.size for dataset in datasets]
            limits.check((sum(sizes),), 4, path, path.stat().st_size)
            return [(str(d.attrs["path"]), np.asarray(d, np.float32)) for d in datasets]
    except Exception as error:  # HDF5 raises what it likes: OSError, KeyError, RuntimeError, ...
        raise ModelError(
            f"{path}: cannot be read as a weights file: {error}. Copy or export the model again."
        ) from error


def _own(path: Path, file: h5py.File, key: str) -> h5py.Dataset:
    """A dataset of a file, unless it lies in another one, or claims too much."""
    dataset = file[key] if isinstance(file.get(key, getlink=True), h5py.HardLink) else None
    if not isinstance(dataset, h5py.Dataset) or dataset.dtype.kind not in "fiu":
        raise ValueError(f"{key} is no array of numbers in it")
    check_dataset(path, dataset)
    return dataset


def load_weights(network: keras.Model, path: Path) -> None:
    """Set all weights of a network.

    Raises:
        ModelError: if number or shapes do not fit the network.
    """
    set_weights(network, read_weights(path), path)


def set_weights(network: keras.Model, values: Sequence[tuple[str, np.ndarray]], path: Path) -> None:
    """Set all weights of a network to names and values of a file; ModelError if they do not fit."""
    if len(values) != len(network.weights):
        raise ModelError(
            f"{path}: holds {len(values)} arrays, the network has {len(network.weights)}; it is of "
            "another model. Copy or export the model again."
        )
    for variable, (name, value) in zip(network.weights, values, strict=True):
        if tuple(variable.shape) != value.shape:
            raise ModelError(
                f"{path}: {name} has shape {value.shape}, the network's {variable.path} "
                f"has {tuple(variable.shape)}."
            )
        variable.assign(value)


def transfer_weights(network: keras.Model, path: Path) -> list:
    """Set the weights that agree in layer, kind and shape; the rest stay as they are.

    Returns:
        The variables that were set.

    Raises:
        InitialisationError: if fewer than a tenth fit; those would fit by chance.
    """

    def key(name: str) -> tuple[str, ...]:
        return tuple(name.split("/")[-2:])

    known = {key(name): value for name, value in read_weights(path)}
    fitting = []
    for variable in network.weights:
        value = known.get(key(variable.path))
        if value is not None and value.shape == tuple(variable.shape):
            fitting.append((variable, value))
    if len(fitting) < len(network.weights) / 10:
        raise InitialisationError(
            f"{path}: {len(fitting)} of {len(network.weights)} arrays fit the network; "
            f"another encoder? Choose the configuration of the model to start from, or --init "
            f"random."
        )
    for variable, value in fitting:
        variable.assign(value)
    return [variable for variable, _ in fitting]
