"""A family, a reader and a writer of another package, from the command line.

`tests/plugins` lies on the path as an installed package would; nothing of nucseg_tf knows it.
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from reference.drawn import drawn_nuclei

from nucseg_tf.io.images import read_image
from nucseg_tf.io.labels import read_labels, write_labels

ROOT = Path(__file__).parents[2]
PLUGINS = ROOT / "tests" / "plugins"
CONFIG = {
    "name": "my-toy",
    "model": {"family": "toy", "sharpness": 4.0},
    "data": {"roi": 64, "shoulder": 4},
    "augment": "none",
    "training": {"batch": 4, "steps_per_epoch": 20, "epochs": 2, "learning_rate": 0.1},
}


def nucseg(*arguments: object, plugins: bool = True) -> subprocess.CompletedProcess:
    path = os.pathsep.join([str(ROOT), *([str(PLUGINS)] if plugins else [])])
    return subprocess.run(
        [sys.executable, "-m", "nucseg_tf", *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def fields(tmp_path_factory) -> Path:
    """Images as .npy, which only the plugin reads, and their masks."""
    folder = tmp_path_factory.mktemp("toy") / "data"
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for number in range(6):
        image, labels = (np.roll(array, 5 * number, axis=1) for array in drawn_nuclei())
        np.save(folder / "images" / f"f{number}.npy", image)
        write_labels(folder / "masks" / f"f{number}.tif", labels)
    return folder


@pytest.fixture(scope="module")
def run(fields) -> Path:
    config = fields.parent / "toy.yaml"
    config.write_text(yaml.safe_dump(CONFIG))
    out = fields.parent / "run"
    done = nucseg("train", config, "--data", fields, "--out", out)
    assert done.returncode == 0, done.stderr
    return out


def test_the_family_is_short():
    assert len((PLUGINS / "nucseg_toy.py").read_text().splitlines()) < 100


def test_training_ends_with_tuned_thresholds_scores_and_a_card(run):
    info = yaml.safe_load((run / "model" / "model.yaml").read_text())
    assert info["architecture"]["family"] == "toy"
    assert info["brightness"]["bright"] in (0.2, 0.5, 0.8)  # it began at 0.9
    assert info["scores"]["validation"]["0.50"]["mean_f1"] > 0.7  # two nuclei touch
    assert "Toy that thresholds" in (run / "model" / "README.md").read_text()


def test_it_predicts_and_the_writer_has_a_flag(fields, run, tmp_path):
    arguments = ("predict", fields / "images", "--model", run, "--out", tmp_path)
    done = nucseg(*arguments, "--centres", "--overlay")
    assert done.returncode == 0, done.stderr
    labels = read_labels(tmp_path / "f0_labels.tif")
    with (tmp_path / "f0_centres.csv").open() as stream:
        assert len(list(csv.DictReader(stream))) == labels.max() >= 3
    assert (tmp_path / "f0_overlay.png").is_file()
    assert "--centres" in nucseg("predict", "--help").stdout


def test_it_is_benchmarked_beside_a_shipped_model(fields, run, tmp_path):
    models = f"toy={run},fpn2ws-nuclei"
    done = nucseg("benchmark", "--data", fields, "--models", models, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    report = (tmp_path / "report.html").read_text()
    assert "toy" in report
    assert "fpn2ws" in report


def test_its_model_is_exported(run, tmp_path):
    done = nucseg("models", "export", run, tmp_path / "toy.zip")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "toy.zip").stat().st_size > 500


def test_without_the_package_the_family_is_named(fields, run, tmp_path):
    done = nucseg("models", "info", run, plugins=False)
    assert done.returncode == 1
    assert "no model family 'toy'" in done.stderr
    assert "fpn2ws" in done.stderr


def test_without_the_package_the_format_is_unknown(fields):
    from nucseg_tf.errors import ImageReadError

    with pytest.raises(ImageReadError, match="unsupported format"):
        read_image(fields / "images" / "f0.npy")
