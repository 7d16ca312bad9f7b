"""Several benchmarks side by side, and beside them what was published for the same experiment.

Published values (Zaki et al. 2020, see `published/README.md`) are shown if a table of the paper is
asked for, where a group of images has the name of a cell line of the paper, and an entry is of a
model of the paper. They always stand in columns of their own: whether the images are the paper's is
not known here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from nucseg_tf.errors import UsageError
from nucseg_tf.evaluation.benchmark import read_benchmark
from nucseg_tf.evaluation.paper import (
    PAPER,
    TABLES,
    paper_model,
    plain,
    published_errors,
    published_f1,
)
from nucseg_tf.evaluation.summary import ERRORS, OVERALL
from nucseg_tf.io.files import atomic_path, ensure_folder
from nucseg_tf.io.tables import without_formulas
from nucseg_tf.suggest import nearest

MEASURES = {
    "f1_0.70": "F1 at IoU 0.7",
    "f1_0.90": "F1 at IoU 0.9",
    "false_negatives": "missed, %",
    "false_positives": "extra, %",
    "splits": "split, %",
    "merges": "merged, %",
}
COLUMNS = ("group", "entry", "diameter", "measure", "source", "value", "low", "high")


def compare(folders: Sequence[Path], table: str | None = None) -> tuple[pd.DataFrame, list[str]]:
    """Collect the scores of several benchmarks and the published ones.

    Args:
        folders: outputs of `nucseg benchmark`.
        table: of the paper, one of TABLES, from which F1 is taken; None: nothing of the paper.

    Returns:
        Rows of COLUMNS: `source` is a benchmark or a column of the paper, `diameter` the mean of
        the true nuclei, px; and a note for each group that was not the same images everywhere.

    Raises:
        DataError: a folder has no benchmark.json that can be used.
        UsageError: no folder, one given twice, or no such table.
    """
    if table not in (None, *TABLES):
        raise UsageError(f"--table: there is no {table!r}; {nearest(table, TABLES)}")
    places = [folder.resolve() for folder in folders]
    if not folders or len(set(places)) < len(places):
        raise UsageError(
            "expected output folders of `nucseg benchmark`, each once. "
            f"Received: {', '.join(map(str, folders)) or 'none'}"
        )
    results = [read_benchmark(folder) for folder in folders]
    names = [place.name for place in places]
    if len(set(names)) < len(names):
        names = [str(folder) for folder in folders]
    rows = []
    for name, result in zip(names, results, strict=True):
        for part in result["summary"]:
            head = (part["group"], part["entry"], part["mean_diameter"])
            rows += [(*head, key, name, *part["scores"][key]) for key in MEASURES]
    published = published_f1(table) + published_errors() if table else []
    seen: set[tuple] = set()
    for result in results:
        for part in result["summary"]:
            place = (part["group"], part["entry"])
            model = paper_model(result, part["entry"])
            if place not in seen and model:
                seen.add(place)
                head = (*place, part["mean_diameter"])
                rows += [
                    (*head, *found[2:])
                    for found in published
                    if plain(found[0]) == plain(part["group"]) and found[1] == model
                ]
    notes = _notes(names, results)
    if table and not any(str(row[4]).startswith(PAPER) for row in rows):
        lines = ", ".join(dict.fromkeys(found[0] for found in published))
        notes.append(
            f"Of Table {table} there is nothing to add: no group has the name of a cell line "
            f"({lines}), or no model is of a kind tested there."
        )
    return pd.DataFrame(rows, columns=COLUMNS), notes


def format_comparison(table: pd.DataFrame, notes: Sequence[str]) -> str:
    """Markdown tables, a row for each group and entry, that can be read in a terminal too.

    Args:
        table: from `compare`.
        notes: from `compare`.
    """
    f1 = [key for key in MEASURES if key.startswith("f1")]
    parts = [_pivot(table, f1, 3), _pivot(table, list(ERRORS), 1)]
    legend = [
        "F1: higher is better. Errors in percent of the true nuclei: lower is better; in the "
        "columns of your benchmarks, missed and extra are at IoU 0.7. Diameter: mean of the true "
        "nuclei, px."
    ]
    if table["source"].str.startswith(PAPER).any():
        legend.append(
            f"{PAPER}: published values of that cell line and kind of model. They hold for the "
            "paper's images and trainings; compare them only if yours are the same."
        )
    return "\n\n".join([*parts, *legend, *(f"Note: {note}" for note in notes)])


def write_comparison(folder: Path, table: pd.DataFrame, text: str) -> None:
    """Write compare.csv and compare.md."""
    ensure_folder(folder)
    with atomic_path(folder / "compare.csv") as temporary:
        without_formulas(table).to_csv(temporary, index=False)
    with atomic_path(folder / "compare.md") as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def _notes(names: Sequence[str], results: Sequence[Mapping[str, Any]]) -> list[str]:
    """What benchmarks say of their images; groups that two share in name but not in images."""
    notes = [
        f"{name}: {result['note']}"
        for name, result in zip(names, results, strict=True)
        if result.get("note")
    ]
    first: dict[str, tuple[str, list]] = {}
    for name, result in zip(names, results, strict=True):
        groups = dict.fromkeys(part["group"] for part in result["summary"])
        for group in groups:
            images = result["images"]
            hashes = sorted(i["sha256"] for i in images if group in (i["group"], OVERALL))
            other, known = first.setdefault(group, (name, hashes))
            if known != hashes:
                notes.append(f"{group}: {name} and {other} were scored on different images.")
    return notes


def _pivot(table: pd.DataFrame, measures: Sequence[str], digits: int) -> str:
    """A Markdown table of some measures."""
    rows = table[table["measure"].isin(measures)]
    columns = list(dict.fromkeys(zip(rows["source"], rows["measure"], strict=True)))
    heads = [f"{source}: {MEASURES[measure]}" for source, measure in columns]
    lines = [["group", "entry", "diameter", *heads]]
    for (group, entry), part in rows.groupby(["group", "entry"], sort=False):
        cells = {
            (row.source, row.measure): _value(row, digits) for row in part.itertuples(index=False)
        }
        diameter = part["diameter"].iloc[0]
        size = "n/a" if pd.isna(diameter) else f"{diameter:.1f}"
        lines.append([group, entry, size, *(cells.get(column, "") for column in columns)])
    return _markdown(lines)


def _value(row: Any, digits: int) -> str:
    if pd.isna(row.value):
        return "n/a"
    interval = "" if pd.isna(row.low) else f" ({row.low:.{digits}f} to {row.high:.{digits}f})"
    return f"{row.value:.{digits}f}{interval}"


def _markdown(lines: Iterable[Sequence[str]]) -> str:
    rows = [[cell.replace("|", "/") for cell in line] for line in lines]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |"
        for row in rows
    )
