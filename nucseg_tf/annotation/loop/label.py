"""Label one field with a model, and write down what is known of its labels.

H rows, W columns.
"""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from nucseg_tf.annotation.editor.field import AnnotationField
from nucseg_tf.annotation.editor.planes import PlaneChoice, read_plane
from nucseg_tf.annotation.editor.prelabels import Suspect
from nucseg_tf.annotation.editor.shelf import (
    BEFORE,
    MODEL,
    beside,
    read_sidecar,
    sha256,
    sidecar_of,
)
from nucseg_tf.annotation.loop import learn
from nucseg_tf.annotation.prelabel import suspects
from nucseg_tf.annotation.prelabel.image import Settings, look
from nucseg_tf.io.files import atomic_path
from nucseg_tf.io.images import check_finite
from nucseg_tf.io.labels import write_labels
from nucseg_tf.types import Image

if TYPE_CHECKING:
    from nucseg_tf.inference.segmenter import Segmenter

VIEWS = 1  # of a field to be corrected, besides the first; takes as long as that


def has_done(field: AnnotationField, model: str, choice: PlaneChoice) -> bool:
    """Whether what is on disk is by this model, of these planes, as bright or dark."""
    path = beside(field.target, MODEL) if field.has_work else field.target
    known = field.shelf.look(field.key, path).record or {}
    return (known.get("model"), known.get("planes")) == (model, choice.said())


@dataclass(frozen=True)
class Labeller:
    """Labels fields, as the only stage of `run`.

    Attributes:
        segmenter: the model.
        model: its name in the project.
        choice: of the planes of the images.
    """

    segmenter: Segmenter
    model: str
    choice: PlaneChoice

    def __call__(self, field: AnnotationField) -> None:
        """Label a field.

        Raises:
            ImageReadError: its image cannot be read.
            OutputError: labels cannot be written.
        """
        image = read_plane(field.image, self.choice)
        check_finite(image)
        labels, record = self._look(image, 0 if field.has_work else VIEWS)
        record |= {"model": self.model, "planes": self.choice.said()}
        # Asked for now: meanwhile somebody may have begun the field. Work that begins while it is
        # being written keeps the labels that it began from.
        if field.has_work:
            path = beside(field.target, MODEL)
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_pair(path, labels, record, image.pixel_size)
        else:
            replace_prelabels(field.target, labels, record, image.pixel_size)

    def _look(self, image: Image, views: int) -> tuple[np.ndarray, dict[str, Any]]:
        """Labels of an image, and what is to be known of them."""
        settings = Settings(pixel_size=image.pixel_size, agreement=views)
        labels, table, agreement = look(image.pixels, self.segmenter, settings)
        if self.segmenter.info.confidence is not None:
            table["confidence"] = table["score"]
        described = learn.describe(image.pixels, table, table["confidence"], agreement)
        judged = learn.judge({"": described}, [])[""]
        return labels, {
            **described,
            "learn": judged.value,
            "why": judged.why,
            "suspects": [asdict(suspect) for suspect in list_suspects(table)],
        }


def list_suspects(table: pd.DataFrame) -> list[Suspect]:
    """The suspects among the nuclei of a field, by rank.

    Args:
        table: see `suspects.mark`, but for `image`.
    """
    marked = suspects.mark(table.assign(image=""))
    chosen = marked[marked["suspect"] > 0].to_dict("records")
    return [
        Suspect(
            label=int(row["label"]),
            rank=int(row["rank"]),
            confidence=round(row["confidence"], 4) if math.isfinite(row["confidence"]) else None,
            reasons=row["reasons"],
        )
        for row in chosen
    ]


def replace_prelabels(
    path: Path, labels: np.ndarray, record: dict[str, Any], pixel_size: float | None
) -> None:
    """Write labels and their sidecar in place of earlier ones, which become STEM_before.tif.

    Args:
        path: STEM_labels.tif.
        labels: (H, W) int32.
        record: for the sidecar.
        pixel_size: µm, or None.

    Raises:
        OutputError: a file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    earlier = read_sidecar(sidecar_of(path))
    before = ""
    if path.is_file():
        fits = earlier is not None and earlier["sha256"] == sha256(path)
        if earlier is None or (fits and earlier["model"] != record["model"]):
            with atomic_path(beside(path, BEFORE)) as temporary:
                shutil.copyfile(path, temporary)
        if earlier is not None:
            # One that does not fit was left by a run that was killed behind the labels: what was
            # before them has been kept already.
            again = fits and earlier["model"] == record["model"]
            before = earlier.get("before", "") if again else earlier["model"]
    record |= {"before": before}
    if earlier is None:  # until there is one, objects.csv would be taken for that of new labels
        _write_sidecar(path, {**record, "model": "", "sha256": "", "suspects": []})
    _write_pair(path, labels, record, pixel_size)


def _write_pair(
    path: Path, labels: np.ndarray, record: dict[str, Any], pixel_size: float | None
) -> None:
    """Write labels, and then their sidecar."""
    with atomic_path(path) as temporary:
        write_labels(temporary, labels, pixel_size)
        digest = sha256(temporary)
    _write_sidecar(path, {**record, "sha256": digest})


def _write_sidecar(labels: Path, record: dict[str, Any]) -> None:
    with atomic_path(sidecar_of(labels)) as temporary:
        temporary.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
