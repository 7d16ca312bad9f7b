"""Predicts altered fields, and scores what was found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nucseg_tf.evaluation.scores import ImageScore, score_image
from nucseg_tf.evaluation.stress.crowd import cut_out
from nucseg_tf.evaluation.stress.kinds import alter, check_kinds
from nucseg_tf.evaluation.stress.scene import Scene, choose, drop_ignored
from nucseg_tf.inference.options import Options
from nucseg_tf.inference.segmenter import ARRAY, Segmenter
from nucseg_tf.types import Image

IOUS = (0.5, 0.7, 0.9)


@dataclass(frozen=True)
class Outcome:
    """What a model made of one altered field.

    Attributes:
        model, data, kind: names of the model, of the data set and of what was done.
        scene: the altered field.
        labels: (H, W) int32, the nuclei found, without those where nothing is known.
        diameter: that the program found, px; None where it saw none or did not look.
        score: at IOUS.
    """

    model: str
    data: str
    kind: str
    scene: Scene
    labels: np.ndarray
    diameter: float | None
    score: ImageScore

    @property
    def diameter_error(self) -> float:
        """Found over true diameter, less 1; NaN without either."""
        return np.nan if self.diameter is None else self.diameter / self.scene.diameter - 1

    def row(self) -> dict[str, Any]:
        """For a table: names, counts, AP, diameters."""
        score = self.score
        return {
            **{"model": self.model, "set": self.data, "kind": self.kind, "field": self.scene.name},
            **{"nuclei": score.n_truth, "found": score.n_pred},
            **{f"ap_{iou}": score.counts[f"{iou:.2f}"].ap for iou in IOUS},
            **{"merges": score.merges, "splits": score.splits},
            **{"diameter": self.scene.diameter, "diameter_found": self.diameter},
            "diameter_error": self.diameter_error,
        }


def run_stress(
    models: Mapping[str, Segmenter],
    sets: Mapping[str, Sequence[Scene]],
    kinds: Sequence[str],
    fields: int,
    seed: int = 0,
) -> Iterator[Outcome]:
    """Alter, predict and score.

    Args:
        models: by name.
        sets: all scenes of each data set, whole, by its name; crowds take nuclei of all.
        kinds: of KINDS.
        fields: how many scenes of each set to alter; see `scene.choose`.
        seed: of the changes.

    Yields:
        What each model made of each altered field, kind by kind.

    Raises:
        UsageError: there is no such kind.
    """
    check_kinds(kinds)
    for data, scenes in sets.items():
        cutouts, chosen = cut_out(scenes), choose(scenes, fields)
        for kind in kinds:
            for scene in chosen:
                altered = alter(kind, scene, cutouts, seed)
                if altered is None:
                    continue
                for name, segmenter in models.items():
                    yield judge(name, data, kind, altered, segmenter)


def judge(model: str, data: str, kind: str, scene: Scene, segmenter: Segmenter) -> Outcome:
    """Predict one altered field as `nucseg predict` does without options, and score it."""
    value: Any = Image(scene.pixels, None, ARRAY)
    for stage in segmenter.stages(Options()):
        value = stage(value)
    labels = drop_ignored(value.instances.labels, scene.ignored)
    score = score_image(scene.labels, labels, IOUS)
    return Outcome(model, data, kind, scene, labels, value.image.diameter, score)
