"""Results as one picture: time by tool and stage; time and memory against size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from speed.tables import STAGES, per_mpx
from speed.turns import summarise, summary_of

# Okabe and Ito's colours, which colour-blind people tell apart.
COLOURS = ("#0072B2", "#56B4E9", "#009E73", "#E69F00", "#CC79A7", "#999999")
TALL = 8  # times the lowest bar: higher ones are cut off
TOOLS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")


def draw(result: Mapping[str, Any], file: Path) -> None:
    """Write a PNG; what was not measured stays empty and says so."""
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(12, 4), layout="constrained")
    parts = result["parts"]
    draw_stages(left, parts.get("stages"))
    names = [name for name, about in result["tools"].items() if "left_out" not in about]
    colours = dict(zip(names, TOOLS, strict=False))
    draw_sizes(middle, parts.get("size"), colours, "cpu_s", "processor time, s/Mpx")
    draw_sizes(right, parts.get("size"), colours, "peak_mb", "peak memory, GB")
    figure.suptitle(f"{result['machine']['cpu']}, {result['machine']['cores']} cores", fontsize=10)
    figure.savefig(file, dpi=130, metadata={"Software": None})
    plt.close(figure)


def draw_stages(axes: Axes, part: Mapping[str, Any] | None) -> None:
    """Bars of tools, stacked by stage: medians of the processor's time."""
    axes.set_title("by stage, after start-up")
    if not part:
        axes.text(0.5, 0.5, "not measured", ha="center", transform=axes.transAxes)
        return
    names = [name for name, runs in part["runs"].items() if runs]
    bottoms = [0.0] * len(names)
    for stage, colour in zip(STAGES, COLOURS, strict=True):
        heights = [
            summarise(per_mpx(run, stage, "cpu_s") for run in part["runs"][name])["median"]
            for name in names
        ]
        axes.bar(names, heights, 0.6, bottoms, color=colour, label=stage)
        bottoms = [a + b for a, b in zip(bottoms, heights, strict=True)]
    top = 1.1 * highest(bottoms)
    for place, height in enumerate(bottoms):
        where, mark = (height, "") if height <= top else (top, " \N{UPWARDS ARROW}")
        axes.text(place, where, f"{height:.2f}{mark}", ha="center", va="bottom")
    axes.set_ylabel("processor time, s/Mpx")
    axes.set_ylim(0, 1.08 * top)
    if max(bottoms) > top:
        axes.set_xlabel("\N{UPWARDS ARROW} cut off")
    handles, labels = axes.get_legend_handles_labels()
    axes.set_xlim(-0.5, len(names) + 0.3)  # room for the legend
    axes.legend(handles[::-1], labels[::-1], fontsize=8, loc="center right")


def highest(heights: Sequence[float]) -> float:
    """The highest bar that is drawn to its end: those far above the others would hide them.

    >>> highest([0.5, 2.0, 12.0])
    2.0
    """
    return max(height for height in heights if height <= TALL * min(heights))


def draw_sizes(
    axes: Axes, part: Mapping[str, Any] | None, colours: Mapping[str, str], key: str, label: str
) -> None:
    """A line for each tool over the size of the field, with the range of the rounds."""
    axes.set_title("one field, start-up included")
    if not part:
        axes.text(0.5, 0.5, "not measured", ha="center", transform=axes.transAxes)
        return
    for name, colour in colours.items():
        points = []
        for row in part["sizes"]:
            per = 1024 if key == "peak_mb" else row["mpx"]
            summary = summary_of(row["runs"].get(name, []), key, per)
            if summary:
                points.append((row["mpx"], *(summary[each] for each in ("median", "low", "high"))))
        if points:
            mpx, median, low, high = zip(*points, strict=True)
            axes.plot(mpx, median, "o-", color=colour, label=name)
            axes.fill_between(mpx, low, high, color=colour, alpha=0.2, linewidth=0)
    axes.set(xscale="log", yscale="log", xlabel="field, Mpx", ylabel=label)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
