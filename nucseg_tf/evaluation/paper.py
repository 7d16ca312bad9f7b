"""What was published: scores of Zaki et al. 2020, from `published/` (see its README.md)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import pandas as pd

from nucseg_tf.evaluation.summary import ERRORS
from nucseg_tf.registry import FAMILIES

TABLES = ("1", "2", "3", "4", "5", "6", "7", "8", "S3", "S4")
PAPER = "Zaki et al. 2020"
ERRORS_SOURCE = f"{PAPER}, Fig. S3 (manual ground truth, IoU not stated)"


def published_f1(table: str) -> list[tuple]:
    """(cell line, model, measure, source, value, low, high) of a table of the paper."""
    rows = _read("f1.csv")
    rows = rows[rows["table"] == table]
    conditions = rows["condition"].where(
        rows["condition"].str.contains("ground truth"),
        rows["condition"] + ", semi-automated ground truth",
    )
    sources = f"{PAPER}, Table {table} (" + conditions + ")"
    values = rows[["f1", "low", "high"]].apply(pd.to_numeric)
    keys = "f1_" + rows["threshold"]
    columns = (rows["cell_line"], rows["model"], keys, sources, *(values[name] for name in values))
    return list(zip(*columns, strict=True))


def published_errors() -> list[tuple]:
    """The same of Fig. S3, in percent."""
    rows = _read("errors.csv")
    found = []
    for name in ERRORS:
        percent = 100 * pd.to_numeric(rows[name]) / pd.to_numeric(rows["n_truth"])
        for line, model, value in zip(rows["cell_line"], rows["model"], percent, strict=True):
            found.append((line, model, name, ERRORS_SOURCE, value, None, None))
    return found


def _read(name: str) -> pd.DataFrame:
    with (files(__package__) / "published" / name).open(encoding="utf-8") as file:
        return pd.read_csv(file, dtype=str, keep_default_na=False)


def paper_model(result: Mapping[str, Any], entry: str) -> str | None:
    """The paper's name of an entry's family, or of the first word of its own where it has none."""
    run = next(run for run in result["runs"] if run["entry"] == entry)
    name = plain(run["family"] or entry.split(" ")[0])
    for key, family in FAMILIES.items():
        if family.published and name in map(plain, (key, *family.published)):
            return family.published[0]
    return None


def plain(name: str) -> str:
    """Without case and punctuation: "HCT-116" is "hct116"."""
    return re.sub(r"[\W_]", "", name).lower()
