from __future__ import annotations

import csv

import numpy as np
import pytest

from nucseg_tf.errors import DataError
from nucseg_tf.io.tables import Table, kinds_of, to_parquet, write_table
from nucseg_tf.screening import aggregate as module
from nucseg_tf.screening.aggregate import Histogram, aggregate, key_of, measured_columns


@pytest.fixture
def objects(tmp_path):
    """A table of seven fields on two plates, with gaps; its file and kinds."""
    rng = np.random.default_rng(0)
    counts = [5, 1, 130, 2, 40, 7, 64]
    fields = np.repeat(np.arange(7), counts)
    n = len(fields)
    area = rng.lognormal(5, 1, n)
    edu = rng.normal(0, 1, n)
    edu[fields == 3] = np.nan  # a channel that this field lacks
    edu[::9] = np.nan
    table = Table(
        {
            "image": np.array([f"i{f}.tif" for f in fields], object),
            "plate": np.array(["007" if f > 3 else "NA" for f in fields], object),
            "well": np.array([f"B{f // 2 + 1:02d}" for f in fields], object),
            "row": np.array(["B"] * n, object),
            "column": fields // 2 + 1,
            "field": fields % 2,
            "label": np.arange(n),
            "centroid_row": rng.random(n),
            "area_px": area,
            "EdU_mean": edu,
            "positive": edu > 0,
            "cluster": np.array(["x"] * n, object),
        }
    )
    path = tmp_path / "objects.csv"
    write_table(path, [table])
    return path, kinds_of(table), table, fields


@pytest.mark.parametrize("rows", [3, 64, 1000])
def test_it_is_what_numpy_says_of_each_field(objects, rows):
    path, kinds, table, fields = objects
    found = aggregate(path, kinds, ["area_px"], rows)
    assert found.columns == ["area_px", "EdU_mean", "positive"]
    assert len(found.fields) == 7
    for number in range(7):
        mine = fields == number
        plate, well = "007" if number > 3 else "NA", f"B{number // 2 + 1:02d}"
        key = (f"i{number}.tif", "", plate, well, f"{number % 2}")
        numbers = found.fields[key]
        for place, name in enumerate(found.columns):
            values = table[name][mine].astype(float)
            values = values[np.isfinite(values)]
            assert numbers.count[place] == len(values)
            if len(values):
                assert numbers.mean[place] == pytest.approx(values.mean())
                assert numbers.median[place] == pytest.approx(np.median(values))
            else:
                assert np.isnan(numbers.mean[place])
                assert np.isnan(numbers.median[place])
    assert found.histograms["area_px"].counts.sum() == len(fields)


def test_parquet_says_the_same(objects):
    pytest.importorskip("pyarrow")
    path, kinds, _, _ = objects
    to_parquet(path, path.with_suffix(".parquet"), kinds)
    csv_found, parquet_found = (
        aggregate(each, kinds, [], 50) for each in (path, path.with_suffix(".parquet"))
    )
    assert csv_found.fields.keys() == parquet_found.fields.keys()
    for key, numbers in csv_found.fields.items():
        for name in ("count", "mean", "median"):
            np.testing.assert_allclose(
                getattr(numbers, name), getattr(parquet_found.fields[key], name), rtol=1e-8
            )


def test_booleans_with_gaps_are_numbers(tmp_path):
    path = tmp_path / "objects.csv"
    path.write_text("image,positive\na,True\na,\na,False\na,True\n")
    numbers = aggregate(path, {"image": "O", "positive": "b"}, []).fields["a", "", "", "", ""]
    assert numbers.count == [3]
    assert numbers.mean == pytest.approx([2 / 3])


def test_rows_of_an_enormous_field_are_thinned(objects, monkeypatch):
    path, kinds, table, fields = objects
    monkeypatch.setattr(module, "HELD", 16)
    numbers = aggregate(path, kinds, [], 7).fields["i2.tif", "", "NA", "B02", "0"]
    areas = table["area_px"][fields == 2]
    assert numbers.count[0] == 130
    assert numbers.mean[0] == pytest.approx(areas.mean())
    low, high = np.quantile(areas, (0.2, 0.8))
    assert low < numbers.median[0] < high


def test_rows_of_a_field_must_follow_each_other(tmp_path):
    path = tmp_path / "objects.csv"
    path.write_text("image,area_px\na,1\nb,2\na,3\n")
    with pytest.raises(DataError, match=r"objects\.csv: rows of a do not follow .* Sort the table"):
        aggregate(path, {"image": "O", "area_px": "f"}, [])


@pytest.mark.parametrize("text", ["", "image\na\n", "image,area_px\na,much\n"])
def test_damaged_tables_are_named(tmp_path, text):
    path = tmp_path / "objects.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=r"objects\.csv: cannot be read as run\.json describes it"):
        aggregate(path, {"image": "O", "area_px": "f"}, [])


def test_a_table_without_rows(tmp_path):
    path = tmp_path / "objects.csv"
    path.write_text("image,area_px\n")
    found = aggregate(path, {"image": "O", "area_px": "f"}, ["area_px"])
    assert found.fields == {}
    assert found.histograms["area_px"].bars() == ([], [])


def test_places_are_no_measurements():
    kinds = dict.fromkeys(["field", "column", "t", "label", "bbox_y0", "centroid_col", "zoom"], "i")
    assert measured_columns({**kinds, "area_px": "i", "EdU_mean": "f", "name": "O"}) == [
        "area_px",
        "EdU_mean",
    ]


def test_keys_are_those_of_the_entries(objects):
    path, kinds, _, _ = objects
    with path.open(newline="") as file:
        first = next(csv.DictReader(file))
    entry = {"image": "i0.tif", "plate": "NA", "well": "B01", "row": "B", "column": 1, "field": 0}
    assert key_of(entry) == key_of(first)
    assert key_of(entry) in aggregate(path, kinds, []).fields


def test_histograms_hold_all_but_the_tails():
    values = np.random.default_rng(0).lognormal(6, 0.5, 20_000)
    histogram = Histogram()
    histogram.add(np.concatenate([values, [0, -3, np.nan, np.inf]]))
    edges, counts = histogram.bars(40)
    assert len(edges) == len(counts) + 1 <= 41
    assert sum(counts) >= 0.998 * len(values)
    naive, _ = np.histogram(values, edges)
    np.testing.assert_allclose(naive, counts, atol=2)  # rounding at edges
    np.testing.assert_allclose(np.diff(np.log(edges)), np.log(edges[1] / edges[0]))


def test_a_histogram_of_one_value():
    histogram = Histogram()
    histogram.add(np.full(10, 300.0))
    edges, counts = histogram.bars()
    assert counts == [10]
    assert edges[0] <= 300 < edges[1]
