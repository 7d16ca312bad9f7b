"""The Jacobkie-style family from the command line: trained for a few steps; the shipped model."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile
import yaml
from reference.drawn import drawn_nuclei

from nucseg_tf.__main__ import main
from nucseg_tf.evaluation.scores import score_image
from nucseg_tf.families.jacobkie.config import Positions
from nucseg_tf.models import zoo

CONFIG = {
    "name": "small",
    "model": {"family": "jacobkie", "encoder": "mobilenetv2", "filters": 16},
    "data": {"roi": 64},
    "training": {"batch": 2, "steps_per_epoch": 2, "epochs": 1},
    "positions": {"zooms": [1.0]},
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    image, labels = drawn_nuclei()
    for number, name in enumerate("abc"):
        for kind, array in (("images", image), ("masks", labels.astype("uint16"))):
            (folder / kind).mkdir(exist_ok=True)
            tifffile.imwrite(folder / kind / f"{name}.tif", array[:, number:])
    return folder


def test_fine_tuning_on_few_fields_starts_from_the_shipped_thresholds(data, tmp_path, monkeypatch):
    begun_with = []

    def keep(pairs, decode, start, grid, **_):
        begun_with.append((len(pairs), start))
        return start

    monkeypatch.setattr("nucseg_tf.evaluation.finish.tune", keep)
    command = ["train", "jacobkie", "--data", data, "--out", tmp_path / "run", "--init", "nuclei"]
    for change in ("data.roi=64", "training.batch=1", "training.steps_per_epoch=1"):
        command += ["--set", change]
    assert main([*map(str, command), "--set", "training.epochs=1"]) == 0
    shipped = zoo.read_info(zoo.find_model("jacobkie-nuclei")).positions
    assert begun_with == [(3, shipped)]  # one field validates, two are joined to it
    assert zoo.read_info(tmp_path / "run" / "model").positions == shipped != Positions()


def test_it_trains_tunes_and_predicts(data, tmp_path):
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(CONFIG))
    run = tmp_path / "run"
    command = ["train", tmp_path / "small.yaml", "--data", data, "--out", run]
    assert main([*map(str, command)]) == 0
    info = yaml.safe_load((run / "model" / "model.yaml").read_text())
    assert info["positions"]["zooms"] == [1.0]
    assert "not the original weights" in (run / "model" / "README.md").read_text()
    command = ["predict", data / "images", "--model", run, "--out", tmp_path / "found"]
    assert main([*map(str, command)]) == 0
    record = json.loads((tmp_path / "found" / "run.json").read_text())
    assert {"mask", "step"} <= {*record["model"]["thresholds"]}


@pytest.mark.parametrize("options", [[], ["--tta", "2", "--diameter", "20"]])
def test_the_shipped_model_finds_drawn_nuclei(data, tmp_path, options):
    command = ["predict", data / "images" / "a.tif", "--model", "jacobkie-nuclei"]
    assert main([*map(str, command), "--out", str(tmp_path), *options]) == 0
    found = tifffile.imread(tmp_path / "a_labels.tif")
    score = score_image(drawn_nuclei()[1], found.astype(np.int32))
    assert score.counts["0.50"].ap == 1
