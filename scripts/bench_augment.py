"""Times augmentation: `python scripts/bench_augment.py [--data DIR] [--json]`.

ROIs of 256 x 256 px a second, of each operation and each policy, in tf.data and, as the reference,
written with OpenCV and NumPy in a pool of as many threads; both in turns in one process, best of
three. With --data also how much of a training step is spent waiting for data. Machines differ and
are noisy: compare figures of one run.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np

from nucseg_tf.config import SHIPPED, Config, Policy, load_config, policy_values
from nucseg_tf.policy import OPERATIONS, check_steps

SIZE, ROUNDS, WARM = 256, 3, 16
LIMITS = (-0.5, 2.0)
Roi = tuple[np.ndarray, np.ndarray]

# --- the reference: the same policies with OpenCV and NumPy ------------------------------------


def _both(change: Callable[[np.ndarray], np.ndarray]) -> Callable:
    return lambda image, labels, rng: (change(image), change(labels))


def _image(change: Callable[..., np.ndarray]) -> Callable:
    return lambda image, labels, rng, **drawn: (change(image, rng, **drawn), labels)


def _affine(image, labels, matrix) -> Roi:
    size = image.shape[::-1]
    moved = cv2.warpAffine(image, matrix, size, borderMode=cv2.BORDER_REFLECT)
    options = {"flags": cv2.INTER_NEAREST, "borderValue": -1}
    return moved, cv2.warpAffine(labels.astype(np.int16), matrix, size, **options).astype(np.int32)


def _rotate(image, labels, rng, degrees) -> Roi:
    return _affine(image, labels, cv2.getRotationMatrix2D((127.5, 127.5), degrees, 1))


def _resize(image, labels, rng, factor) -> Roi:
    return _affine(image, labels, cv2.getRotationMatrix2D((127.5, 127.5), 0, factor))


def _elastic(image, labels, rng, magnitude, spacing) -> Roi:
    count = int(SIZE / spacing) + 2
    grid = rng.standard_normal((count, count, 2)).astype(np.float32)
    field = cv2.resize(grid, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
    field *= magnitude / np.sqrt(np.mean(field**2) + 1e-12)
    rows, columns = np.indices((SIZE, SIZE), np.float32)
    places = columns + field[..., 1], rows + field[..., 0]
    moved = cv2.remap(image, *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    options = {"borderMode": cv2.BORDER_CONSTANT, "borderValue": -1}
    return moved, cv2.remap(labels.astype(np.int16), *places, cv2.INTER_NEAREST, **options).astype(
        np.int32
    )


def _clahe(image, rng, clip_limit):
    grey = np.clip(image * 255 + 0.5, 0, 255).astype(np.uint8)
    return cv2.createCLAHE(clip_limit, (8, 8)).apply(grey).astype(np.float32) * np.float32(1 / 255)


def _saturation(image, rng, fraction):
    limit = np.quantile(image, 1 - fraction)
    return np.minimum(image, limit) / limit if limit > 0 else image


def _illumination(image, rng, strength, degrees):
    angle = np.deg2rad(degrees)
    line = np.linspace(-1, 1, SIZE, dtype=np.float32)
    plane = np.cos(angle) * line - np.sin(angle) * line[:, None]
    return image * np.maximum(1 + np.float32(strength) * plane, 0).astype(np.float32)


def _impulse(image, rng, probability):
    drawn = rng.random(image.shape, np.float32)
    return np.where(drawn < probability, drawn / np.float32(max(probability, 1e-6)), image)


def _salt_and_pepper(image, rng, probability):
    drawn = rng.random(image.shape, np.float32)
    changed = np.where(drawn < probability, np.float32(1), image)
    return np.where(drawn < 0.5 * probability, np.float32(0), changed)


def _dropout(image, rng, probability):
    return np.where(rng.random(image.shape, np.float32) < probability, np.float32(0), image)


def _gaussian(image, rng, sigma):
    return image + np.float32(sigma) * rng.standard_normal(image.shape, np.float32)


def _camera(image, rng, sigma):
    drawn = rng.standard_normal(image.shape, np.float32)
    return image + drawn * np.float32(sigma) * np.sqrt(0.3 + np.maximum(image, 0))


def _poisson(image, rng, rate):
    return image + rng.poisson(rate, image.shape).astype(np.float32) * np.float32(1 / 255)


def _median(image, rng, width):
    return cv2.medianBlur(image, 2 * (width // 2) + 1) if width > 1 else image


REFERENCE: dict[str, Callable] = {
    "flip_left_right": _both(lambda x: cv2.flip(x, 1)),
    "flip_up_down": _both(lambda x: cv2.flip(x, 0)),
    "rotate90": lambda image, labels, rng, turns: tuple(
        np.ascontiguousarray(np.rot90(x, turns)) for x in (image, labels)
    ),
    "resize": _resize,
    "rotate": _rotate,
    "elastic": _elastic,
    "clahe": _image(_clahe),
    "gamma": _image(
        lambda image, rng, gamma: np.where(
            image > 0, np.power(np.maximum(image, 1e-6), np.float32(gamma)), image
        )
    ),
    "multiply": _image(lambda image, rng, factor: image * np.float32(factor)),
    "add": _image(lambda image, rng, value: image + np.float32(value)),
    "saturation": _image(_saturation),
    "illumination": _image(_illumination),
    "gaussian_blur": _image(lambda image, rng, sigma: cv2.GaussianBlur(image, (0, 0), sigma)),
    "median_blur": _image(_median),
    "impulse": _image(_impulse),
    "salt_and_pepper": _image(_salt_and_pepper),
    "dropout": _image(_dropout),
    "gaussian_noise": _image(_gaussian),
    "poisson": _image(_poisson),
    "camera_noise": _image(_camera),
}


def reference_steps(steps, image, labels, rng) -> Roi:
    """`apply_steps`, with OpenCV and NumPy."""
    for step in steps:
        ((name, content),) = step.items()
        if name == "sequence":
            image, labels = reference_steps(content, image, labels, rng)
        elif name == "one_of":
            chosen = content[rng.integers(len(content))]
            image, labels = reference_steps([chosen], image, labels, rng)
        elif name == "sometimes":
            if rng.random() < content["probability"]:
                image, labels = reference_steps(content["steps"], image, labels, rng)
        else:
            drawn = {key: _draw(rng, OPERATIONS[name][key], *v) for key, v in content.items()}
            image, labels = REFERENCE[name](image, labels, rng, **drawn)
    return image, labels


def _draw(rng, parameter, low: float, high: float):
    if parameter.whole:
        return int(rng.integers(int(low), int(high) + 1))
    if parameter.log:
        return float(np.exp(rng.uniform(np.log(low), np.log(high))))
    return float(rng.uniform(low, high))


# --- timing ----------------------------------------------------------------------------------


def rois() -> list[Roi]:
    """Real ROIs of mahotas' nuclear image, with labels by a threshold."""
    import mahotas
    import tensorflow  # noqa: F401 - before OpenCV's threads are set

    cv2.setNumThreads(1)  # the pool is what runs side by side
    file = Path(mahotas.__file__).parent / "demos" / "data" / "nuclear.png"
    field = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE).astype(np.float32)
    field = (field - field.min()) / np.percentile(field - field.min(), 99.8)
    rng, found = np.random.default_rng(0), []
    for _ in range(16):
        y, x = (int(rng.integers(length - SIZE)) for length in field.shape)
        image = np.ascontiguousarray(field[y : y + SIZE, x : x + SIZE])
        _, labels = cv2.connectedComponents((image > 0.3).astype(np.uint8))
        found.append((image, labels.astype(np.int32)))
    return found


