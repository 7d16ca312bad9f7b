"""Trains a StarDist of the shape of `2D_versatile_fluo`, where its own weights cannot be had.

    PYTHON stardist_train.py DATA --out MODEL [--minutes 4] [--fields 60]

PYTHON is one with `stardist` and TensorFlow; DATA has train/ and val/, each with images/ and
masks/. The network is that of `2D_versatile_fluo` (U-Net of depth 3, 32 filters, 32 rays, grid
2 x 2), so it takes the time that the published one takes. Trained for minutes, it is worse; all
that is wanted of it is about the right number of candidates and nuclei, on which the time of its
suppression depends.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from csbdeep.utils import normalize
from keras.callbacks import Callback
from skimage.io import imread
from stardist.models import Config2D, StarDist2D

PERCENTILES = (1, 99.8)  # as StarDist's examples normalise
STEPS = 25  # of an epoch
SHAPE = {"n_rays": 32, "grid": (2, 2), "unet_n_depth": 3, "unet_n_filter_base": 32}


class TimeLimit(Callback):
    """Stops a training after some minutes."""

    def __init__(self, minutes: float):
        super().__init__()
        self.end = time.monotonic() + 60 * minutes
        self.steps = 0

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Stop if it is time."""
        self.steps += 1
        if time.monotonic() > self.end:
            self.model.stop_training = True


def load(folder: Path, count: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Images, normalised, and label images: the first of a folder that are 256 px or more."""
    images, masks = [], []
    for file in sorted((folder / "images").iterdir()):
        image = imread(file)
        if min(image.shape) < 256:
            continue
        images.append(normalize(image, *PERCENTILES, axis=(0, 1)).astype(np.float32))
        masks.append(imread(next((folder / "masks").glob(f"{file.stem}.*"))).astype(np.int32))
        if len(images) == count:
            break
    return images, masks


def turned(image: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One of the square's eight symmetries."""
    turns, flip = np.random.randint(4), np.random.randint(2)
    image, mask = np.rot90(image, turns), np.rot90(mask, turns)
    return (image[::-1], mask[::-1]) if flip else (image, mask)


def main() -> None:
    """Train, tune the thresholds, and say how long it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=4)
    parser.add_argument("--fields", type=int, default=60)
    arguments = parser.parse_args()
    np.random.seed(0)
    images, masks = load(arguments.data / "train", arguments.fields)
    held = load(arguments.data / "val", 8)
    config = Config2D(
        **SHAPE, train_steps_per_epoch=STEPS, train_tensorboard=False, train_reduce_lr=None
    )
    out = arguments.out.resolve()
    model = StarDist2D(config, name=out.name, basedir=str(out.parent))
    model.prepare_for_training()
    limit = TimeLimit(arguments.minutes)
    model.callbacks.append(limit)
    model.train(images, masks, validation_data=held, augmenter=turned, epochs=1000)
    model.optimize_thresholds(*held, nms_threshs=[0.3, 0.4], iou_threshs=[0.5])
    print(f"{limit.steps} steps on {len(images)} fields; thresholds {model.thresholds}")


if __name__ == "__main__":
    main()
