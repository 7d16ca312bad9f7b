"""The outcome of a stress test as a table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from nucseg_tf.evaluation.stress.kinds import KINDS, PLAIN

HEADER = (
    *("Kind", "fields", "AP 0.5 / 0.7 / 0.9", "change", "merges, %", "splits, %"),
    *("diameter off by", "false nuclei a field"),
)
APS = ["ap_0.5", "ap_0.7", "ap_0.9"]


def summarise_stress(rows: pd.DataFrame) -> pd.DataFrame:
    """A row for each model, set and kind.

    Args:
        rows: of `Outcome.row`.

    Returns:
        Columns `model`, `set`, `kind`, `fields`; `ap_T`, means over fields; `change_T`, by which
        they exceed those of the same fields unaltered; `merges` and `splits` in percent of the true
        nuclei; `diameter_error`, the median of its absolute values; `false_nuclei` a field, where
        there are no true ones. NaN where a figure makes no sense.
    """
    plain = rows[rows["kind"] == PLAIN].set_index(["model", "set", "field"])[APS]
    found = []
    for (model, data, kind), part in rows.groupby(["model", "set", "kind"], sort=False):
        names = {"model": model, "set": data, "kind": kind, "fields": len(part)}
        nuclei = int(part["nuclei"].sum())
        if not nuclei:
            found.append(names | {"false_nuclei": part["found"].mean()})
            continue
        means = part[APS].mean()
        before = plain.reindex(part.set_index(["model", "set", "field"]).index).mean()
        changes = {name.replace("ap", "change"): means[name] - before[name] for name in APS}
        percent = {name: 100 * part[name].sum() / nuclei for name in ("merges", "splits")}
        error = {"diameter_error": part["diameter_error"].abs().median()}
        found.append(names | means.to_dict() | changes | percent | error)
    columns = [*APS, *(name.replace("ap", "change") for name in APS)]
    columns += ["merges", "splits", "diameter_error", "false_nuclei"]
    return pd.DataFrame(found, columns=["model", "set", "kind", "fields", *columns])


def to_markdown(summary: pd.DataFrame) -> str:
    """A table in Markdown for each model and set, under a line that names them."""
    parts = []
    for (model, data), rows in summary.groupby(["model", "set"], sort=False):
        lines = [_line(HEADER), _line(["---"] * len(HEADER))]
        lines += [_line(_cells(row)) for row in rows.to_dict("records")]
        parts.append(f"`{model}`, {data}:\n\n" + "\n".join(lines) + "\n")
    return "\n".join(parts)


def _cells(row: dict) -> list[str]:
    aps = [row[name] for name in APS]
    changes = [row[name.replace("ap", "change")] for name in APS]
    altered = row["kind"] != PLAIN
    return [
        f"{row['kind']}: {KINDS[row['kind']][0]}",
        str(row["fields"]),
        " / ".join(_number(value, "{:.3f}") for value in aps) if np.isfinite(aps[0]) else "",
        " / ".join(_number(value, "{:+.3f}") for value in changes)
        if altered and np.isfinite(changes[0])
        else "",
        _number(row["merges"], "{:.1f}"),
        _number(row["splits"], "{:.1f}"),
        _number(row["diameter_error"], "{:.0%}"),
        _number(row["false_nuclei"], "{:.1f}"),
    ]


def _number(value: float, form: str) -> str:
    return form.format(value) if np.isfinite(value) else ""


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
