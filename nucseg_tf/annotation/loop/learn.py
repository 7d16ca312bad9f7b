"""Which field to correct next: where the model would learn most.

    wrong    share of the nuclei that are probably wrong: mean of 1 - confidence
    unsure   share of the nuclei that the model does not find again, with an IoU of 0.7, when it
             sees the field mirrored
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

from nucseg_tf.annotation.editor.field import Seen
from nucseg_tf.annotation.editor.project import Project, open_project

if TYPE_CHECKING:
    from nucseg_tf.io.tables import Table

WRONG, UNSURE, NEW = 1.0, 1.0, 0.1
SAME = 0.7  # IoU from which on a nucleus counts as found again, as confidence is calibrated for
UNKNOWN = 0.2  # what the one more nucleus counts: about as much as others
# What a field is called where a feature is higher, and where it is lower.
FEATURES = (
    ("larger nuclei", "smaller nuclei"),
    ("denser", "sparser"),
    ("brighter", "dimmer"),
    ("more contrast", "less contrast"),
    ("coarser texture", "smoother texture"),
)
# By how much of each, as a logarithm, kinds of fields differ.
SCALES = (0.35, 1.0, 1.0, 0.5, 0.5)
UNLIKE = 0.5  # of `new`, from which on it is said
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
    pixels: np.ndarray, table: Table, confidence: np.ndarray, agreement: np.ndarray | None
) -> dict[str, Any]:
    """What `judge` needs to know of a field, for its sidecar.

    Args:
        pixels: (H, W).
        table: of `measure`, N rows, with image.
        confidence: (N,), the probability that each is right.
        agreement: (N,), IoU with the nuclei of another view; None without one.
    """
    again = np.ones(len(table)) if agreement is None else np.asarray(agreement, float)
    return {
        "nuclei": len(table),
        "wrong": round(float(np.sum(1 - np.asarray(confidence, float))), 4),
        "unsure": int(np.sum(again < SAME)),
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
    # A nucleus that fills its field has nothing around it.
    outside = np.where(np.isfinite(outside), outside, float(pixels.min()))
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
    new = (1 - np.exp(-np.abs(away).mean(axis=1))).tolist()
    furthest = np.abs(away).argmax(axis=1).tolist()
    lower = (away < 0).tolist()
    return {
        key: _judge(known, new[i], FEATURES[furthest[i]][lower[i][furthest[i]]])
        for i, (key, known) in enumerate(fields.items())
    }


def differences(values: np.ndarray, corrected: np.ndarray) -> np.ndarray:
    """How each field differs from the corrected one that is most like it.

    Args:
        values: (L, F), features of L fields.
        corrected: (M, F).

    Returns:
        (L, F), in units of SCALES; 0 where M is 0.
    """
    from scipy.spatial import KDTree

    if not len(corrected):
        return np.zeros_like(values)
    values, corrected = values / np.array(SCALES), corrected / np.array(SCALES)
    # Not a table of all pairs: of 5,000 and 5,000 fields that takes gigabytes, at each list.
    nearest = KDTree(corrected).query(values, p=1)[1]
    return values - corrected[nearest]


def _judge(known: Mapping[str, Any], new: float, unlike: str) -> Learn:
    nuclei = known["nuclei"]
    wrong, unsure = ((known[name] + UNKNOWN) / (nuclei + 1) for name in ("wrong", "unsure"))
    why = _of_nuclei(nuclei, round(known["wrong"]), known["unsure"])
    if new >= UNLIKE:
        why += f"; unlike the corrected fields: {unlike}"
    return Learn(round(WRONG * wrong + UNSURE * unsure + NEW * new, 4), why)


def _of_nuclei(nuclei: int, wrong: int, unsure: int) -> str:
    """What is to be said of the nuclei of a field."""
    if not nuclei:
        return "no nucleus was found; are there none?"
    of_all = f"{nuclei} nuclei" if nuclei > 1 else "1 nucleus"
    text = f"about {wrong} of {of_all} probably wrong" if wrong else f"{of_all}, probably right"
    return text + (f"; {unsure} found otherwise where the field is mirrored" if unsure else "")


def judge_project(project: Project, seen: Mapping[str, Seen]) -> dict[str, Learn]:
    """How much would be learned from each field that the loop has labelled, and nobody begun.

    Args:
        project: its fields.
        seen: of each, see `Project.look`.
    """
    fields, corrected = {}, []
    for key, now in seen.items():
        known = project.fields[key].described() if now.masked else now.known.record
        if known and "features" in known:
            if now.masked:
                corrected.append(known["features"])
            else:
                fields[key] = known
    return judge(fields, corrected)


def order(folder: Path) -> list[str]:
    """Keys of the fields to correct, those first from which most would be learned."""
    project = open_project(folder)
    judged = judge_project(project, project.look())
    return sorted(judged, key=lambda key: -judged[key].value)
