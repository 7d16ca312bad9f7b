from __future__ import annotations

import json

import pandas as pd
import pytest

from nucseg_tf.errors import DataError, UsageError
from nucseg_tf.evaluation.compare import PAPER, compare, format_comparison, write_comparison


def value(table, **wanted):
    rows = table
    for name, text in wanted.items():
        rows = rows[rows[name] == text]
    (found,) = rows["value"]
    return found


def test_runs_stand_side_by_side_with_the_paper(both, benchmark, folders):
    benchmark(f"FPN2-WS={folders / 'perfect'}", out="second")
    table, notes = compare([folders / "out", folders / "second"])
    assert notes == []
    place = {"group": "HCT-116", "entry": "FPN2-WS", "measure": "f1_0.70"}
    assert value(table, **place, source="out") == pytest.approx(0.4)
    assert value(table, **place, source="second") == 1
    # Table 8, FPN2-WS on HCT116.
    paper = f"{PAPER}, Table 8 (final models)"
    assert value(table, **place, source=paper) == pytest.approx(0.872081)
    errors = {**place, "measure": "splits", "source": f"{PAPER}, Fig. S3"}
    assert value(table, **errors) == pytest.approx(100 * 4 / 1484)


def test_published_values_stand_only_beside_the_same_experiment(both, folders):
    table, _ = compare([folders / "out"])
    published = table[table["source"].str.startswith(PAPER)]
    assert set(zip(published["group"], published["entry"], strict=True)) == {("HCT-116", "FPN2-WS")}
    assert "compare them only if yours are the same" in format_comparison(table, [])
    alone = format_comparison(table[~table["source"].str.startswith(PAPER)], [])
    assert "Zaki" not in alone


def test_conditions_of_a_table_are_columns_and_intervals_are_kept(both, folders):
    table, _ = compare([folders / "out"], "7")
    rows = table[table["source"].str.contains("Table 7") & (table["measure"] == "f1_0.70")]
    assert len(rows) == 4
    row = rows[rows["source"].str.contains("augmentation Full, pre-initialised")].iloc[0]
    assert (row["value"], row["low"], row["high"]) == (0.870691, 0.863826, 0.877557)
    assert "0.871 (0.864 to 0.878)" in format_comparison(table, [])


def test_families_map_to_models_of_the_paper(both, folders):
    path = folders / "out" / "benchmark.json"
    result = json.loads(path.read_text())
    result["runs"][1]["family"] = "mask_rcnn"
    path.write_text(json.dumps(result))
    table, _ = compare([folders / "out"])
    place = {"group": "HCT-116", "entry": "hand", "measure": "f1_0.90"}
    assert value(table, **place, source=f"{PAPER}, Table 8 (final models)") == 0.404368


def test_different_images_are_noted(both, benchmark, folders):
    for kind in ("images", "masks"):
        (folders / "data" / kind / "HCT-116" / "b.tif").unlink()
    benchmark(f"FPN2-WS={folders / 'tool'}", out="second")
    _, notes = compare([folders / "out", folders / "second"])
    assert notes == [
        "HCT-116: second and out were scored on different images.",
        "all images: second and out were scored on different images.",
    ]


def test_written_and_printed(both, folders):
    table, notes = compare([folders / "out"])
    text = format_comparison(table, notes)
    write_comparison(folders / "compared", table, text)
    assert (folders / "compared" / "compare.md").read_text() == text + "\n"
    pd.testing.assert_frame_equal(
        pd.read_csv(folders / "compared" / "compare.csv"), table, check_dtype=False
    )
    first = [cell.strip() for cell in text.splitlines()[2].split("|")[1:-1]]
    assert first[:3] == ["HCT-116", "FPN2-WS", "2.7"]
    assert first[3].startswith("0.400 (")
    assert first[5] == "0.872"


def test_wrong_usage(both, folders):
    with pytest.raises(UsageError, match="--table"):
        compare([folders / "out"], "9")
    with pytest.raises(DataError, match=r"benchmark\.json"):
        compare([folders])
