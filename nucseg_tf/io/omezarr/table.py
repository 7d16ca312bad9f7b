"""Measurements of nuclei inside the image they belong to: `tables/NAME`, as AnnData.

The layout is that of Fractal and ngio: a group `tables` that lists its tables, and in each, beside
the AnnData, what its rows are. https://biovisioncenter.github.io/ngio/stable/table_specs/overview/
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np

from nucseg_tf.errors import DataError, OutputError
from nucseg_tf.io.extras import load_extra
from nucseg_tf.io.omezarr.store import added_to, folder_of, open_group
from nucseg_tf.io.tables import Table

KEY = "label"  # column that says which label a row is about


def write_table(
    path: str | os.PathLike[str],
    table: Table,
    name: str = "nuclei",
    region: str = "nuclei",
    overwrite: bool = False,
) -> Path:
    """Write a row a nucleus into an image.

    Numbers become X, with a variable a column; text and booleans become columns of obs, whose
    index are the labels.

    Args:
        path: the group of the image.
        table: with a column "label" of whole numbers, each once.
        name: of the table.
        region: name of the labels that its rows are about.
        overwrite: whether a table of that name is replaced.

    Returns:
        The group of the table.

    Raises:
        ImageReadError: `path` holds no group.
        DataError: there is no column "label", or a label comes twice.
        OutputError: a table of that name is there, it cannot be written, or anndata is not
            installed.
    """
    anndata = load_extra("anndata", "zarr", OutputError)
    import pandas

    if KEY not in table.columns:
        raise DataError(f"{path}: a table needs a column {KEY!r}. Received: {list(table.columns)}")
    labels = table[KEY].astype(np.int64)
    if len(np.unique(labels)) < len(labels):
        raise DataError(f"{path}: a table has one row a label, but some come twice")
    index = pandas.Index(labels.astype(str), dtype=object)
    numbers = [c for c, values in table.columns.items() if c != KEY and values.dtype.kind in "iuf"]
    rest = {
        # Plain Python texts: anndata does not write what pandas would make of them by itself.
        c: pandas.Series(values, index, object if values.dtype.kind in "UO" else None)
        for c, values in table.columns.items()
        if c not in numbers
    }
    content = anndata.AnnData(
        X=np.column_stack([table[c] for c in numbers] or [np.zeros((len(table), 0))]).astype(float),
        obs=pandas.DataFrame({**rest, KEY: labels}, index=index),
        var=pandas.DataFrame(index=pandas.Index(numbers, dtype=object)),
    )
    group = open_group(Path(path), "r+")
    with added_to(group, "tables", name, overwrite) as place, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of formats that we do not choose
        anndata.io.write_elem(place, "/", content)
        place.attrs.update(
            {
                "type": "feature_table",
                "table_version": "1",
                "backend": "anndata",
                "region": {"path": f"../labels/{region}"},
                "instance_key": KEY,
                "index_key": KEY,
                "index_type": "int",
            }
        )
    return folder_of(group) / "tables" / name
