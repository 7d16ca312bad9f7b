"""From fields to batches of ROIs: draw, crop, zoom, augment, make targets.

Sample number i of a training depends on the seed and on i alone. So the stream is the same for
any number of threads, and a training resumed at step n sees what the uninterrupted one would.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import tensorflow as tf

from nucseg_tf.config import Config
from nucseg_tf.data.augment import IGNORED, compile_steps
from nucseg_tf.data.augment.draw import pixels, split
from nucseg_tf.data.augment.noise import sometimes_blank
from nucseg_tf.data.manifest import load_field
from nucseg_tf.errors import TrainingError
from nucseg_tf.io.labels import relabel
from nucseg_tf.io.normalise import normalise
from nucseg_tf.targets import relative_position
from nucseg_tf.targets.boxes import boxes_of
from nucseg_tf.targets.distance_border import targets as make_targets
from nucseg_tf.types import Field


@dataclass(frozen=True)
class Sample:
    """One field in memory.

    Attributes:
        image: (H, W) float16, normalised by percentiles of the whole field.
        labels: (H, W), uint16 where that is enough.
        diameter: median equivalent diameter of its nuclei, px; 0 where it has none.
        group: what the field is balanced by.
    """

    image: np.ndarray
    labels: np.ndarray
    diameter: float
    group: str


def median_diameter(labels: np.ndarray) -> float:
    """Median diameter, px, of circles with the areas of the labels; 0 without labels."""
    areas = np.bincount(labels.ravel())[1:]
    areas = areas[areas > 0]
    return float(np.sqrt(4 / np.pi * np.median(areas))) if len(areas) else 0.0


def load_samples(fields: Sequence[Field], config: Config) -> list[Sample]:
    """Read, check and normalise fields.

    Raises:
        DataError: for a field that cannot be read, naming the file.
    """
    samples = []
    for field in fields:
        pixels, labels = load_field(field, config.data.channel, config.data.z)
        labels = relabel(labels)
        image = normalise(pixels, config.normalisation.low, config.normalisation.high)
        samples.append(
            Sample(
                image.astype(np.float16),  # finer than 12 bits, and half the memory
                labels.astype(np.min_scalar_type(max(labels.max(), 256))),
                median_diameter(labels),
                field.group,
            )
        )
    return samples


def zoom_limits(
    sample: Sample, zoom: tuple[float, float], diameter: tuple[float, float], size: int
) -> tuple[float, float]:
    """The part of the range of zooms that suits a field.

    The median nucleus stays within `diameter` px, and the window of `size` px reaches over a
    small field by a quarter of its side at most, for mirrored pixels teach nothing.
    """
    low, high = zoom
    low = max(low, size / (1.25 * min(sample.image.shape)))
    if sample.diameter:
        low = max(low, diameter[0] / sample.diameter)
        high = min(high, diameter[1] / sample.diameter)
    low, high = min(low, zoom[1]), max(high, zoom[0])
    return (low, max(low, high))


def read_roi(sample: Sample, position: tuple[float, float], zoom: float, size: int):
    """Cut a window, resized to (size, size), out of a field.

    A field smaller than the window is mirrored; there the labels are `IGNORED`.

    Args:
        sample: the field.
        position: of the window in the field's free range, [0, 1] each (row, column).
        zoom: > 1 enlarges.
        size: S, px.

    Returns:
        (S, S) float32 image and (S, S) int32 labels.
    """
    side = max(round(size / zoom), 1)
    slices, padding = [], []
    for length, where in zip(sample.image.shape, position, strict=True):
        free = length - side
        start = round(where * max(free, 0))
        slices.append(slice(start, start + side))
        before = round(where * max(-free, 0))
        padding.append((before, max(-free, 0) - before))
    window = tuple(slices)
    image: np.ndarray = sample.image[window].astype(np.float32)
    labels: np.ndarray = sample.labels[window].astype(np.int32)
    if any(before or after for before, after in padding):
        image = np.pad(image, padding, "symmetric")
        labels = np.pad(labels, padding, constant_values=IGNORED)
    if side != size:
        shrink = cv2.INTER_AREA if side > size else cv2.INTER_LINEAR
        image = cv2.resize(image, (size, size), interpolation=shrink)
        labels = cv2.resize(labels, (size, size), interpolation=cv2.INTER_NEAREST_EXACT)
    return image, labels


def valid_mask(labels: np.ndarray, shoulder: int) -> np.ndarray:
    """Where targets count: inside the shoulder, and not in or beside padding. (S, S) float32."""
    known: np.ndarray = np.ones(labels.shape, np.uint8)
    known[labels == IGNORED] = 0
    if shoulder:
        known = cv2.copyMakeBorder(known, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
        square = np.ones((2 * shoulder + 1, 2 * shoulder + 1), np.uint8)
        known = cv2.erode(known, square)[1:-1, 1:-1]
    return known.astype(np.float32)


def roi_targets(labels: np.ndarray, shoulder: int) -> tuple[np.ndarray, np.ndarray]:
    """Maps (S, S, 2) and validity (S, S, 1) of one ROI."""
    valid = valid_mask(labels, shoulder)
    return make_targets(np.where(labels == IGNORED, 0, labels)), valid[..., None]


def _position_targets(labels: np.ndarray, shoulder: int) -> tuple[np.ndarray, ...]:
    """Maps (S, S, 5), whole nuclei and validity (S, S, 1) of one ROI."""
    return (*relative_position.targets(labels), valid_mask(labels, shoulder)[..., None])


def _by_group(samples: Sequence[Sample]) -> tuple[list[Sample], np.ndarray, np.ndarray]:
    """Samples in the order of their groups, where each one's share ends, each group's last one.

    Every group has a stretch of length 1; in it, fields have shares by the root of their area.
    """
    ordered = sorted(samples, key=lambda sample: sample.group)
    roots = np.sqrt([sample.image.size for sample in ordered])
    _, index = np.unique([sample.group for sample in ordered], return_inverse=True)
    roots /= np.bincount(index, roots)[index]
    return ordered, np.cumsum(roots).astype(np.float32), np.cumsum(np.bincount(index)) - 1


@dataclass(frozen=True)
class Targets:
    """How the targets of a model family are made of the labels of one ROI.

    Attributes:
        encode: from (S, S) labels to the arrays in the order of `shapes`.
        shapes: name -> shape and type of each array.
        noise: how many numbers in [0, 1) go with them, for what the losses draw at random.
    """

    encode: Callable[[np.ndarray], tuple[np.ndarray, ...]]
    shapes: Mapping[str, tuple[tuple[int, ...], type]]
    noise: int = 0


def targets_of(config: Config) -> Targets:
    """The targets of the family of a configuration."""
    size, shoulder, detector = config.data.roi, config.data.shoulder, config.model.detector
    if config.model.family == "mask_rcnn":
        most = detector.most_nuclei
        shapes: dict[str, tuple[tuple[int, ...], type]] = {
            "boxes": ((most, 4), np.float32),
            "ids": ((most,), np.int32),
            "labels": ((size, size), np.int32),
        }
        # as many as there are anchors (of strides 4, 8, ...), or boxes to choose from
        noise = max(
            len(detector.ratios) * (size // 4) ** 2 * 4 // 3, most + detector.train_proposals
        )
        return Targets(lambda labels: boxes_of(labels, most), shapes, noise)
    if config.model.family == "jacobkie":
        shapes = {
            "maps": ((size, size, 5), np.float32),
            "whole": ((size, size, 1), np.float32),
            "valid": ((size, size, 1), np.float32),
        }
        return Targets(lambda labels: _position_targets(labels, shoulder), shapes)
    shapes = {"maps": ((size, size, 2), np.float32), "valid": ((size, size, 1), np.float32)}
    return Targets(lambda labels: roi_targets(labels, shoulder), shapes)


def target_adder(config: Config) -> Callable:
    """Make the function, for a graph, of a ROI's number, image and labels to image and targets."""
    targets = targets_of(config)
    types = [dtype for _, dtype in targets.shapes.values()]
    seed = np.int32(config.training.seed + 1)  # apart from the seeds of the ROIs

    def add(number, image, labels):
        arrays = tf.numpy_function(targets.encode, (labels,), types, stateful=False)
        image, found = to_batch(image, arrays, targets.shapes, config.data.roi)
        if targets.noise:
            own = tf.stack([seed, tf.cast(number, tf.int32)])
            found["noise"] = pixels((targets.noise,), own)
        return image, found

    return add


