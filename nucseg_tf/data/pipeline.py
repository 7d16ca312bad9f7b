"""From fields to batches of ROIs: draw, crop, zoom, augment, make targets.

Sample number i of a training depends on the seed and on i alone. So the stream is the same for
any number of threads, and a training resumed at step n sees what the uninterrupted one would.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from nucseg_tf.config import Config
from nucseg_tf.data.augment import compile_steps
from nucseg_tf.data.augment.draw import pixels, split
from nucseg_tf.data.augment.noise import sometimes_blank
from nucseg_tf.data.compose import compose
from nucseg_tf.data.roi import read_roi, zoom_limits
from nucseg_tf.data.sample import Sample
from nucseg_tf.errors import TrainingError
from nucseg_tf.types import IGNORED

ALIKE = 0.7  # share of nuclei that are copied from a field of the same group
OTHER_SIZE = (0.75, 1.33)  # diameter of copied nuclei, of that of the others


def _by_group(samples: Sequence[Sample]) -> tuple[list[Sample], np.ndarray, np.ndarray]:
    """Samples in the order of their groups, where each one's share ends, each group's last one.

    Every group has a stretch of length 1; in it, fields have shares by the root of the area of
    which something is known.
    """
    ordered = sorted(samples, key=lambda sample: sample.group)
    roots = np.sqrt([np.count_nonzero(sample.labels != IGNORED) for sample in ordered])
    _, index = np.unique([sample.group for sample in ordered], return_inverse=True)
    roots /= np.bincount(index, roots)[index]
    return ordered, np.cumsum(roots).astype(np.float32), np.cumsum(np.bincount(index)) - 1


class Picker:
    """Draws the ROIs that give their nuclei to others.

    Args:
        ordered, lasts: as of `_by_group`.
        config: sizes.
    """

    def __init__(self, ordered: Sequence[Sample], lasts: np.ndarray, config: Config):
        self.samples, self.size = ordered, config.data.roi
        firsts = np.concatenate([[0], lasts[:-1] + 1])
        bounds = zip(firsts, lasts + 1, strict=True)
        groups = [[i for i in range(*ends) if ordered[i].diameter] for ends in bounds]
        self.groups = [group for group in groups if group]
        self.alike = {index: group for group in self.groups for index in group}

    def __call__(self, index: int, diameter: float, rng: np.random.Generator):
        """A ROI in which nuclei have about `diameter` px; mostly of a field like number `index`."""
        if not self.groups:
            return read_roi(self.samples[index], (0.5, 0.5), 1.0, self.size)
        group = self.alike.get(index)
        if group is None or rng.random() > ALIKE:
            group = self.groups[rng.integers(len(self.groups))]
        sample = self.samples[group[rng.integers(len(group))]]
        zoom = diameter / sample.diameter * np.exp(rng.uniform(*np.log(OTHER_SIZE)))
        return read_roi(sample, tuple(rng.random(2)), float(zoom), self.size)


def target_adder(config: Config) -> Callable:
    """Make the function, for a graph, of a ROI's number, image and labels to image and targets."""
    targets = config.family.targets(config)
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

    shares = config.augment.compose
    composed = any(shares.model_dump().values())
    pick = Picker(ordered, lasts, config)

    def cut(index, row, column, zoom, own):
        sample = ordered[int(index)]
        image, labels = read_roi(sample, (float(row), float(column)), float(zoom), size)
        if not composed:
            return image, labels
        diameter = sample.diameter * float(zoom) or config.data.middle
        rng = np.random.default_rng(own.view(np.uint32))
        donor = functools.partial(pick, int(index), diameter)
        return compose(image, labels, donor, shares, diameter, rng)

    def roi(number):
        seeds = split(tf.stack([seed, tf.cast(number, tf.int32)]), 4)
        draw = pixels((4,), seeds[0])
        group = tf.cast(number % len(lasts), tf.int32)
        index = tf.searchsorted(ends, draw[:1] + tf.cast(group, tf.float32), side="right")[0]
        index = tf.minimum(index, tf.gather(lasts.astype(np.int32), group))
        low, high = tf.unstack(tf.math.log(tf.gather(limits, index)))
        zoom = tf.exp(low + draw[3] * (high - low))
        arguments = (index, draw[1], draw[2], zoom, seeds[3])
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
        Dataset of (image (B, S, S, 1), targets by name (B, ...)), those that the family asks for.

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
