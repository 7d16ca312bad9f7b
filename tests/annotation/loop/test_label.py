"""What is known of the labels of one field."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from nucseg_tf.annotation.editor.shelf import read_sidecar, sha256
from nucseg_tf.annotation.loop.label import list_suspects, replace_prelabels
from nucseg_tf.io.labels import read_labels, write_labels

ONE, TWO, THREE = (np.full((4, 5), value, np.int32) for value in (1, 2, 3))


def test_suspects_are_a_quarter_at_most_the_most_doubtful_first():
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.1, 0.8, 41)  # all are doubtful, as in crowded tissue
    table = pd.DataFrame({"label": np.arange(1, 42), "area_px": 100, "solidity": 1.0})
    table = table.assign(touches_edge=False, confidence=confidence, touching=True)
    found = list_suspects(table)
    assert [one.label for one in found] == (np.argsort(confidence)[:10] + 1).tolist()
    assert [one.rank for one in found] == list(range(1, 11))
    assert list_suspects(table[:0]) == []


def replace(path: Path, labels: np.ndarray, model: str) -> dict:
    """Give a field labels of a model; gives the sidecar."""
    record = {"model": model, "nuclei": 1, "suspects": []}
    replace_prelabels(path, labels, record, 0.5)
    known = read_sidecar(path.with_suffix(".json"))
    assert known["sha256"] == sha256(path)
    return known


def before(path: Path) -> int:
    return int(read_labels(path.with_name("x_before.tif")).max())


def test_what_was_before_is_kept_once(tmp_path):
    path = tmp_path / "A" / "x_labels.tif"
    assert replace(path, ONE, "v1")["before"] == ""
    assert not path.with_name("x_before.tif").exists()
    assert (replace(path, TWO, "v2")["before"], before(path)) == ("v1", 1)
    assert (replace(path, TWO, "v2")["before"], before(path)) == ("v1", 1)  # the same model again
    assert (replace(path, ONE, "v1")["before"], before(path)) == ("v2", 2)


def test_labels_that_a_kill_left_are_not_what_was_before(tmp_path):
    path = tmp_path / "x_labels.tif"
    replace(path, ONE, "v1")
    replace(path, TWO, "v2")
    write_labels(path.with_name("x_before.tif"), TWO)  # as far as v3 came: labels, no sidecar
    write_labels(path, THREE)
    assert (replace(path, THREE, "v3")["before"], before(path)) == ("v2", 2)
