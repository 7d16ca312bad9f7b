"""The figures of a benchmark report, in Okabe and Ito's colours for the colour-blind."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from nucseg_tf.evaluation.summary import ERRORS, KEYS
from nucseg_tf.io.files import atomic_path, ensure_folder

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = "os^Dvph"
STYLE: dict[Any, Any] = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "legend.frameon": False,
    "svg.hashsalt": "nucseg",  # the same file for the same figure
    "text.parse_math": False,  # names of groups may hold $
}
WIDTH = 5.2  # inches; small, so that the text can be read on a phone
ERROR_TITLES = {
    "false_negatives": "Missed (false negatives)",
    "false_positives": "Extra (false positives)",
    "splits": "Split",
    "merges": "Merged",
}


def write_figures(folder: Path, result: Mapping[str, Any]) -> list[str]:
    """Draw all figures of a benchmark as PNG and SVG.

    Args:
        folder: to write to.
        result: what benchmark.json holds.

    Returns:
        Their names, without suffix: f1_1, f1_2, ... in the order of the groups, errors, counts.
    """
    ensure_folder(folder)
    groups = list(dict.fromkeys(part["group"] for part in result["summary"]))
    with matplotlib.rc_context(STYLE):
        figures = {f"f1_{n}": draw_f1(result, group) for n, group in enumerate(groups, start=1)}
        figures |= {"errors": draw_errors(result, groups), "counts": draw_counts(result)}
        for name, figure in figures.items():
            for suffix, metadata in ((".png", {"Software": None}), (".svg", {"Date": None})):
                with atomic_path(folder / f"{name}{suffix}") as temporary:
                    figure.savefig(temporary, dpi=150, metadata=metadata)
    return list(figures)


def draw_f1(result: Mapping[str, Any], group: str) -> Figure:
    """F1 over IoU thresholds, a line for each entry with its interval."""
    figure, axes = _figure(3.6)
    thresholds = [float(key) for key in KEYS]
    parts = [part for part in result["summary"] if part["group"] == group]
    for number, part in enumerate(parts):
        values = np.array([part["scores"][f"f1_{key}"] for key in KEYS], float)
        style = {"color": _cycle(COLOURS, number), "marker": _cycle(MARKERS, number)}
        axes.plot(thresholds, values[:, 0], label=part["entry"], markersize=4, **style)
        axes.fill_between(thresholds, *values[:, 1:].T, color=style["color"], alpha=0.15, lw=0)
    ceiling = parts[0]["one_pixel_iou"]
    if ceiling is not None and ceiling > 0.5:
        axes.axvline(ceiling, color="#777777", linestyle=":", label="IoU after a one-pixel error")
    axes.set(xlabel="IoU threshold", ylabel="F1", xlim=(0.48, 0.97), ylim=(-0.02, 1.02))
    axes.set_title(f"{group}", loc="left")
    axes.legend(loc="lower left")
    return figure


def draw_errors(result: Mapping[str, Any], groups: list[str]) -> Figure:
    """Kinds of error, a bar for each entry and group with its interval."""
    figure = Figure(figsize=(WIDTH, 5.6), layout="constrained")
    entries = result["entries"]
    width = 0.8 / len(entries)
    for axes, name in zip(figure.subplots(2, 2).flat, ERRORS, strict=True):
        highest = 0.0
        for number, entry in enumerate(entries):
            parts = [part for part in result["summary"] if part["entry"] == entry]
            value, low, high = np.array([part["scores"][name] for part in parts], float).T
            places = np.arange(len(groups)) + (number - (len(entries) - 1) / 2) * width
            axes.bar(places, value, width, color=_cycle(COLOURS, number), label=entry)
            # A bootstrap interval need not hold the value where errors are rare.
            ends = np.maximum(0, [value - low, high - value])
            axes.errorbar(places, value, ends, fmt="none", ecolor="#333333", elinewidth=1)
            highest = max(highest, np.nanmax(np.fmin(3 * value, np.fmax(value, high)), initial=0))
        tilt = {"rotation": 40, "ha": "right"} if len(groups) > 2 else {}
        axes.set_xticks(range(len(groups)), groups, **tilt)
        axes.set_title(ERROR_TITLES[name], loc="left", fontsize=9)
        axes.set_ylim(0, 1.05 * highest or 1)  # intervals of few runs would make bars invisible
        axes.grid(axis="x", visible=False)
    figure.supylabel("percent of the true nuclei", fontsize=10)
    handles = figure.axes[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=2)
    return figure


def draw_counts(result: Mapping[str, Any]) -> Figure:
    """Predicted over true number of nuclei, a point for each image and run."""
    figure, axes = _figure(4.2)
    rows = result["scores"]
    for number, entry in enumerate(result["entries"]):
        pairs = [(row["n_truth"], row["n_pred"]) for row in rows if row["entry"] == entry]
        style = {"color": _cycle(COLOURS, number), "marker": _cycle(MARKERS, number)}
        axes.scatter(*zip(*pairs, strict=True), s=22, alpha=0.6, label=entry, lw=0, **style)
    most = 1.05 * max(max(row["n_truth"], row["n_pred"]) for row in rows) + 1
    axes.plot([0, most], [0, most], color="#777777", linestyle=":", label="equal")
    axes.set(xlim=(0, most), ylim=(0, most), aspect="equal")
    axes.set(xlabel="true nuclei in an image", ylabel="predicted nuclei in the image")
    axes.legend(loc="upper left")
    return figure


def _figure(height: float) -> tuple[Figure, Any]:
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, figure.subplots()


def _cycle(values: Any, number: int) -> Any:
    return values[number % len(values)]