def time_graph(augment, data: list[Roi], count: int, threads: int) -> float:
    """ROIs a second in tf.data, under a compiled policy."""
    import tensorflow as tf

    images = tf.constant(np.stack([image for image, _ in data])[..., None])
    labels = tf.constant(np.stack([labels for _, labels in data]))

    def change(n):
        i = tf.cast(n, tf.int32)
        return augment(images[i % len(data)], labels[i % len(data)], tf.stack([7, i]))

    numbers = tf.data.Dataset.range(WARM + count)
    options = tf.data.Options()
    options.threading.private_threadpool_size = threads
    stream = numbers.map(change, num_parallel_calls=threads, deterministic=True)
    iterator = iter(stream.prefetch(2).with_options(options))
    for _ in range(WARM):
        next(iterator)
    began = time.perf_counter()
    for _ in range(count):
        next(iterator)
    return count / (time.perf_counter() - began)


def time_reference(steps, data: list[Roi], count: int, threads: int) -> float:
    """ROIs a second in a pool of threads."""

    def change(number: int) -> None:
        image, labels = data[number % len(data)]
        image, labels = reference_steps(steps, image, labels, np.random.default_rng((7, number)))
        np.clip(image, *LIMITS)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(change, range(WARM)))
        began = time.perf_counter()
        list(pool.map(change, range(count)))
        return count / (time.perf_counter() - began)


