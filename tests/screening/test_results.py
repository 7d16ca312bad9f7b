from __future__ import annotations

import json

import pytest

from nucseg_tf.errors import DataError
from nucseg_tf.screening.results import read_results

RECORD = {"command": "predict", "images": [], "columns": {}, "failures": [], "model": {}}


def write(folder, record=RECORD, table="objects.csv"):
    (folder / "run.json").write_text(record if isinstance(record, str) else json.dumps(record))
    if table:
        (folder / table).write_text("image\n")


@pytest.mark.parametrize("table", ["objects.csv", "objects.parquet"])
def test_the_table_is_found(tmp_path, table):
    write(tmp_path, table=table)
    found = read_results(tmp_path)
    assert found.table == tmp_path / table
    assert found.entries == []


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ("{", r"run\.json: cannot be read"),
        ("[]", r"run\.json: expected a record of nucseg predict\. Received: None"),
        (RECORD | {"command": "prelabel"}, r"run\.json: expected .*\. Received: 'prelabel'"),
        ({"command": "predict", "images": []}, r"lacks columns, failures, model, .* older version"),
    ],
)
def test_other_records_are_refused(tmp_path, record, message):
    write(tmp_path, record)
    with pytest.raises(DataError, match=message):
        read_results(tmp_path)


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(DataError, match=r"run\.json: cannot be read"):
        read_results(tmp_path)
    write(tmp_path, table=None)
    with pytest.raises(DataError, match=r"has neither objects\.csv nor objects\.parquet"):
        read_results(tmp_path)
