"""The ROI store: augmented ROIs, drawn once and kept in one HDF5 file.

N  number of ROIs;  S  their side, px

    grey      (N, S, S) uint8 or uint16: image = grey * scale + offset (attributes)
    labels    (N, S, S) uint16, each ROI numbered from 1
    distance  (N, S, S) uint8, 255 is 1 (attribute scale)
    border    (N, S, S) uint8, as distance
    valid     (N, S, S) uint8, 1 where targets count
    mask, erosion, boundary, background  (N, S, S) uint8, 0 or 1, on request

ROI number i is what training would see as its i-th ROI without a store. The file is put together
from parts that lie beside it while it is made; a run that was cut off keeps its parts, and the
same command goes on. Source: Zaki et al. (2020), Methods, "bootstrapping".
"""

from __future__ import annotations

import itertools
import json
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import h5py
import imagecodecs
import numpy as np
import tensorflow as tf

from nucseg_tf.config import Config
from nucseg_tf.data.augment import IGNORED, LIMITS
from nucseg_tf.data.augment.draw import DRAWS
from nucseg_tf.data.pipeline import (
    Sample,
    roi_dataset,
    roi_targets,
    target_adder,
    targets_of,
    to_batch,
)
from nucseg_tf.errors import DataError
from nucseg_tf.io.files import atomic_path, ensure_folder

FORMAT = 1
PART = 500  # ROIs
LEVEL = 1  # of compression; higher ones take longer and save little
TARGETS = ("distance", "border")
MASKS = ("mask", "erosion", "boundary", "background")
Arrays = dict[str, np.ndarray]


def fingerprint(config: Config, count: int, bits: int, masks: bool, sources: Sequence[str]) -> str:
    """What the content of a store depends on, as one JSON text."""
    content = {
        "format": FORMAT,
        "draws": DRAWS,
        "count": count,
        "bits": bits,
        "masks": masks,
        "seed": config.training.seed,
        "data": config.data.model_dump(mode="json"),
        "normalisation": config.normalisation.model_dump(mode="json"),
        "augment": config.augment.model_dump(mode="json"),
        "sources": sorted(sources),
    }
    return json.dumps(content, sort_keys=True)


def write_store(
    path: Path,
    samples: Sequence[Sample],
    config: Config,
    sources: Sequence[str],
    *,
    count: int,
    bits: int = 8,
    masks: bool = False,
    progress: Callable[[int, int, str], bool] = lambda done, total, name: True,
) -> int:
    """Draw ROIs and write them into a store; go on where an earlier run was cut off.

    Args:
        path: the file to write.
        samples: fields in memory.
        config: sizes, policy, seed, threads.
        sources: hashes of the fields.
        count: N.
        bits: of the grey values, 8 or 16.
        masks: also write MASKS.
        progress: called after each part with the ROIs done, N and a word; says whether to go on.

    Returns:
        How many ROIs are done; less than `count` if `progress` said to stop.

    Raises:
        DataError: if the parts beside `path` are of another store.
        OutputError: if nothing can be written there.
    """
    made_of = fingerprint(config, count, bits, masks, sources)
    parts = path.with_name(f"{path.name}.parts")
    _open_parts(parts, made_of, path)
    files = [parts / f"{first:08d}.h5" for first in range(0, count, PART)]
    done = next((i for i, file in enumerate(files) if not file.exists()), len(files))
    rois = iter(roi_dataset(samples, config, done * PART).as_numpy_iterator())
    with ThreadPoolExecutor(config.training.threads) as pool:
        for number in range(done, len(files)):
            size = min(PART, count - number * PART)

            def encode(roi):
                image, labels = roi
                return _encode(roi_arrays(image, labels, config.data.shoulder, bits, masks))

            chunks = _parallel(pool, encode, itertools.islice(rois, size))
            _write_part(files[number], chunks, size, config.data.roi, bits, masks)
            going_on = progress(number * PART + size, count, "ROIs")
            if not going_on and number + 1 < len(files):  # joining the parts takes seconds
                return number * PART + size
    _join(path, files, made_of, count)
    shutil.rmtree(parts)
    return count


