from __future__ import annotations

import json

import pytest

from nucseg_tf.commands.report import report
from nucseg_tf.errors import DataError, UsageError


def test_results_of_predict(tmp_path):
    record = {"command": "predict", "images": [], "columns": {"image": "O"}, "failures": []}
    (tmp_path / "run.json").write_text(json.dumps(record | {"model": {"name": "m"}}))
    (tmp_path / "objects.csv").write_text("image\n")
    assert report(tmp_path) == tmp_path / "report.html"
    assert "<title>Nuclei of" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_what_a_killed_one_left_goes(tmp_path):
    record = {"command": "predict", "images": [], "columns": {"image": "O"}, "failures": []}
    (tmp_path / "run.json").write_text(json.dumps(record | {"model": {"name": "m"}}))
    (tmp_path / "objects.csv").write_text("image\n")
    (tmp_path / "figures").mkdir()
    left = [tmp_path / ".report-0123abcd.html", tmp_path / "figures" / ".errors-0123abcd.svg"]
    of_others = tmp_path / ".f1_labels-0123abcd.tif"
    for path in (*left, of_others):
        path.write_text("half")
    report(tmp_path)
    assert not any(path.exists() for path in left)
    assert of_others.exists()


def test_a_benchmark_goes_to_its_own_report(tmp_path):
    (tmp_path / "benchmark.json").write_text("{}")
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(DataError, match=r"benchmark\.json: is not of format"):
        report(tmp_path)


def test_shards_are_to_be_merged_first(tmp_path):
    (tmp_path / "run-1of4.json").write_text("{}")
    with pytest.raises(DataError, match="Run nucseg merge"):
        report(tmp_path)


def test_other_folders(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"empty: holds neither run\.json .* nor benchmark\.json"):
        report(tmp_path / "empty")
    with pytest.raises(UsageError, match="missing: no such folder"):
        report(tmp_path / "missing")
