"""Which field to correct next: where the model would learn most.

    wrong    share of the nuclei that are probably wrong: mean of 1 - confidence
    unsure   share of their area that the model gives to others when it sees the field mirrored:
             1 - agreement of both views, from the side of the first
    new      how unlike the nearest corrected field this one is, 0 to 1; 0 as long as there is none

    learn = WRONG * wrong + UNSURE * unsure + NEW * new

`wrong` and `unsure` are means over the nuclei and one more, of which nothing is known: so a field
with one doubtful nucleus does not go before one with fifty, and one in which nothing was found is
looked at, too. docs/experiments.md says how well the order goes by the true errors of fields.

N nuclei, H rows, W columns, M corrected fields, F features.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nucseg_tf.annotation.editor.project import Project, open_project

if TYPE_CHECKING:
    from nucseg_tf.io.tables import Table

WRONG, UNSURE, NEW = 1.0, 0.5, 0.1
UNKNOWN = 0.5  # what the one more nucleus counts
# What each feature is called where it is higher, where it is lower, and how much of a difference
# is as much as that of the others; features are logarithms.
FEATURES = (
    ("larger nuclei", "smaller nuclei", 0.35),
    ("denser", "sparser", 1.0),
    ("brighter", "dimmer", 1.0),
    ("more contrast", "less contrast", 0.5),
    ("coarser texture", "smoother texture", 0.5),
)
SOFT = 1e-3  # keeps logarithms of shares finite


@dataclass(frozen=True)
class Learn:
    """How much would be learned from a field.

    Attributes:
        value: the higher, the more; 0 to WRONG + UNSURE + NEW.
        why: one sentence for the annotator.
    """

    value: float
    why: str


def describe(
    pixels: np.ndarray, table: Table, confidence: np.ndarray, agreement: np.ndarray
) -> dict[str, Any]:
    """What `judge` needs to know of a field, for its sidecar.

    Args:
        pixels: (H, W).
        table: of `measure`, N rows, with image.
        confidence: (N,), the probability that each is right.
        agreement: (N,), IoU with the nuclei of another view.
    """
    return {
        "nuclei": len(table),
        "wrong": round(float(np.sum(1 - np.asarray(confidence, float))), 4),
        "unsure": round(float(np.sum(1 - np.asarray(agreement, float))), 4),
        "features": [round(value, 4) for value in features(pixels, table)],
    }


def features(pixels: np.ndarray, table: Table) -> list[float]:
    """Numbers that tell kinds of fields apart, in the order of FEATURES; medians of the nuclei.

    Args:
        pixels: (H, W).
        table: of `measure`, with image; a field without nuclei has the numbers of its pixels.
    """
    middle = float(np.median(pixels[:: max(1, pixels.shape[0] // 500)]))
    if not len(table):
        return [0.0, float(np.log(SOFT)), float(np.log1p(max(middle, 0))), 0.0, 0.0]
    area = np.asarray(table["area_px"], float)
    inside = np.asarray(table["intensity_median"], float)
    outside = np.asarray(table["intensity_background"], float)
    rise = np.maximum(inside - outside, 1e-6)
    spread = np.asarray(table["intensity_std"], float)
    return [
        float(np.log(2 * np.sqrt(np.median(area) / np.pi))),
        float(np.log(area.sum() / pixels.size + SOFT)),
        float(np.log1p(max(np.median(inside), 0))),
        float(np.log(np.median(rise / np.maximum(np.abs(inside), 1e-6)) + SOFT)),
        float(np.log(np.median(spread / rise) + SOFT)),
    ]


def judge(
    fields: Mapping[str, Mapping[str, Any]], corrected: Sequence[Sequence[float]]
) -> dict[str, Learn]:
    """How much would be learned from each field.

    Args:
        fields: what `describe` said of those not corrected yet, by key.
        corrected: (M, F), the features of those that are.
    """
    if not fields:
        return {}
    values = np.array([known["features"] for known in fields.values()], float)
    away = differences(values, np.array(corrected, float).reshape(-1, values.shape[1]))
    return {key: _judge(known, row) for (key, known), row in zip(fields.items(), away, strict=True)}


def differences(values: np.ndarray, corrected: np.ndarray) -> np.ndarray:
    """How each field differs from the corrected one that is most like it.

    Args:
        values: (L, F), features of L fields.
        corrected: (M, F).

    Returns:
        (L, F), in units of FEATURES; 0 where M is 0.
    """
    if not len(corrected):
        return np.zeros_like(values)
    away = (values[:, None] - corrected[None]) / np.array([scale for *_, scale in FEATURES])
    nearest = np.abs(away).sum(axis=2).argmin(axis=1)
    return away[np.arange(len(values)), nearest]


def _judge(known: Mapping[str, Any], away: np.ndarray) -> Learn:
    nuclei, wrong = known["nuclei"], known["wrong"]
    new = 1 - float(np.exp(-np.abs(away).mean()))
    shares = [(known[name] + UNKNOWN) / (nuclei + 1) for name in ("wrong", "unsure")]
    value = WRONG * shares[0] + UNSURE * shares[1] + NEW * new
    if not nuclei:
        texts = ["no nucleus was found: are there none?"]
    else:
        texts = [f"about {max(1, round(wrong))} of {nuclei} nuclei are probably wrong"]
        if wrong < 0.5:
            texts = [f"all {nuclei} nuclei are probably right" if nuclei > 1 else "probably right"]
        texts += _more(known["unsure"] / nuclei, new, away)
    return Learn(round(value, 4), "; ".join(texts))


def _more(unsure: float, new: float, away: np.ndarray) -> list[str]:
    """What else is worth saying: seen mirrored; unlike what was corrected."""
    texts = []
    if unsure >= 0.15:
        texts.append(f"mirrored, the model outlines {unsure:.0%} of their area otherwise")
    if new >= 0.5:
        feature = int(np.abs(away).argmax())
        texts.append(f"unlike the corrected fields: {FEATURES[feature][int(away[feature] < 0)]}")
    return texts


def judge_project(project: Project) -> dict[str, Learn]:
    """How much would be learned from each field that has prelabels of the loop, and no own work."""
    fields, corrected = {}, []
    for field in project.fields.values():
        if not field.has_work:
            known = field.known().record
            if known and "features" in known:
                fields[field.key] = known
        elif field.masks() and (known := field.described()) and "features" in known:
            corrected.append(known["features"])
    return judge(fields, corrected)


def order(folder: Path) -> list[str]:
    """Keys of the fields to correct, those first from which most would be learned."""
    judged = judge_project(open_project(folder))
    return sorted(judged, key=lambda key: -judged[key].value)
