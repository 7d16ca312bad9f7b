"""Reading of a ROI store, and training from it. S side of a ROI, K planes."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import h5py
import imagecodecs
import numpy as np
import tensorflow as tf
from pydantic import BaseModel

from nucseg_tf.config import Config
from nucseg_tf.data.pipeline import target_adder, to_batch
from nucseg_tf.data.roi_store.layout import FORMAT, SCALE
from nucseg_tf.errors import DataError
from nucseg_tf.io.documents import from_json
from nucseg_tf.io.readers.hdf5 import try_hdf5
from nucseg_tf.types import IGNORED

MOST_SIDE = 2**14  # px, of a ROI


class _MadeOf(BaseModel):
    """What is looked at of what a store was made of."""

    data: dict[str, Any]
    normalisation: dict[str, Any]
    sources: list[str]


class RoiStore:
    """A store, to train from.

    Args:
        path: the file.

    Raises:
        DataError: if it is missing, cut short, or of another version.
    """

    def __init__(self, path: Path):
        self.path = path
        self._lock = threading.Lock()
        self.error: DataError | None = None  # what went wrong while TensorFlow was reading
        try:
            try_hdf5(path, "format", "made_of", "scale", "offset")
            self.file = h5py.File(path, "r", locking=False)
            version = int(self.file.attrs["format"])
            if version == FORMAT:
                self._describe()
        except Exception as error:  # HDF5 raises what it likes: OSError, RuntimeError, ...
            raise DataError(
                f"{path}: is no ROI store, or cut short ({error}). Make it with `nucseg augment`."
            ) from error
        if version != FORMAT:
            raise DataError(
                f"{path}: format {version}; this version reads format {FORMAT}. "
                "Make it anew with `nucseg augment`."
            )

    def _describe(self) -> None:
        """What the file says of its ROIs; any error where it says nothing that makes sense."""
        self.content: dict[str, Any] = from_json(self.file.attrs["made_of"])
        _MadeOf.model_validate(self.content)
        grey = self.file["grey"]
        self.count, side, other = grey.shape
        if not 0 < side == other <= MOST_SIDE:
            raise ValueError(f"ROIs of {side} x {other} px")
        self.size = side
        self._datasets = {name: (dataset, dataset.dtype) for name, dataset in self.file.items()}
        self._scale, self._offset = (np.float32(grey.attrs[key]) for key in ("scale", "offset"))

    def check(self, config: Config, validation: Sequence[str]) -> None:
        """Refuse a store that does not fit a training.

        Args:
            config: of the training.
            validation: hashes of the fields that validate it.

        Raises:
            DataError: for another size, shoulder, channel, plane or normalisation, or ROIs cut from
                a field that is to validate.
        """
        mine = config.model_dump(mode="json")
        kept = ("roi", "shoulder", "channel", "z", "invert", "split_binary")
        for section, key in (*(("data", key) for key in kept), ("normalisation", None)):
            stored, wanted = self.content[section], mine[section]
            stored, wanted = (v if key is None else v.get(key, False) for v in (stored, wanted))
            if stored != wanted:
                raise DataError(
                    f"{self.path}: was made with {section}{f'.{key}' if key else ''} {stored}, "
                    f"the configuration says {wanted}. Make it anew with `nucseg augment`."
                )
        sources = {*self.content["sources"]}
        shared = sources & {*validation}
        if shared and len(sources) > 1:  # a single field trains and validates
            raise DataError(
                f"{self.path}: {len(shared)} of the fields that validate are in it, which would "
                "flatter the model. Make it anew from the same --data and configuration."
            )

    def holds(self, planes: Sequence[str]) -> bool:
        """Whether planes of a family, if it has any, are all stored."""
        return bool(planes) and {*planes} <= {*self._datasets}

    def read(self, number: int, planes: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """One ROI with stored targets: image (S, S, 1), maps (S, S, K), valid (S, S, 1), float32.

        Raises:
            DataError: if it is damaged.
        """
        image, *levels, valid = self._arrays(number, *planes, "valid")
        maps = np.stack(levels, -1) * np.float32(SCALE)
        return image, maps, valid[..., None].astype(np.float32)

    def read_labels(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """One ROI whose targets are to be made: image (S, S, 1) float32, labels (S, S) int32.

        Background that does not count is `IGNORED`, the shoulder included.

        Raises:
            DataError: if it is damaged.
        """
        image, labels, valid = self._arrays(number, "labels", "valid")
        known = labels.astype(np.int32)
        known[(labels == 0) & (valid == 0)] = IGNORED
        return image, known

    def _arrays(self, number: int, *names: str) -> list[np.ndarray]:
        """The image, and other arrays as they are stored."""
        try:
            grey, *others = (self._decode(name, number) for name in ("grey", *names))
        except Exception as error:  # HDF5 and decoders raise what they like
            self.error = DataError(f"{self.path}: ROI {number} is damaged: {error}")
            raise self.error from error
        return [(grey * self._scale + self._offset)[..., None], *others]

    def _decode(self, name: str, number: int) -> np.ndarray:
        dataset, dtype = self._datasets[name]
        with self._lock:  # a direct read fails while another thread is anywhere in HDF5
            _, data = dataset.id.read_direct_chunk((number, 0, 0))
        length = self.size**2 * dtype.itemsize
        flat = np.frombuffer(imagecodecs.deflate_decode(data, out=length), dtype)
        return flat.reshape(self.size, self.size)


def store_dataset(store: RoiStore, config: Config, start: int = 0) -> tf.data.Dataset:
    """Endless batches from a store: every ROI once a cycle, each cycle in an order of its own.

    Args:
        store: the store.
        config: batch, seed, threads.
        start: number of the first training step.

    Returns:
        Dataset as of `training_dataset`.
    """
    training = config.training

    def order() -> Iterator[int]:
        first = start * training.batch
        for cycle in itertools.count(first // store.count):
            permutation = np.random.default_rng((training.seed, cycle)).permutation(store.count)
            yield from permutation[first % store.count :]
            first = 0

    targets, add = config.family.targets(config), target_adder(config)
    stored = store.holds(targets.planes)

    def read(position, number):
        if stored:
            types: tuple = (tf.float32, tf.float32, tf.float32)
            image, *arrays = tf.numpy_function(
                lambda roi: store.read(roi, targets.planes), (number,), types, stateful=False
            )
            return to_batch(image, arrays, targets.shapes, store.size)
        types = (tf.float32, tf.int32)
        image, labels = tf.numpy_function(store.read_labels, (number,), types, stateful=False)
        return add(position, image, labels)

    return (
        tf.data.Dataset.from_generator(order, output_signature=tf.TensorSpec((), tf.int64))
        .enumerate(start * training.batch)
        .map(read, num_parallel_calls=training.threads, deterministic=True)
        .batch(training.batch, drop_remainder=True)
        .prefetch(2)
    )
