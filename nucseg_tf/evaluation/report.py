"""The report of a benchmark: one HTML file that needs nothing else, made from the saved scores."""

from __future__ import annotations

from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

from nucseg_tf.evaluation import sections
from nucseg_tf.evaluation.benchmark import read_benchmark
from nucseg_tf.evaluation.figures import write_figures
from nucseg_tf.evaluation.markup import figure
from nucseg_tf.evaluation.statistics import FEWEST_IMAGES
from nucseg_tf.io.files import atomic_path

INTERVALS = {
    "bootstrap": "over images, by bootstrap, somewhat too narrow below 20 images",
    "t": "of the mean over repeated runs, by Student's t",
    None: f"n/a of fewer than {FEWEST_IMAGES} images: it would be far too narrow",
}
ERRORS_CAPTION = (
    "Short bars are good; mind that the four scales differ. Lines: 95 % confidence interval."
)
COUNTS_CAPTION = (
    "One point per image. On the dotted line the counts agree; above it too many nuclei were "
    "predicted, below it too few."
)


def write_report(folder: Path) -> Path:
    """Write report.html and figures/ into the output folder of a benchmark.

    Args:
        folder: holds benchmark.json and panels/. The same content gives the same report.

    Returns:
        The report.

    Raises:
        DataError: benchmark.json cannot be used.
    """
    result = read_benchmark(folder)
    names = write_figures(folder / "figures", result)
    figures = {name: folder / "figures" / f"{name}.svg" for name in names}
    parts = result["summary"]
    groups = list(dict.fromkeys(part["group"] for part in parts))
    kinds = {part["interval"] for part in parts}
    curves = [
        figure(figures[f"f1_{n}"], f"F1 over IoU thresholds, {group}.", "")
        for n, group in enumerate(groups, start=1)
    ]
    template = Template((files(__package__) / "report.html").read_text(encoding="utf-8"))
    text = template.substitute(
        introduction=sections.introduction(result),
        failures=sections.left_out_table(result) + sections.failure_table(result),
        interval=escape("; ".join(INTERVALS[kind] for kind in INTERVALS if kind in kinds)),
        scores=sections.score_table(result),
        curves="".join(curves),
        errors=sections.long_table(parts, sections.ERROR_COLUMNS, 1),
        errors_figure=figure(figures["errors"], "Errors by kind.", ERRORS_CAPTION),
        outlines=sections.long_table(parts, sections.OUTLINE_COLUMNS, 3),
        counts=sections.count_table(parts),
        counts_figure=figure(figures["counts"], "Predicted over true counts.", COUNTS_CAPTION),
        cost=sections.cost_table(result["runs"]),
        panels=sections.panels(folder / "panels", result),
        details=sections.details(result),
    )
    with atomic_path(folder / "report.html") as temporary:
        temporary.write_text(text, encoding="utf-8", errors="replace")
    return folder / "report.html"