def to_batch(image, arrays, shapes: Mapping, size: int) -> tuple:
    """Image and named targets, with the shapes that TensorFlow cannot know."""
    named = zip(shapes.items(), arrays, strict=True)
    found = {name: tf.ensure_shape(array, shape) for (name, (shape, _)), array in named}
    return tf.ensure_shape(image, (size, size, 1)), found


def roi_dataset(samples: Sequence[Sample], config: Config, start: int = 0) -> tf.data.Dataset:
    """Endless augmented ROIs; the groups of the fields take turns.

    Args:
        samples: fields in memory.
        config: sizes, policy, seed, threads.
        start: number of the first ROI.

    Returns:
        Dataset of image (S, S, 1) float32 and labels (S, S) int32, `IGNORED` where unknown.

    Raises:
        TrainingError: without fields.
    """
    if not samples:
        raise TrainingError("No usable field to train on. Check the data with `nucseg validate`.")
    size, seed = config.data.roi, np.int32(config.training.seed)
    ordered, ends, lasts = _by_group(samples)
    limits = np.array(
        [zoom_limits(s, config.augment.zoom, config.data.diameter, size) for s in ordered],
        np.float32,
    )

    augment = compile_steps(config.augment.steps)

    def cut(index, row, column, zoom):
        return read_roi(ordered[int(index)], (float(row), float(column)), float(zoom), size)

    def roi(number):
        seeds = split(tf.stack([seed, tf.cast(number, tf.int32)]), 3)
        draw = pixels((4,), seeds[0])
        group = tf.cast(number % len(lasts), tf.int32)
        index = tf.searchsorted(ends, draw[:1] + tf.cast(group, tf.float32), side="right")[0]
        index = tf.minimum(index, tf.gather(lasts.astype(np.int32), group))
        low, high = tf.unstack(tf.math.log(tf.gather(limits, index)))
        zoom = tf.exp(low + draw[3] * (high - low))
        arguments = (index, draw[1], draw[2], zoom)
        image, labels = tf.numpy_function(cut, arguments, (tf.float32, tf.int32), stateful=False)
        image = tf.ensure_shape(image, (size, size))[..., None]
        labels = tf.ensure_shape(labels, (size, size))
        image, labels = sometimes_blank(image, labels, seeds[1], config.data.blank)
        return augment(image, labels, seeds[2])

    numbers = tf.data.Dataset.range(start, np.iinfo(np.int32).max)
    return numbers.map(roi, num_parallel_calls=config.training.threads, deterministic=True)


