"""Reliability diagrams: how often nuclei of a probability are right, as often as it says or not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nucseg_tf.evaluation.calibration import BINS, Judged, auc, bins, calibration_error
from nucseg_tf.evaluation.figures import COLOURS, STYLE
from nucseg_tf.io.files import atomic_path

FEWEST = 5  # nuclei; the share of right ones among fewer is mostly chance
SIDE = 2.6  # inches, of a panel


def write_reliability(
    path: Path, models: Mapping[str, tuple[Judged, np.ndarray]], iou: float
) -> None:
    """Draw a panel for each model, and below it how many nuclei have which probability.

    Args:
        path: .svg or .png.
        models: by name: its nuclei, and the cross-validated confidence in them, (N,).
        iou: from which on a nucleus is right.
    """
    with matplotlib.rc_context(STYLE | {"font.size": 8}):
        size = (SIDE * max(2, len(models)), 1.35 * SIDE)
        figure = Figure(figsize=size, layout="constrained")
        panels = figure.subplots(
            *(2, len(models)), sharex=True, sharey="row", squeeze=False, height_ratios=(4, 1)
        )
        for (name, (judged, confidence)), (upper, lower) in zip(
            models.items(), panels.T, strict=True
        ):
            upper.set_title(name, loc="left")
            upper.plot([0, 1], [0, 1], color="#777777", linestyle=":")
            _draw(upper, lower, judged, {"raw score": judged.score, "confidence": confidence})
        panels[0, 0].set_ylabel(f"share with IoU {iou:g} or more")
        panels[1, 0].set_ylabel("nuclei")
        metadata = {"Date": None} if path.suffix == ".svg" else {"Software": None}
        with atomic_path(path) as temporary:
            figure.savefig(temporary, dpi=150, metadata=metadata)


def _draw(upper: Axes, lower: Axes, judged: Judged, values: Mapping[str, np.ndarray]) -> None:
    for number, (name, chance) in enumerate(values.items()):
        count, mean, share = bins(judged.right, chance).T
        known = count >= FEWEST
        colour = COLOURS[1 - number]
        figures = f"AUC {auc(judged.right, chance):.2f}"
        figures += f", ECE {calibration_error(judged.right, chance):.3f}"
        style: dict[str, Any] = {"color": colour, "marker": "so"[number], "markersize": 3}
        upper.plot(mean[known], share[known], label=f"{name}\n{figures}", **style)
        lower.hist(chance, bins=BINS, range=(0, 1), histtype="step", color=colour)
    upper.set(xlim=(0, 1), ylim=(0, 1.02))
    upper.legend(loc="upper left", fontsize=6.5)
    lower.set(yscale="log", xlabel="value")
    lower.yaxis.set_major_formatter("{x:g}")