def _open_parts(parts: Path, made_of: str, path: Path) -> None:
    note = parts / "made_of.json"
    if note.exists() and note.read_text(encoding="utf-8") != made_of:
        raise DataError(
            f"{parts}: holds parts of a store with other settings or fields, begun earlier. "
            f"Remove that folder, or choose another --out than {path}."
        )
    ensure_folder(parts)
    with atomic_path(note) as temporary:
        temporary.write_text(made_of, encoding="utf-8")


def roi_arrays(image, labels, shoulder: int, bits: int = 8, masks: bool = False) -> Arrays:
    """What is stored of one ROI.

    Args:
        image: (S, S, 1) float32 in LIMITS.
        labels: (S, S) int32, `IGNORED` where unknown.
        shoulder: px that do not count.
        bits: of the grey values.
        masks: also the MASKS.

    Returns:
        (S, S) arrays by name.
    """
    maps, valid = roi_targets(labels, shoulder)
    top = 2**bits - 1
    grey = np.rint((image[..., 0] - LIMITS[0]) * (top / (LIMITS[1] - LIMITS[0])))
    values = np.maximum(labels, 0)
    present = np.bincount(values.ravel()) > 0
    present[0] = False
    numbered = np.cumsum(present)[values]  # labels of a field are few: `load_samples` numbers them
    arrays = {
        "grey": grey.astype(np.uint8 if bits == 8 else np.uint16),
        "labels": numbered.astype(np.uint16),
        **{name: np.rint(maps[..., i] * 255).astype(np.uint8) for i, name in enumerate(TARGETS)},
        "valid": valid[..., 0].astype(np.uint8),
    }
    return arrays | (_masks(arrays["labels"]) if masks else {})


def _masks(labels: np.ndarray) -> Arrays:
    """Nuclei; nuclei without their outermost pixels; those pixels; the background."""
    square = np.ones((3, 3), np.uint8)
    # A pixel is inside where all its neighbours have its label; the edge of the ROI is no border.
    alike = cv2.erode(labels, square) == cv2.dilate(labels, square)
    mask = (labels > 0).astype(np.uint8)
    inner = (alike & (labels > 0)).astype(np.uint8)
    return {"mask": mask, "erosion": inner, "boundary": mask - inner, "background": 1 - mask}


def _encode(arrays: Arrays) -> dict[str, bytes]:
    encode = imagecodecs.deflate_encode
    return {name: bytes(encode(array.tobytes(), LEVEL)) for name, array in arrays.items()}


def _parallel(pool: ThreadPoolExecutor, function: Callable, items: Iterator) -> Iterator:
    """Map in threads, in order, with few items in memory at a time."""
    waiting: list = []
    for item in items:
        waiting.append(pool.submit(function, item))
        if len(waiting) > 32:
            yield waiting.pop(0).result()
    for future in waiting:
        yield future.result()


def _create(file: h5py.File, count: int, size: int, bits: int, masks: bool) -> None:
    names = ("grey", "labels", *TARGETS, "valid", *(MASKS if masks else ()))
    for name in names:
        wide = name == "labels" or (name == "grey" and bits == 16)
        dataset = file.create_dataset(
            name,
            (count, size, size),
            np.uint16 if wide else np.uint8,
            chunks=(1, size, size),
            compression="gzip",
            compression_opts=LEVEL,
        )
        if name in TARGETS:
            dataset.attrs["scale"] = 1 / 255
    file["grey"].attrs["scale"] = (LIMITS[1] - LIMITS[0]) / (2**bits - 1)
    file["grey"].attrs["offset"] = LIMITS[0]


