"""Writing of a ROI store: in parts, so that a run that was cut off goes on. S side of a ROI, px."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import h5py
import imagecodecs
import numpy as np

from nucseg_tf.config import Config
from nucseg_tf.data.augment import LIMITS
from nucseg_tf.data.augment.draw import DRAWS
from nucseg_tf.data.pipeline import roi_dataset
from nucseg_tf.data.roi import valid_mask
from nucseg_tf.data.roi_store.layout import FORMAT, LEVEL, MASKS, PART, SCALE
from nucseg_tf.data.sample import Sample
from nucseg_tf.errors import DataError
from nucseg_tf.io.files import (
    atomic_path,
    ensure_folder,
    remove_temporaries,
    remove_temporaries_of,
    warn_if_short,
)
from nucseg_tf.io.locks import only_one
from nucseg_tf.types import Targets

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
        "planes": config.family.targets(config).planes,
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
        OutputError: if nothing can be written there, or another process does.
    """
    what = f"{path}: another process writes this store"
    lock = path.with_name(f".{path.name}.lock")
    with only_one(lock, what, "Wait for its end, or choose another --out."):
        return _write(path, samples, config, sources, count, bits, masks, progress)


def _write(
    path: Path,
    samples: Sequence[Sample],
    config: Config,
    sources: Sequence[str],
    count: int,
    bits: int,
    masks: bool,
    progress: Callable[[int, int, str], bool],
) -> int:
    made_of = fingerprint(config, count, bits, masks, sources)
    parts = path.with_name(f"{path.name}.parts")
    remove_temporaries_of(path)
    _open_parts(parts, made_of, path)
    files = [parts / f"{first:08d}.h5" for first in range(0, count, PART)]
    done = next((i for i, file in enumerate(files) if not file.exists()), len(files))
    targets, shoulder = config.family.targets(config), config.data.shoulder
    rois = iter(roi_dataset(samples, config, done * PART).as_numpy_iterator())
    with ThreadPoolExecutor(config.training.threads) as pool:
        for number in range(done, len(files)):
            size = min(PART, count - number * PART)

            def encode(roi):
                image, labels = roi
                return _encode(roi_arrays(image, labels, targets, shoulder, bits, masks))

            chunks = _parallel(pool, encode, itertools.islice(rois, size))
            _write_part(files[number], chunks, size, json.loads(made_of))
            if (
                number == done
            ):  # for the other parts, and all of them once more when they are joined
                to_come = (2 * len(files) - done - 1) * files[number].stat().st_size
                warn_if_short(path.parent, to_come, "the store, while it is written,")
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
    if not note.exists():  # killed while it removed them: of which store these are, nobody knows
        shutil.rmtree(parts, ignore_errors=True)
    remove_temporaries(ensure_folder(parts))
    with atomic_path(note) as temporary:
        temporary.write_text(made_of, encoding="utf-8")


def roi_arrays(
    image, labels, targets: Targets, shoulder: int, bits: int = 8, masks: bool = False
) -> Arrays:
    """What is stored of one ROI.

    Args:
        image: (S, S, 1) float32 in LIMITS.
        labels: (S, S) int32, `IGNORED` where unknown.
        targets: of the family; their planes are stored.
        shoulder: px that do not count.
        bits: of the grey values.
        masks: also the MASKS.

    Returns:
        (S, S) arrays by name.
    """
    planes: Arrays = {}
    if targets.planes:
        encoded = dict(zip(targets.shapes, targets.encode(labels), strict=True))
        levels = np.rint(encoded["maps"] / SCALE).astype(np.uint8)
        planes = {name: levels[..., i] for i, name in enumerate(targets.planes)}
    top = 2**bits - 1
    grey = np.rint((image[..., 0] - LIMITS[0]) * (top / (LIMITS[1] - LIMITS[0])))
    values = np.maximum(labels, 0)
    present = np.bincount(values.ravel()) > 0
    present[0] = False
    numbered = np.cumsum(present)[values]  # labels of a field are few: `load_samples` numbers them
    arrays = {
        "grey": grey.astype(np.uint8 if bits == 8 else np.uint16),
        "labels": numbered.astype(np.uint16),
        **planes,
        "valid": valid_mask(labels, shoulder).astype(np.uint8),
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


def _create(file: h5py.File, count: int, content: dict) -> None:
    """Make the empty data sets of a store or part; `content` is what `fingerprint` says."""
    size, bits, planes = content["data"]["roi"], content["bits"], content["planes"]
    names = ("grey", "labels", *planes, "valid", *(MASKS if content["masks"] else ()))
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
        if name in planes:
            dataset.attrs["scale"] = SCALE
    file["grey"].attrs["scale"] = (LIMITS[1] - LIMITS[0]) / (2**bits - 1)
    file["grey"].attrs["offset"] = LIMITS[0]


def _write_part(path: Path, chunks, count: int, content: dict) -> None:
    with atomic_path(path) as temporary, h5py.File(temporary, "w", locking=False) as file:
        _create(file, count, content)
        for number, arrays in enumerate(chunks):
            for name, data in arrays.items():
                file[name].id.write_direct_chunk((number, 0, 0), data)


def _join(path: Path, files: Sequence[Path], made_of: str, count: int) -> None:
    """Copy the compressed chunks of all parts into one file."""
    with atomic_path(path) as temporary, h5py.File(temporary, "w", locking=False) as file:
        _create(file, count, json.loads(made_of))
        for part_number, part_file in enumerate(files):
            for name, i, data in _chunks(part_file):
                file[name].id.write_direct_chunk((part_number * PART + i, 0, 0), data)
        file.attrs["format"] = FORMAT
        file.attrs["made_of"] = made_of


def _chunks(part_file: Path) -> Iterator[tuple[str, int, bytes]]:
    """Data set, number and compressed bytes of each array of a part."""
    try:
        with h5py.File(part_file, "r", locking=False) as part:
            for name, dataset in part.items():
                for i in range(len(dataset)):
                    yield name, i, dataset.id.read_direct_chunk((i, 0, 0))[1]
    except (OSError, RuntimeError, ValueError) as error:
        raise DataError(
            f"{part_file}: is damaged ({error}). Remove it and run the same command again."
        ) from error
