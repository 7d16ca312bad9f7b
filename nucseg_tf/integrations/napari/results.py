"""The nuclei that were found as a Labels layer: numbers, features and colours of its own.

napari knows nuclei by their numbers alone. So planes that were not linked are numbered on from one
to the next, and of a nucleus that has rows in several planes or frames the features have one.

R rows of a table, N nuclei.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from nucseg_tf.annotation.prelabel import suspects

# Of the columns of objects.csv those that say something of a nucleus at a glance; all are in the
# layer's metadata.
SHOWN = ("area_px", "area_um2", "mean_intensity", "solidity", "eccentricity", "touches_edge")
OF_ROWS = {  # what a nucleus of several rows is said to have: the sum, or what is true of any
    **dict.fromkeys(("area_px", "area_um2"), "sum"),
    **dict.fromkeys(("touches_edge", "suspect", "divides"), "max"),
    **dict.fromkeys(("parent", "reasons"), "first"),
}


def planes_of(labels: np.ndarray, table: pd.DataFrame, first: int = 0) -> np.ndarray:
    """Which plane each row of a table is of, (R,) from 0, all planes in a row.

    Args:
        labels: (..., H, W).
        table: (R rows), with the columns t and z of those of the axes before H that there are.
        first: t of the first plane.
    """
    names, lengths = [name for name in ("t", "z") if name in table], labels.shape[:-2]
    if not lengths or len(names) != len(lengths):
        return np.zeros(len(table), np.int64)
    starts = {"t": first, "z": 0}
    index = tuple(table[name].to_numpy(np.int64) - starts[name] for name in names)
    return np.ravel_multi_index(index, lengths, mode="clip")


def fit(labels: np.ndarray, table: pd.DataFrame, where: np.ndarray) -> bool:
    """Whether the nuclei of each plane are those of its rows; not so where labels were changed."""
    numbers = table["label"].to_numpy()
    return all(
        np.array_equal(np.unique(plane[plane > 0]), np.sort(numbers[where == number]))
        for number, plane in enumerate(labels.reshape(-1, *labels.shape[-2:]))
    )


def number_on(labels: np.ndarray, table: pd.DataFrame, where: np.ndarray) -> pd.DataFrame:
    """Give the nuclei of each plane numbers of their own.

    Args:
        labels: (..., H, W) int32, each plane from 1 on; is changed.
        table: (R rows), the columns of objects.csv.
        where: of `planes_of`.

    Returns:
        The table with the new numbers.
    """
    planes = labels.reshape(-1, *labels.shape[-2:])
    before, numbers = 0, table["label"].to_numpy(np.int64).copy()
    for number, plane in enumerate(planes):
        rows = where == number
        plane[plane > 0] += before
        numbers[rows] += before
        before += int(np.count_nonzero(rows))
    return table.assign(label=numbers)


def describe(
    labels: np.ndarray, table: pd.DataFrame, where: np.ndarray, calibrated: bool
) -> pd.DataFrame:
    """What napari shows of each nucleus.

    Args:
        labels: (..., H, W) int32, each nucleus a number of its own.
        table: (R rows), the columns of objects.csv.
        where: of `planes_of`.
        calibrated: whether scores are probabilities.

    Returns:
        (N rows) by number: `index`, `confidence` or `score`, size and shape, whether it is suspect
        and why (see `annotation.prelabel.suspects`), and tracks where there are any.
    """
    planes = labels.reshape(-1, *labels.shape[-2:])
    rows = table.reset_index(drop=True)
    touching = np.zeros(len(rows), bool)
    for number in np.unique(where):
        found = suspects.touching(planes[number])
        mine = where == number
        touching[mine] = found[rows["label"][mine].to_numpy() - 1]
    confidence = rows["score"] if calibrated else np.nan
    marked = rows.assign(
        confidence=confidence, touching=touching, image=where.astype(str), row=np.arange(len(rows))
    )
    marked = suspects.mark(marked).sort_values("row")
    score = "confidence" if calibrated else "score"
    tracks = [name for name in ("parent", "divides") if name in rows]
    shown = marked[["label", score, *SHOWN, "suspect", "reasons", *tracks]]
    if len(shown):
        shown = shown.dropna(axis="columns", how="all")
    shown = shown.rename(columns={"label": "index"})
    several = shown["index"].duplicated().any()
    if several:
        shown = _one_row_each(shown)
    else:
        size = 2 * np.sqrt(shown["area_px"] / np.pi)
        shown.insert(2, "diameter_px", size.round(1))
    return shown.sort_values("index").reset_index(drop=True)


def _one_row_each(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of the same nucleus as one; means of what is neither summed nor the same."""
    groups = rows.groupby("index", sort=True)
    how = {name: OF_ROWS.get(name, "mean") for name in rows.columns if name != "index"}
    return groups.agg(how).assign(sections=groups.size()).reset_index()