def training_dataset(samples: Sequence[Sample], config: Config, start: int = 0) -> tf.data.Dataset:
    """Endless batches of augmented ROIs with their targets.

    Args:
        samples: fields in memory.
        config: sizes, policy, seed, threads.
        start: number of the first training step; a resumed training goes on there.

    Returns:
        Dataset of (image (B, S, S, 1), targets by name): of FPN2-WS "maps" (B, S, S, 2) and
        "valid" (B, S, S, 1), of the others those that their losses ask for.

    Raises:
        TrainingError: without fields.
    """
    training, add = config.training, target_adder(config)
    first = start * training.batch
    return (
        roi_dataset(samples, config, first)
        .enumerate(first)
        .map(
            lambda number, roi: add(number, *roi),
            num_parallel_calls=training.threads,
            deterministic=True,
        )
        .batch(training.batch, drop_remainder=True)
        .prefetch(2)
    )


def validation_dataset(samples: Sequence[Sample], config: Config, limit: int = 160):
    """Fixed ROIs at the fields' own scale, without augmentation, spread over all fields.

    Args:
        samples: fields in memory.
        config: sizes.
        limit: number of ROIs at most.

    Returns:
        Dataset as of `training_dataset`, cached and finite.
    """
    size = config.data.roi
    places = []
    for number, sample in enumerate(samples):
        steps = [max(1, -(-length // size)) for length in sample.image.shape]
        for row in np.linspace(0, 1, steps[0]) if steps[0] > 1 else [0.5]:
            for column in np.linspace(0, 1, steps[1]) if steps[1] > 1 else [0.5]:
                places.append((number, float(row), float(column)))
    chosen = [
        places[i] for i in np.linspace(0, len(places) - 1, min(limit, len(places)), dtype=int)
    ]

    targets = targets_of(config)
    noise = np.random.default_rng(0)

    def rois():
        for number, row, column in chosen:
            image, labels = read_roi(samples[number], (row, column), 1.0, size)
            arrays = targets.encode(labels)
            image, found = to_batch(tf.constant(image[..., None]), arrays, targets.shapes, size)
            if targets.noise:
                found["noise"] = noise.random(targets.noise, np.float32)
            yield image, found

    signature = (
        tf.TensorSpec((size, size, 1), tf.float32),
        {name: tf.TensorSpec(shape, dtype) for name, (shape, dtype) in targets.shapes.items()},
    )
    if targets.noise:
        signature[1]["noise"] = tf.TensorSpec((targets.noise,), tf.float32)
    found = tf.data.Dataset.from_generator(rois, output_signature=signature)
    found = found.apply(tf.data.experimental.assert_cardinality(len(chosen)))
    return found.batch(config.training.batch).cache()
