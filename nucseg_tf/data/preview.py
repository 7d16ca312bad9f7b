"""A contact sheet of what a policy does, to look at."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import tensorflow as tf

from nucseg_tf.config import Config
from nucseg_tf.data.augment import IGNORED, compile_steps
from nucseg_tf.data.pipeline import Sample, roi_dataset
from nucseg_tf.io.files import atomic_path
from nucseg_tf.io.pictures import COLOURS, outline_pixels

ROWS, VARIANTS = 6, 7
GAP = 4  # px between pictures
UNKNOWN = (70, 40, 40)  # red, green, blue; added where labels are unknown


def write_preview(path: Path, samples: Sequence[Sample], config: Config) -> None:
    """Write a PNG: each row a ROI as it was cut, then the same ROI changed in several ways.

    Outlines of the labels are in colour, and unknown places tinted; intensities of 0 to 1 are
    shown as black to white.

    Args:
        path: the PNG file.
        samples: fields in memory.
        config: sizes, policy, seed.

    Raises:
        OutputError: if the file cannot be written.
    """
    plain = config.model_copy(
        update={
            "augment": config.augment.model_copy(update={"steps": []}),
            "data": config.data.model_copy(update={"blank": 0.0}),
        }
    )
    augment = compile_steps(config.augment.steps)
    rows = []
    for number, (image, labels) in enumerate(roi_dataset(samples, plain).take(ROWS)):
        pictures = [picture(image.numpy(), labels.numpy())]
        for variant in range(VARIANTS):
            seed = tf.constant([config.training.seed + variant, number])
            changed = augment(image, labels, seed)
            pictures.append(picture(*(array.numpy() for array in changed)))
        rows.append(np.concatenate(_with_gaps(pictures, axis=1), axis=1))
    sheet = np.concatenate(_with_gaps(rows, axis=0), axis=0)
    with atomic_path(path) as temporary:
        _, encoded = cv2.imencode(".png", sheet[..., ::-1])
        temporary.write_bytes(encoded.tobytes())


def picture(image: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """One ROI in colour: (S, S, 1) and (S, S) to (S, S, 3) uint8."""
    grey = (np.clip(image, 0, 1) * 255).astype(np.uint8)
    colour = np.repeat(grey, 3, axis=2)
    colour[labels == IGNORED] = colour[labels == IGNORED] // 2 + np.array(UNKNOWN, np.uint8)
    rim = outline_pixels(np.maximum(labels, 0))
    colour[rim] = COLOURS[(labels[rim] - 1) % len(COLOURS)]
    return colour


def _with_gaps(pictures: list[np.ndarray], axis: int) -> list[np.ndarray]:
    shape = list(pictures[0].shape)
    shape[axis] = GAP
    gap = np.full(shape, 255, np.uint8)
    return [*itertools.chain.from_iterable((p, gap) for p in pictures)][:-1]
