"""How good models are on the fields that no version was trained on.

All of them are scored anew on the fields that are left out now, so that their figures can be
compared. What a model finds in an image is kept in DIR/loop/judged/MODEL, under the hash of all
that it depends on; a model whose labels are all there need not be loaded.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nucseg_tf import __version__
from nucseg_tf.annotation.loop import parts, versions
from nucseg_tf.annotation.loop.locks import LOOP
from nucseg_tf.annotation.loop.versions import JUDGED, SHIPPED, FieldUse, Version
from nucseg_tf.config import Config
from nucseg_tf.data.fields import load_field
from nucseg_tf.errors import ModelError
from nucseg_tf.evaluation.scores import ERROR_IOU, ImageScore, score_image, summarise
from nucseg_tf.inference.options import Options
from nucseg_tf.inference.segmenter import load_model
from nucseg_tf.io.files import ensure_folder
from nucseg_tf.io.images import read_image
from nucseg_tf.io.labels import read_labels, write_labels
from nucseg_tf.models import zoo
from nucseg_tf.types import Field

LOG = logging.getLogger(__name__)
MOST_VERSIONS = 6  # earlier ones that are scored anew
AT = f"{ERROR_IOU:.2f}"  # IoU
Score = Mapping[str, Any]  # f1, splits, merges, missed, spurious, nuclei, fields; see `shortened`


@dataclass(frozen=True)
class Verdict:
    """What comes of a version.

    Attributes:
        taken: whether it is used from now on.
        rival: the model that was used until now.
        reason: for the user.
    """

    taken: bool
    rival: str
    reason: str


def rivals(folder: Path, version: Version, rival: str) -> list[str]:
    """What a version is compared with: the shipped model, its rival, earlier versions.

    None that was trained on what is left out now, as may be where fields were taken away since, or
    where a single field is cut elsewhere: its figures would be too good.

    Args:
        folder: of the project.
        version: with its snapshot.
        rival: the model that was used until now.
    """
    earlier = [other for other in versions.read_versions(folder) if other.name != version.name]
    seen = {other.name for other in earlier if _has_seen(other, version.part(parts.LEFT_OUT))}
    made = [other.name for other in earlier if other.state == "done" and other.name not in seen]
    chosen = [SHIPPED, rival, *made[-MOST_VERSIONS:]]
    return [other for other in dict.fromkeys(chosen) if other not in seen]


def _has_seen(version: Version, left_out: Sequence[FieldUse]) -> bool:
    """Whether a version was trained on any of these."""
    pairs = ((use, other) for use in version.part(parts.TRAIN) for other in left_out)
    return any(
        use.key == other.key
        and bool(not (use.regions and other.regions) or parts.common(use.regions, other.regions))
        for use, other in pairs
    )


def score_models(
    folder: Path, models: Mapping[str, Path], fields: Sequence[Field], config: Config
) -> dict[str, Score]:
    """Score models on fields.

    Args:
        folder: of the project.
        models: what `load_model` takes, by name. One that cannot be loaded is left out with a
            warning.
        fields: left out of every training.
        config: how fields are read.
    """
    loaded = [_load(field, config) for field in fields]
    scores: dict[str, Score] = {}
    for name, model in models.items():
        try:
            found = _find(folder / LOOP / JUDGED / name, model, loaded)
        except ModelError as error:
            LOG.warning("%s is not compared: %s", name, error)
            continue
        pairs = zip(loaded, found, strict=True)
        scores[name] = shortened(
            [score_image(one.labels, mine, (ERROR_IOU,)) for one, mine in pairs]
        )
    return scores


def shortened(scores: Sequence[ImageScore]) -> Score:
    """What is kept of the scores of a model: sums over fields, F1 pooled, and counts a field."""
    summary = summarise(scores)
    return {
        "f1": round(summary["thresholds"][AT]["f1"], 4),
        "splits": summary["splits"],
        "merges": summary["merges"],
        "missed": summary["false_negatives"],
        "spurious": summary["false_positives"],
        "nuclei": summary["n_truth"],
        "fields": [[s.counts[AT].tp, s.counts[AT].fp, s.counts[AT].fn] for s in scores],
    }


def decide(scores: Mapping[str, Score], name: str, rival: str, strip: bool = False) -> Verdict:
    """Whether a version is taken over: if its F1 is not below that of the current model.

    Args:
        scores: by name, that of the version among them.
        name: of the version.
        rival: the current model. Where it has no score, as it cannot be loaded any more or was
            trained on what is left out now, the shipped one stands in for it.
        strip: whether a part of a field is left out, not whole fields.
    """
    other = rival if rival in scores else SHIPPED
    new, old = scores[name], scores.get(other)
    count = len(new["fields"])
    where = "the field left out" if count == 1 else f"the {count} fields left out"
    where = "the part of the field that was left out" if strip else where
    mine = f"F1 {new['f1']:.3f} on {where}"
    text = mine
    if old is not None:
        text += f", {other} has {old['f1']:.3f}" + "".join(
            f"; {error} {new[error]} against {old[error]}" for error in ("splits", "merges")
        )
    if other != rival:
        text += f". {rival} could not be compared"
    return Verdict(old is None or new["f1"] >= old["f1"], rival, f"{text}.")


@dataclass(frozen=True)
class _Loaded:
    pixels: np.ndarray
    labels: np.ndarray
    pixel_size: float | None
    digest: str


def _load(field: Field, config: Config) -> _Loaded:
    pixels, labels = load_field(field, **config.data.reading)
    size = read_image(field.image, config.data.channel, config.data.z).pixel_size
    digest = hashlib.sha256(f"{pixels.dtype} {pixels.shape} {size}".encode())
    digest.update(np.ascontiguousarray(pixels).tobytes())
    return _Loaded(pixels, labels, size, digest.hexdigest())


def _find(kept: Path, model: Path, fields: Sequence[_Loaded]) -> list[np.ndarray]:
    """The labels that a model gives each field, from where they are kept, or made anew."""
    home = zoo.find_model(model)
    made_by = f"{__version__} {zoo.verify(home)} {(home / 'sha256').read_text()}"
    ensure_folder(kept)
    segmenter = None
    found = []
    for one in fields:
        digest = hashlib.sha256(f"{made_by} {one.digest}".encode()).hexdigest()
        path = kept / f"{digest[:32]}.tif"
        if not path.is_file():
            segmenter = segmenter or load_model(home)
            write_labels(
                path,
                segmenter.find(one.pixels, Options(pixel_size=one.pixel_size)).instances.labels,
            )
        found.append(read_labels(path))
    return found