def _write_part(path: Path, chunks, count: int, size: int, bits: int, masks: bool) -> None:
    with atomic_path(path) as temporary, h5py.File(temporary, "w") as file:
        _create(file, count, size, bits, masks)
        for number, arrays in enumerate(chunks):
            for name, data in arrays.items():
                file[name].id.write_direct_chunk((number, 0, 0), data)


def _join(path: Path, files: Sequence[Path], made_of: str, count: int) -> None:
    """Copy the compressed chunks of all parts into one file."""
    content = json.loads(made_of)
    size, bits = content["data"]["roi"], content["bits"]
    with atomic_path(path) as temporary, h5py.File(temporary, "w") as file:
        _create(file, count, size, bits, content["masks"])
        for part_number, part_file in enumerate(files):
            for name, i, data in _chunks(part_file):
                file[name].id.write_direct_chunk((part_number * PART + i, 0, 0), data)
        file.attrs["format"] = FORMAT
        file.attrs["made_of"] = made_of


def _chunks(part_file: Path) -> Iterator[tuple[str, int, bytes]]:
    """Data set, number and compressed bytes of each array of a part."""
    try:
        with h5py.File(part_file, "r") as part:
            for name, dataset in part.items():
                for i in range(len(dataset)):
                    yield name, i, dataset.id.read_direct_chunk((i, 0, 0))[1]
    except (OSError, RuntimeError, ValueError) as error:
        raise DataError(
            f"{part_file}: is damaged ({error}). Remove it and run the same command again."
        ) from error


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
            self.file = h5py.File(path, "r")
            version = int(self.file.attrs["format"])
            made_of = self.file.attrs["made_of"] if version == FORMAT else "{}"
        except (OSError, KeyError) as error:
            raise DataError(
                f"{path}: is no ROI store, or cut short ({error}). Make it with `nucseg augment`."
            ) from error
        if version != FORMAT:
            raise DataError(
                f"{path}: format {version}; this version reads format {FORMAT}. "
                "Make it anew with `nucseg augment`."
            )
        self.content: dict[str, Any] = json.loads(made_of)
        grey = self.file["grey"]
        self.count, self.size = grey.shape[:2]
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
        kept = ("roi", "shoulder", "channel", "z")
        for section, key in (*(("data", key) for key in kept), ("normalisation", None)):
            stored, wanted = self.content[section], mine[section]
            stored, wanted = (v if key is None else v[key] for v in (stored, wanted))
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

    def read(self, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """One ROI for FPN2-WS: image (S, S, 1), maps (S, S, 2), valid (S, S, 1), float32.

        Raises:
            DataError: if it is damaged.
        """
        image, distance, border, valid = self._arrays(number, *TARGETS, "valid")
        maps = np.stack([distance, border], -1) * np.float32(1 / 255)
        return image, maps, valid[..., None].astype(np.float32)

    def read_labels(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """One ROI for other families: image (S, S, 1) float32, labels (S, S) int32.

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
        except (OSError, RuntimeError, ValueError) as error:
            self.error = DataError(f"{self.path}: ROI {number} is damaged: {error}")
            raise self.error from error
        return [(grey * self._scale + self._offset)[..., None], *others]

    def _decode(self, name: str, number: int) -> np.ndarray:
        dataset, dtype = self._datasets[name]
        with self._lock:  # a direct read fails while another thread is anywhere in HDF5
            _, data = dataset.id.read_direct_chunk((number, 0, 0))
        flat = np.frombuffer(imagecodecs.deflate_decode(data), dtype)
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

    maps = config.model.family == "fpn2ws"  # whose targets are stored
    shapes, add = targets_of(config).shapes, target_adder(config)

    def read(position, number):
        if maps:
            types: tuple = (tf.float32, tf.float32, tf.float32)
            image, *arrays = tf.numpy_function(store.read, (number,), types, stateful=False)
            return to_batch(image, arrays, shapes, store.size)
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
