from __future__ import annotations

import json

import pandas as pd
import pytest

from nucseg_tf.errors import DataError, UsageError
from nucseg_tf.evaluation.compare import (
    compare,
    format_comparison,
    write_comparison,
)
from nucseg_tf.evaluation.paper import ERRORS_SOURCE, PAPER

TABLE_8 = f"{PAPER}, Table 8 (final models, semi-automated ground truth)"


def value(table, **wanted):
    rows = table
    for name, text in wanted.items():
        rows = rows[rows[name] == text]
    (found,) = rows["value"]
    return found


def test_runs_stand_side_by_side_with_the_paper(both, benchmark, folders):
    benchmark(f"FPN2-WS={folders / 'perfect'}", out="second")
    table, notes = compare([folders / "out", folders / "second"], "8")
    assert notes == []
    place = {"group": "HCT-116", "entry": "FPN2-WS", "measure": "f1_0.70"}
    assert value(table, **place, source="out") == pytest.approx(0.4)
    assert value(table, **place, source="second") == 1
    # Table 8, FPN2-WS on HCT116.
    assert value(table, **place, source=TABLE_8) == pytest.approx(0.872081)
    assert "Fig. S3 (manual ground truth, IoU not stated)" in ERRORS_SOURCE
    errors = {**place, "measure": "splits", "source": ERRORS_SOURCE}
    assert value(table, **errors) == pytest.approx(100 * 4 / 1484)


def test_published_values_are_shown_only_if_asked_for(both, folders):
    table, notes = compare([folders / "out"])
    assert set(table["source"]) == {"out"}
    assert "Zaki" not in format_comparison(table, notes)


def test_published_values_stand_only_beside_the_same_experiment(both, folders):
    table, _ = compare([folders / "out"], "8")
    published = table[table["source"].str.startswith(PAPER)]
    assert set(zip(published["group"], published["entry"], strict=True)) == {("HCT-116", "FPN2-WS")}
    text = format_comparison(table, [])
    assert "hold for the paper's images and trainings; compare them only if yours are the" in text
    assert "in the columns of your benchmarks, missed and extra are at IoU 0.7" in text


def test_conditions_of_a_table_are_columns_and_intervals_are_kept(both, folders):
    table, _ = compare([folders / "out"], "7")
    rows = table[table["source"].str.contains("Table 7") & (table["measure"] == "f1_0.70")]
    assert len(rows) == 4
    assert all("semi-automated ground truth" in source for source in rows["source"])
    row = rows[rows["source"].str.contains("augmentation Full, pre-initialised")].iloc[0]
    assert (row["value"], row["low"], row["high"]) == (0.870691, 0.863826, 0.877557)
    assert "0.871 (0.864 to 0.878)" in format_comparison(table, [])
    sources = compare([folders / "out"], "S3")[0]["source"]
    assert f"{PAPER}, Table S3 (manual ground truth)" in set(sources)


def test_families_map_to_models_of_the_paper(both, folders):
    path = folders / "out" / "benchmark.json"
    result = json.loads(path.read_text())
    result["runs"][1]["family"] = "mask_rcnn"
    path.write_text(json.dumps(result))
    table, _ = compare([folders / "out"], "8")
    place = {"group": "HCT-116", "entry": "hand", "measure": "f1_0.90"}
    assert value(table, **place, source=TABLE_8) == 0.404368


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
    table, notes = compare([folders / "out"], "8")
    text = format_comparison(table, notes)
    write_comparison(folders / "compared", table, text)
    assert (folders / "compared" / "compare.md").read_text() == text + "\n"
    pd.testing.assert_frame_equal(
        pd.read_csv(folders / "compared" / "compare.csv"), table, check_dtype=False
    )
    first = [cell.strip() for cell in text.splitlines()[2].split("|")[1:-1]]
    assert first[:3] == ["HCT-116", "FPN2-WS", "2.7"]
    assert first[3] == "0.400"
    assert first[5] == "0.872"


def test_wrong_usage(both, folders):
    with pytest.raises(UsageError, match="--table"):
        compare([folders / "out"], "9")
    with pytest.raises(DataError, match=r"benchmark\.json"):
        compare([folders])
    with pytest.raises(UsageError, match="Received: none"):
        compare([])
    with pytest.raises(UsageError, match="each once"):
        compare([folders / "out", folders / "second" / ".." / "out"])


def test_a_table_that_fits_nothing_is_noted(benchmark, folders):
    benchmark(f"hand={folders / 'perfect'}")
    table, notes = compare([folders / "out"], "8")
    assert not table["source"].str.startswith(PAPER).any()
    (note,) = notes
    assert "Of Table 8 there is nothing to add" in note
    assert "HCT116" in note


def test_rows_of_one_strategy_stand_beside_their_model(benchmark, folders):
    names = ("FPN2-WS random", "FPN2-WS-other")
    benchmark(*(f"{name}={folders / 'tool'}" for name in names))
    table, _ = compare([folders / "out"], "2")
    published = table[table["source"].str.startswith(PAPER)]
    assert set(published["entry"]) == {"FPN2-WS random"}


def test_what_a_benchmark_says_of_its_images_is_repeated(benchmark, folders):
    benchmark(f"tool={folders / 'tool'}", note="The fields are simulated.")
    _, notes = compare([folders / "out"])
    assert notes == ["out: The fields are simulated."]
