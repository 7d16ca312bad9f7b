"""`nucseg prelabel` as a user calls it: files, exit codes, signals, with and without a model."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from nucseg_tf.__main__ import main
from nucseg_tf.annotation.prelabel import folder as stage
from nucseg_tf.io.labels import read_labels
from nucseg_tf.scale.estimate import Diameter

ROOT = Path(__file__).parents[2]


def field(seed: int) -> np.ndarray:
    """Nine soft discs on a grid, 16 bit."""
    rng = np.random.default_rng(seed)
    rows, columns = np.indices((130, 140))
    light = np.zeros(rows.shape)
    for y in (25, 65, 105):
        for x in (25, 70, 115):
            distance = np.hypot(rows - y, columns - x) - rng.uniform(9, 13)
            light += 1 / (1 + np.exp(distance))
    return (900 + 6000 * light + rng.normal(0, 100, rows.shape)).clip(0).astype(np.uint16)


@pytest.fixture
def data(tmp_path) -> Path:
    for index, name in enumerate(("A/one.tif", "A/two.tif", "B/one.tif")):
        path = tmp_path / "data" / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(path, field(index))
    return tmp_path / "data"


def run(*arguments) -> int:
    return main([str(argument) for argument in arguments])


@pytest.mark.parametrize("method", ["classical", "fpn2ws-nuclei"])
def test_prelabels_of_a_data_set(data, method, capsys):
    out = data / "prelabels"
    assert run("prelabel", data, "--method", method) == 0
    assert capsys.readouterr().out == f"{out}\n"
    table = pd.read_csv(out / "objects.csv", keep_default_na=False)
    assert table.groupby("image").size().to_dict() == {
        "A/one.tif": 9, "A/two.tif": 9, "B/one.tif": 9,
    }  # fmt: skip
    assert table["confidence"].between(0.5, 1).all()
    for name, rows in table.groupby("image"):
        labels = read_labels(out / name.replace(".tif", "_labels.tif"))
        areas = np.bincount(labels.ravel())[1:]
        np.testing.assert_array_equal(rows.sort_values("label")["area_px"], areas)
    record = json.loads((out / "run.json").read_text())
    assert record["command"] == "prelabel"
    assert record["method"] == method
    assert (record["model"] or {}).get("name") == (None if method == "classical" else method)
    assert record["options"]["agreement"] is None
    assert [entry["image"] for entry in record["images"]] == ["A/one.tif", "A/two.tif", "B/one.tif"]
    assert record["suspects"] == table["suspect"].sum()
    assert {"nucseg-tf", "numpy"} <= record["versions"].keys()


def test_some_images_failed_is_3(data, tmp_path, capsys):
    (data / "images" / "B" / "one.tif").write_bytes(b"no image")
    out = tmp_path / "out"
    assert run("prelabel", data, "--method", "classical", "--out", out) == 3
    printed = capsys.readouterr()
    assert printed.out == f"{out}\n"
    assert "1 of 3 images failed, see" in printed.err
    assert "one.tif" in (out / "failures.csv").read_text()
    assert len(json.loads((out / "run.json").read_text())["failures"]) == 1
    assert len(pd.read_csv(out / "objects.csv")) == 18


def test_a_stopped_run_keeps_what_is_done(data, tmp_path, monkeypatch):
    write = stage.write_labels

    def stopped_at_two(path, *rest, **options):
        write(path, *rest, **options)
        if path.name == "two_labels.tif":
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(stage, "write_labels", stopped_at_two)
    out = tmp_path / "out"
    assert run("prelabel", data, "--method", "classical", "--out", out) == 143
    record = json.loads((out / "run.json").read_text())
    assert record["left_out"] == [str(data / "images" / "B" / "one.tif")]
    assert set(pd.read_csv(out / "objects.csv")["image"]) == {"A/one.tif", "A/two.tif"}


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["--method", "none"], 2, "no model 'none'"),
        (["--method", "classical", "--threshold", "mean"], 2, "--threshold"),
        (["--method", "classical", "--agreement", "8"], 2, "--agreement"),
        (["--method", "classical", "--tile", "512"], 2, "--tile is of models"),
        (["--method", "fpn2ws-nuclei", "--tile", "100"], 2, "--tile: expected"),
    ],
)
def test_wrong_usage(data, arguments, code, text, capsys):
    assert run("prelabel", data, *arguments) == code
    assert text in capsys.readouterr().err
    assert not (data / "prelabels").exists()


def test_masks_are_refused_as_output(data, capsys):
    assert run("prelabel", data, "--method", "classical", "--out", data / "masks") == 2
    assert "a folder of its own" in capsys.readouterr().err
    assert not (data / "masks").exists()


def test_classical_does_not_wait_for_tensorflow(data):
    code = (
        "import sys; from nucseg_tf.__main__ import main;"
        f"main(['prelabel', {str(data)!r}, '--method', 'classical']);"
        "print({'tensorflow', 'keras'} & set(sys.modules), file=sys.stderr)"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stderr.endswith("set()\n")


@pytest.mark.data
def test_confidence_tells_wrong_nuclei_from_right_ones(dsb2018, tmp_path):
    """The area under the curve over all validation fields is 0.79, see docs/prelabel.md."""
    from nucseg_tf.annotation.prelabel.confidence import best_iou

    assert run("prelabel", dsb2018 / "val", "--method", "classical", "--out", tmp_path / "out") == 0
    table = pd.read_csv(tmp_path / "out" / "objects.csv")
    wrong = np.zeros(len(table), bool)
    for name, rows in table.groupby("image"):
        labels = read_labels(tmp_path / "out" / name.replace(".png", "_labels.tif"))
        iou = best_iou(labels, read_labels(dsb2018 / "val" / "masks" / name))
        wrong[rows.index] = iou[rows["label"] - 1] < 0.7
    of_wrong, of_right = (table["confidence"].to_numpy()[at] for at in (wrong, ~wrong))
    beaten = (of_wrong[:, None] < of_right) + 0.5 * (of_wrong[:, None] == of_right)
    assert beaten.mean() > 0.75
    assert wrong[(table["rank"] <= len(table) // 10).to_numpy()].sum() > 0.35 * wrong.sum()


def test_the_diameter_is_found_once_for_all_views(monkeypatch):
    from nucseg_tf.annotation.prelabel.image import Settings, prelabel_image
    from nucseg_tf.inference.stages import scale

    calls = []

    def find(pixels, *_):
        calls.append(pixels.shape)
        return Diameter(24.0, 1.1)

    monkeypatch.setattr(scale, "find_diameter", find)
    image = field(0)
    labels, table = prelabel_image(image, "fpn2ws-nuclei", Settings(agreement=2))
    assert labels.max() == len(table) == 9
    assert calls == [image.shape]
