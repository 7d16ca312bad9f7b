"""Mask R-CNN from the command line: trained for a few steps, then used."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile
import yaml
from reference.drawn import drawn_nuclei

from nucseg_tf.__main__ import main

CONFIG = {
    "name": "small",
    "model": {
        "family": "mask_rcnn",
        "encoder": "mobilenetv2",
        "filters": 16,
        "detector": {"rpn_filters": 16, "box_units": 16, "mask_filters": 8, "mask_cells": 14},
    },
    "data": {"roi": 64},
    "training": {"batch": 2, "steps_per_epoch": 2, "epochs": 1, "schedule": "steps"},
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Folder with data/ and run/."""
    folder = tmp_path_factory.mktemp("mask_rcnn")
    image, labels = drawn_nuclei()
    for number, name in enumerate("abc"):
        for kind, array in (("images", image), ("masks", labels.astype("uint16"))):
            (folder / "data" / kind).mkdir(parents=True, exist_ok=True)
            tifffile.imwrite(folder / "data" / kind / f"{name}.tif", array[:, number:])
    (folder / "small.yaml").write_text(yaml.safe_dump(CONFIG))
    command = ["train", folder / "small.yaml", "--data", folder / "data", "--out", folder / "run"]
    assert main([*map(str, command)]) == 0
    return folder


def test_the_model_folder_has_tuned_thresholds_and_scores(trained):
    model = trained / "run" / "model"
    info = yaml.safe_load((model / "model.yaml").read_text())
    assert info["architecture"]["family"] == "mask_rcnn"
    assert {"score", "mask"} <= {*info["detect"]}
    assert "0.50" in info["scores"]["validation"]
    assert "Mask R-CNN" in (model / "README.md").read_text()


@pytest.mark.parametrize("options", [[], ["--tile", "128"], ["--tta", "2", "--diameter", "30"]])
def test_it_predicts_label_images(trained, tmp_path, options):
    paths = [trained / "data" / "images", "--model", trained / "run", "--out", tmp_path]
    assert main(["predict", *map(str, paths), *options]) == 0
    found = tifffile.imread(tmp_path / "a_labels.tif")
    assert found.shape == drawn_nuclei()[1].shape
    assert found.dtype == np.uint16
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["model"]["thresholds"]["overlap"] == 0.6


def test_an_image_without_nuclei_and_a_pixel_are_done(trained, tmp_path):
    for name, array in (("flat", np.full((90, 50), 7, np.uint16)), ("dot", np.ones((1, 1)))):
        (tmp_path / "in").mkdir(exist_ok=True)
        tifffile.imwrite(tmp_path / "in" / f"{name}.tif", array.astype(np.uint16))
    paths = [tmp_path / "in", "--model", trained / "run", "--out", tmp_path / "out"]
    assert main(["predict", *map(str, paths)]) == 0
    assert not tifffile.imread(tmp_path / "out" / "flat_labels.tif").any()


def test_a_tile_that_does_not_fit_is_refused(trained, tmp_path, capsys):
    paths = [trained / "data" / "images", "--model", trained / "run", "--out", tmp_path]
    assert main(["predict", *map(str, paths), "--tile", "100"]) == 2
    assert "multiple of 64" in capsys.readouterr().err


def test_it_begins_from_another_family_that_has_the_same_encoder(trained, tmp_path):
    """The encoder of the shipped FPN2-WS; the rest is new."""
    changes = ["--set", "model.encoder=efficientnetlite0", "--set", "training.cold_epochs=1"]
    command = ["train", trained / "small.yaml", "--data", trained / "data", "--out", tmp_path / "r"]
    assert main([*map(str, command), "--init", "fpn2ws-nuclei", *changes]) == 0
    start = json.loads((tmp_path / "r" / "start.json").read_text())
    assert start["pretrained"] is True
