import io

import numpy as np
import pandas as pd

from nucseg_tf.io.tables import Table, kinds_of, settle_format, write_failures, write_table


def test_a_table_is_written_as_pandas_would(tmp_path):
    rng = np.random.default_rng(0)
    tables = [
        Table(
            {
                "image": np.full(count, 'a "b", c.tif', object),
                "label": np.arange(count),
                "area": rng.random(count) * 10.0 ** rng.integers(-12, 12, count),
                "unknown": np.full(count, np.nan),
                "edge": rng.random(count) > 0.5,
            }
        )
        for count in (7, 0, 3)
    ]
    write_table(tmp_path / "t.csv", tables)
    expected = io.StringIO()
    frames = [pd.DataFrame(table.columns) for table in tables if len(table)]
    pd.concat(frames).to_csv(expected, index=False, float_format="%.9g", lineterminator="\n")
    assert (tmp_path / "t.csv").read_bytes().decode() == expected.getvalue()


def test_a_table_without_rows_has_a_header(tmp_path):
    write_table(tmp_path / "t.csv", [Table({"a": np.zeros(0), "b": np.zeros(0, bool)})])
    assert (tmp_path / "t.csv").read_text() == "a,b\n"


def test_failures_of_an_earlier_run_are_removed(tmp_path):
    write_failures(tmp_path, [("a.tif", "broken")])
    assert (tmp_path / "failures.csv").read_text().splitlines() == ["image,reason", "a.tif,broken"]
    write_failures(tmp_path, [])
    assert not list(tmp_path.iterdir())


def test_a_table_is_there_in_one_format(tmp_path):
    file, table = tmp_path / "t.csv", Table({"a": np.arange(3)})
    for wanted in ("parquet", "csv", "parquet"):
        write_table(file, [table])
        settle_format(file, wanted, kinds_of(table))
        assert [path.name for path in tmp_path.iterdir()] == [f"t.{wanted}"]
