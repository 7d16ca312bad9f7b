"""Names of files in tables are no formulas, and come back as they were."""

from __future__ import annotations

import csv

import numpy as np
import pandas as pd
import pytest

from nucseg_tf.annotation.editor.prelabels import read_objects
from nucseg_tf.data.manifest import scan
from nucseg_tf.io.cells import as_cell, from_cell
from nucseg_tf.io.tables import (
    Table,
    kinds_of,
    to_parquet,
    without_formulas,
    write_failures,
    write_table,
)
from nucseg_tf.screening.aggregate import aggregate

FORMULAS = ["=1+1", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\uff1d1", "'=1", "''=1"]
PLAIN = ["a.tif", "", "'", "'a'", "a=b", "-1.5", "+3e5", "-inf", "Größe", "B03"]


@pytest.mark.parametrize("text", FORMULAS)
def test_formulas_are_texts(text):
    assert as_cell(text) == f"'{text}"
    assert from_cell(as_cell(text)) == text


@pytest.mark.parametrize("text", PLAIN)
def test_other_texts_and_numbers_stay(text):
    assert as_cell(text) == from_cell(text) == text


def test_our_own_tables_give_names_back(tmp_path):
    names = ["=a.tif", "b.tif"]
    table = Table({"image": np.array(names), "area_px": np.array([-1.0, 2.0])})
    write_table(tmp_path / "objects.csv", [table])
    rows = list(csv.reader((tmp_path / "objects.csv").read_text().splitlines()))
    assert rows[1] == ["'=a.tif", "-1"]
    found = aggregate(tmp_path / "objects.csv", kinds_of(table), [])
    assert [key[0] for key in found.fields] == names
    to_parquet(tmp_path / "objects.csv", tmp_path / "objects.parquet", kinds_of(table))
    assert pd.read_parquet(tmp_path / "objects.parquet")["image"].tolist() == names


def test_prelabels_are_joined_by_the_names_of_files(tmp_path):
    frame = pd.DataFrame({"image": ["=a.tif"], "label": [1]})
    without_formulas(frame).to_csv(tmp_path / "objects.csv", index=False)
    assert "'=a.tif" in (tmp_path / "objects.csv").read_text()
    assert list(read_objects(tmp_path / "objects.csv")) == ["=a"]


def test_failures_are_texts(tmp_path):
    write_failures(tmp_path, [("=a.tif", "@ is no image")])
    rows = list(csv.reader((tmp_path / "failures.csv").read_text().splitlines()))
    assert rows[1] == ["'=a.tif", "'@ is no image"]


def test_manifests_are_read_as_they_were_meant(tmp_path):
    (tmp_path / "=a.tif").touch()
    (tmp_path / "b.tif").touch()
    (tmp_path / "m.csv").write_text("image,mask,regions,group\n'=a.tif,b.tif,0:0:8:8,'@g\n")
    (field,), _ = scan(tmp_path / "m.csv")
    assert (field.name, field.image, field.group) == ("=a", tmp_path / "=a.tif", "@g")


def test_names_that_are_no_utf8_are_told(tmp_path):
    """On Linux any bytes may be a name: a run must not end at its last table for one of them."""
    name = b"f\xff.tif".decode("utf-8", "surrogateescape")
    write_failures(tmp_path, [(name, "broken")])
    lines = (tmp_path / "failures.csv").read_text(encoding="utf-8").splitlines()
    assert lines[1] == "f\\udcff.tif,broken"
    write_table(tmp_path / "t.csv", [Table({"image": np.array([name])})])
    assert (tmp_path / "t.csv").read_text(encoding="utf-8").splitlines()[1] == "f\\udcff.tif"
