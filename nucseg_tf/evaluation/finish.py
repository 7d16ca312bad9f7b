"""What makes a model folder of a finished training: thresholds, scores and the model card."""

from __future__ import annotations

import datetime
import hashlib
import json
import logging
import shutil
from collections.abc import Callable, Sequence
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nucseg_tf.config import Config, Decode, Detect, Positions
from nucseg_tf.data.manifest import load_field, read_masks
from nucseg_tf.data.pipeline import median_diameter
from nucseg_tf.errors import ModelError
from nucseg_tf.evaluation.scores import score_image, summarise
from nucseg_tf.inference.predict import Options, Segmenter
from nucseg_tf.io.images import read_image
from nucseg_tf.models import zoo
from nucseg_tf.training.initialise import start_model
from nucseg_tf.types import Field

LOG = logging.getLogger(__name__)
TUNED_AT = (0.5, 0.7, 0.9)  # IoU thresholds whose mean AP the decoding thresholds maximise
# Values tried for each threshold, one threshold after the other, round after round.
GRID: dict[str, dict[str, tuple[float, ...]]] = {
    "decode": {
        "seed": (0.3, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.8),
        "ridge": (0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6),
        "background": (0.02, 0.04, 0.06, 0.08, 0.1, 0.15),
        "slope": (0.0, 0.1, 0.2, 0.3, 0.5, 0.7),
        "seed_border": (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0),
        "peak": (0.05, 0.1, 0.15, 0.2, 0.3),
        "min_area": (0, 6, 12, 20),
    },
    "detect": {
        "score": (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
        "mask": (0.35, 0.4, 0.45, 0.5, 0.55, 0.6),
        "same": (0.3, 0.4, 0.5, 0.6, 0.7),
        "min_area": (0, 6, 12, 20),
    },
    "positions": {
        "step": (0.03, 0.05, 0.08),
        "mask": (0.4, 0.5, 0.6),
        "score": (0.2, 0.3, 0.4, 0.5, 0.6),
        "same": (0.3, 0.5, 0.7),
        "core": (1, 4, 8),
        "min_area": (0, 12, 20),
    },
}
LEAST_SCORE = 0.2  # of detections that tuning looks at
ROUNDS = 2
FEWEST_FIELDS = 5  # to tune on; with fewer, thresholds of a model or a configuration are kept
Thresholds = Decode | Detect | Positions
Truth = tuple[Any, np.ndarray]  # what the network gives, and labels (H, W)


def mean_ap(pairs: Sequence[Truth], decode: Callable, settings: Thresholds) -> float:
    """Mean over images and `TUNED_AT` of AP, in [0, 1]."""
    scores = [
        score_image(labels, decode(raw, labels.shape, settings).labels, TUNED_AT)
        for raw, labels in pairs
    ]
    return float(np.mean([[count.ap for count in score.counts.values()] for score in scores]))


def tune(
    pairs: Sequence[Truth],
    decode: Callable,
    start: Thresholds,
    grid: dict[str, tuple[float, ...]],
    rounds: int = ROUNDS,
) -> Thresholds:
    """Find decoding thresholds by coordinate ascent.

    Args:
        pairs: what the network gives of the validation fields, and their true labels.
        decode: makes nuclei of it, as of `inference.engines`.
        start: thresholds to begin with; kept where nothing is better.
        grid: values of each threshold to try.
        rounds: passes over all thresholds at most.

    Returns:
        The best settings met.
    """
    best, best_score = start, mean_ap(pairs, decode, start)
    tried = {best: best_score}
    for _, (name, values) in product(range(rounds), grid.items()):
        for value in values:
            settings = best.model_copy(update={name: value})
            if settings not in tried:
                tried[settings] = mean_ap(pairs, decode, settings)
            if tried[settings] > best_score:
                best, best_score = settings, tried[settings]
        LOG.info("tuned %s: %s, mean AP %.4f", name, getattr(best, name), best_score)
    return best


def data_hash(fields: Sequence[Field]) -> str:
    """SHA-256 over the contents of all image and mask files, in the order of the fields."""
    digest = hashlib.sha256()
    for field in fields:
        for file in (field.image, *field.masks):
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def common_pixel_size(sizes: Sequence[float | None]) -> float | None:
    """The pixel size, µm, of a data set; None where one is unknown or they differ by over 5 %."""
    known = [size for size in sizes if size]
    if not known or len(known) < len(sizes) or max(known) > 1.05 * min(known):
        return None
    return float(np.median(known))


def start_thresholds(config: Config, run: Path) -> Config:
    """A configuration with the thresholds of the model that a run began from.

    Args:
        config: of the training; thresholds that it sets itself stay.
        run: folder of the run.

    Returns:
        The same configuration if the run began from no model, or from one of another family.
    """
    source = json.loads((run / "start.json").read_text(encoding="utf-8"))["init"]
    try:
        folder = start_model(config.model, source)
    except ModelError as error:  # it has gone since
        LOG.warning("%s Its thresholds are not used.", error)
        return config
    info = None if folder is None else zoo.read_info(folder)
    if info is None or info.architecture.family != config.model.family:
        return config
    sections = {"decode": Decode(), "detect": Detect(), "positions": Positions()}
    unset = [name for name, usual in sections.items() if getattr(config, name) == usual]
    return config.model_copy(update={name: getattr(info, name) for name in unset})


def finish(
    run: Path,
    config: Config,
    network: keras.Model,
    train: Sequence[Field],
    validation: Sequence[Field],
    *,
    dtype: str = "float32",
    licence: str = "",
    training_data: str = "",
) -> Path:
    """Tune, score and write the model folder of a run.

    Args:
        run: folder of the run; the model goes into `run/model`.
        config: of the training.
        network: trained.
        train: fields trained on, for the hash and the diameter.
        validation: fields to tune and score on.
        dtype: of the stored weights; "float16" halves a shipped model.
        licence: of the model.
        training_data: where the fields come from.

    Returns:
        The model folder.
    """
    planes = (config.data.channel, config.data.z)
    diameters = [median_diameter(read_masks(field)) for field in train]
    sizes = [read_image(field.image, *planes).pixel_size for field in train]
    info = zoo.ModelInfo(
        name=config.name,
        architecture=config.model,
        normalisation=config.normalisation,
        decode=config.decode,
        detect=config.detect,
        positions=config.positions,
        diameter=round(float(np.median([d for d in diameters if d] or [1.0])), 1),
        pixel_size=common_pixel_size(sizes),
        training_data_sha256=data_hash(train),
        versions={
            "tensorflow": tf.__version__,  # its package has several names
            "keras": keras.__version__,
            "segmentation-models": version("segmentation-models"),
        },
        licence=licence,
        training_data=training_data,
    )
    folder = zoo.save_model(run / "unfinished", info, network, "", dtype)
    zoo.load_weights(network, folder / "model.weights.h5")  # score what is stored
    segmenter = Segmenter(zoo.LoadedModel(info, network, folder, ""))
    start = segmenter.settings
    low = start
    if isinstance(start, Detect):
        low = start.model_copy(update={"score": min(start.score, LEAST_SCORE)})
    pairs = []
    for field in validation:
        pixels, labels = load_field(field, *planes)
        pairs.append((segmenter.predict_raw(pixels, Options(), low), labels))
    section = segmenter.engine.section
    tuned = start
    if len(validation) < FEWEST_FIELDS and start != type(start)():
        LOG.warning("only %d fields to validate on: thresholds are kept", len(validation))
    else:
        tuned = tune(pairs, segmenter.decode, start, GRID[section])
    found = [segmenter.decode(raw, labels.shape, tuned).labels for raw, labels in pairs]
    summary = summarise(
        [score_image(labels, mine) for (_, labels), mine in zip(pairs, found, strict=True)]
    )
    if not summary["pq"]:
        LOG.warning("no nucleus of the validation fields is found yet: train longer")
    info = info.model_copy(update={section: tuned, "scores": _short(summary, len(pairs))})
    zoo.save_model(folder, info, network, model_card(info, len(train)), dtype)
    shutil.rmtree(run / "model", ignore_errors=True)
    return folder.rename(run / "model")


def _short(summary: dict, images: int) -> dict:
    thresholds = {
        key: {name: round(value[name], 4) for name in ("mean_ap", "mean_f1", "ap", "f1")}
        for key, value in summary["thresholds"].items()
    }
    return {"images": images, "pq": round(summary["pq"], 4), "validation": thresholds}


FAMILY = {
    "fpn2ws": "FPN2-WS",
    "mask_rcnn": "Mask R-CNN",
    "jacobkie": "in the style of Jacobkie (written anew, not the original weights)",
}


def model_card(info: zoo.ModelInfo, fields: int) -> str:
    """The README.md of a model folder."""
    rows = "\n".join(
        f"| {key} | {value['mean_ap']:.3f} | {value['mean_f1']:.3f} | {value['ap']:.3f} "
        f"| {value['f1']:.3f} |"
        for key, value in info.scores["validation"].items()
    )
    arch = info.architecture
    return f"""# {info.name}

- **Family**: {FAMILY[arch.family]}, encoder {arch.encoder}, {arch.filters} pyramid channels.
- **Data**: {info.training_data or f"{fields} fields, sha256 {info.training_data_sha256[:16]}"}.
- **Licence**: {info.licence or "not stated"}.
- **Scale**: median nucleus {info.diameter:g} px across; pixel size
  {f"{info.pixel_size:g} µm" if info.pixel_size else "not uniform"}.
- **Made**: {datetime.date.today().isoformat()} with TensorFlow {info.versions["tensorflow"]}, Keras
  {info.versions["keras"]}.

Scores on {info.scores["images"]} validation fields, on which the thresholds were tuned too,
unless those of a model that training began from were kept (PQ {info.scores["pq"]:.3f}):

| IoU | AP, mean over images | F1, mean over images | AP, pooled | F1, pooled |
|---|---|---|---|---|
{rows}

AP is TP / (TP + FP + FN). Nuclei unlike those of the training data (size, stain, tissue) may be
missed, split or merged: look at overlays before trusting counts, and retrain on a few corrected
fields where it matters.
"""
