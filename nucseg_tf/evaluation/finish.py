"""What makes a model folder of a finished training: thresholds, scores, confidence, model card."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from nucseg_tf.config import Config
from nucseg_tf.data.fields import load_field, read_masks
from nucseg_tf.data.regions import format_regions
from nucseg_tf.data.sample import median_diameter
from nucseg_tf.engines.base import Source
from nucseg_tf.errors import ModelError
from nucseg_tf.evaluation.calibration import calibrate, judge
from nucseg_tf.evaluation.card import model_card
from nucseg_tf.evaluation.scores import score_image, summarise
from nucseg_tf.evaluation.tuning import Truth, tune
from nucseg_tf.inference.options import Options
from nucseg_tf.inference.segmenter import Segmenter
from nucseg_tf.io.files import remove_temporaries
from nucseg_tf.io.images import read_image
from nucseg_tf.models import weights, zoo
from nucseg_tf.schema import of_family
from nucseg_tf.training.initialise import start_model
from nucseg_tf.types import Field

LOG = logging.getLogger(__name__)
FEWEST_FIELDS = 5  # to tune on; validation fields that fall short are joined by training fields
WORTH = 0.003  # of mean AP, that a threshold has to gain there: these fields are known by heart


def data_hash(fields: Sequence[Field]) -> str:
    """SHA-256 over all image and mask files, and regions if any, in the order of the fields."""
    digest = hashlib.sha256()
    for field in fields:
        for file in (field.image, *field.masks):
            digest.update(hashlib.sha256(file.read_bytes()).digest())
        digest.update(format_regions(field.regions).encode())
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
    if info is None or info.family is not config.family:
        return config
    if config.thresholds != config.family.thresholds():
        return config
    return config.with_thresholds(info.thresholds)


def finish(
    run: Path,
    config: Config,
    network: keras.Model,
    train: Sequence[Field],
    validation: Sequence[Field],
    *,
    apart: bool = False,
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
        apart: see `tune_and_score`.
        dtype: of the stored weights; "float16" halves a shipped model.
        licence: of the model.
        training_data: where the fields come from.

    Returns:
        The model folder.
    """
    info = describe(config, train, licence, training_data)
    remove_temporaries(run / "unfinished")  # of a training that was killed here
    folder = zoo.save_model(run / "unfinished", info, network, "", dtype)
    weights.load_weights(network, folder / "model.weights.h5")  # score what is stored
    model = zoo.LoadedModel(info, Source(lambda: network, split=info.family.parts), folder, "")
    info = tune_and_score(Segmenter(model), validation, config, train, apart)
    zoo.save_model(folder, info, network, model_card(info, len(train)), dtype)
    former = run / "former"
    shutil.rmtree(former, ignore_errors=True)
    if (run / "model").exists():  # in one step: half of a model must not be taken for one
        (run / "model").rename(former)
    folder.rename(run / "model")
    shutil.rmtree(former, ignore_errors=True)
    return run / "model"


def describe(
    config: Config, train: Sequence[Field], licence: str, training_data: str
) -> zoo.ModelInfo:
    """What is known of a model before it is tuned; arguments as of `finish`."""
    planes = (config.data.channel, config.data.z)
    diameters = [median_diameter(read_masks(field, config.data.split_binary)) for field in train]
    diameter = float(np.median([d for d in diameters if d] or [1.0]))
    if config.data.find_diameter:
        diameter = config.data.middle
    sizes = [read_image(field.image, *planes).pixel_size for field in train]
    return of_family(zoo.ModelInfo, config.family.name)(
        name=config.name,
        architecture=config.model,
        normalisation=config.normalisation,
        **{config.family.section: config.thresholds},
        diameter=round(diameter, 1),
        find_diameter=config.data.find_diameter,
        pixel_size=common_pixel_size(sizes),
        invert=config.data.invert,
        training_data_sha256=data_hash(train),
        versions={
            "tensorflow": tf.__version__,  # its package has several names
            "keras": keras.__version__,
            "segmentation-models": version("segmentation-models"),
        },
        licence=licence,
        training_data=training_data,
    )


def tune_and_score(
    segmenter: Segmenter,
    validation: Sequence[Field],
    config: Config,
    train: Sequence[Field] = (),
    apart: bool = False,
) -> zoo.ModelInfo:
    """The description of a model with the best thresholds and their scores on some fields.

    With as many fields and nuclei as that takes, its scores are calibrated on them too.

    Args:
        segmenter: the model.
        validation: fields to tune, score and calibrate on.
        config: channel and plane of the images.
        train: fields to tune on as well, where there are too few others; without any, the
            thresholds of a model or a configuration are kept then.
        apart: tune on training fields alone, so that the scores are of fields that had no part in
            the thresholds.
    """
    family, start = segmenter.family, segmenter.thresholds

    def predict(fields: Sequence[Field]) -> list[Truth]:
        pairs = []
        for field in fields:
            pixels, labels = load_field(field, **config.data.reading)
            predicted = segmenter.predict_raw(pixels, Options(), family.widest(start))
            pairs.append((predicted, labels))
        return pairs

    pairs = predict(validation)
    few = FEWEST_FIELDS if apart else max(FEWEST_FIELDS - len(validation), 0)
    known = predict(_spread(train, few))
    tuned = start
    if few and not known and start != type(start)():
        LOG.warning("only %d fields to validate on: thresholds are kept", len(validation))
    else:
        worth = WORTH if known else 0.0
        chosen = known if apart else [*pairs, *known]
        tuned = tune(chosen, segmenter.decode, start, family.grid, worth=worth)
    found = [segmenter.decode(predicted, tuned).labels for predicted, _ in pairs]
    summary = summarise(
        [score_image(labels, mine) for (_, labels), mine in zip(pairs, found, strict=True)]
    )
    if not summary["pq"]:
        LOG.warning("no nucleus of the validation fields is found yet: train longer")
    confidence = calibrate(judge(segmenter, pairs, tuned))
    info = segmenter.info.with_thresholds(tuned)
    scores = _short(summary, len(pairs))
    return info.model_copy(update={"scores": scores, "confidence": confidence})


def _spread(fields: Sequence[Field], count: int) -> list[Field]:
    """At most `count` of the fields, spread over all."""
    chosen = np.unique(np.linspace(0, len(fields) - 1, min(count, len(fields))).round())
    return [fields[int(index)] for index in chosen]


def _short(summary: dict, images: int) -> dict:
    thresholds = {
        key: {name: round(value[name], 4) for name in ("mean_ap", "mean_f1", "ap", "f1")}
        for key, value in summary["thresholds"].items()
    }
    return {"images": images, "pq": round(summary["pq"], 4), "validation": thresholds}