def compare(steps, data: list[Roi], count: int, threads: int) -> dict[str, float]:
    """Both rates, in turns, best of `ROUNDS`."""
    from nucseg_tf.data.augment import compile_steps

    augment = compile_steps(steps)
    pairs = [
        (time_graph(augment, data, count, threads), time_reference(steps, data, count, threads))
        for _ in range(ROUNDS)
    ]
    best = np.max(pairs, axis=0)
    return {"roi_per_s": round(best[0], 1), "reference_roi_per_s": round(best[1], 1)}


def time_waiting(folder: Path, steps: int = 30) -> dict[str, float]:
    """Seconds of training steps of the default configuration, and of waiting for their data."""
    import keras

    from nucseg_tf.data.manifest import find_fields
    from nucseg_tf.data.pipeline import training_dataset
    from nucseg_tf.data.sample import load_samples
    from nucseg_tf.data.splits import split_fields
    from nucseg_tf.models import zoo
    from nucseg_tf.training.trainer import Trainable

    config: Config = load_config(SHIPPED / "fpn2ws.yaml")
    fields, _ = split_fields(find_fields(folder), 0.2, 1)
    samples = load_samples(fields, config)
    model = Trainable(zoo.build(config.model), config.family, config.training.loss_weights)
    model.compile(optimizer=keras.optimizers.Adam(1e-3))
    result: dict[str, float] = {}
    for policy in ("simple", "full"):
        chosen = config.model_copy(update={"augment": Policy(**policy_values(policy))})
        iterator = iter(training_dataset(samples, chosen))
        model.train_on_batch(*next(iterator))
        waited, began = 0.0, time.perf_counter()
        for _ in range(steps):
            asked = time.perf_counter()
            batch = next(iterator)
            waited += time.perf_counter() - asked
            model.train_on_batch(*batch)
        total = time.perf_counter() - began
        result[f"{policy}_step_s"] = round(total / steps, 4)
        result[f"{policy}_waiting_share"] = round(waited / total, 4)
    return result


def main() -> None:
    """Print a line for each operation and policy, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="data set, to time waiting in training")
    parser.add_argument("--count", type=int, default=400, help="ROIs a timing")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", nargs="+", help="names of policies and operations")
    parser.add_argument("--json", action="store_true", help="policies only, as one JSON object")
    arguments = parser.parse_args()
    policies = {
        file.stem: Policy(**policy_values(file.stem)).steps
        for file in sorted((SHIPPED / "policies").glob("*.yaml"))
    }
    timed = policies | {name: check_steps([name]) for name in OPERATIONS}
    unknown = {*(arguments.only or [])} - {*timed}
    if unknown:
        parser.error(f"--only: unknown {', '.join(sorted(unknown))}; known: {', '.join(timed)}")
    data, results = rois(), {}
    for name in arguments.only or (policies if arguments.json else timed):
        results[name] = compare(timed[name], data, arguments.count, arguments.threads)
        if not arguments.json:
            ours, theirs = results[name].values()
            print(f"{name:<16}{ours:>9.0f} ROIs/s  reference {theirs:>7.0f}", flush=True)
    if arguments.data and not arguments.json:
        results["training"] = time_waiting(arguments.data)
        print(results["training"])
    if arguments.json:
        print(json.dumps(results))


if __name__ == "__main__":
    main()
