"""`nucseg benchmark`, `report` and `compare`, with a shipped model in its own process."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys

import numpy as np
import pytest
import tifffile
from e2e.test_predict import field

from nucseg_tf import load_model
from nucseg_tf.__main__ import main
from nucseg_tf.evaluation import predictions
from nucseg_tf.evaluation.worker import labels_file
from nucseg_tf.io.labels import read_labels

MODEL = "fpn2ws-nuclei"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Two drawn images."""
    folder = tmp_path_factory.mktemp("drawn")
    for kind in ("images", "masks"):
        (folder / kind).mkdir()
    for seed in range(2):
        image, labels = field((96, 128), seed, count=6)
        tifffile.imwrite(folder / "images" / f"f{seed}.tif", image)
        tifffile.imwrite(folder / "masks" / f"f{seed}.tif", labels.astype(np.uint16))
    return folder


def command(data, out, *more):
    return ["benchmark", "--data", str(data), "--out", str(out), "--device", "cpu", *more]


def test_a_model_is_predicted_scored_kept_and_reported(data, tmp_path, capsys, monkeypatch):
    out = tmp_path / "out"
    argv = command(data, out, "--models", MODEL, "--labels", f"hand={data / 'masks'}")
    assert main(argv) == 0
    printed = capsys.readouterr()
    assert printed.out == f"{out / 'report.html'}\n"
    assert re.search(r"\(2/6, .* left\) fpn2ws-nuclei: predicted f1", printed.err)
    assert "100 % (6/6) hand: scored f1" in printed.err

    result = json.loads((out / "benchmark.json").read_text())
    model, hand = result["summary"]
    assert model["scores"]["f1_0.70"][0] > 0.9
    assert hand["scores"]["f1_0.95"][0] == 1
    run = result["runs"][0]
    assert (run["family"], run["kind"], len(run["sha256"])) == ("fpn2ws", "model", 64)
    assert (run["cost"]["images"], run["cost"]["device"]) == (2, "cpu")
    assert run["cost"]["engine"] == "openvino"
    assert 0 < run["cost"]["seconds"] < run["cost"]["loading_s"] + 60
    assert 100 < run["cost"]["memory_mb"] < 10_000
    kept = labels_file(out / "predictions" / MODEL, "f0")
    image = tifffile.imread(data / "images" / "f0.tif")
    np.testing.assert_array_equal(read_labels(kept), load_model(MODEL).predict(image))

    def no_process(*arguments):
        raise AssertionError("predicted anew")

    monkeypatch.setattr(predictions, "_start", no_process)
    assert main(argv) == 0
    again = json.loads((out / "benchmark.json").read_text())
    assert again["scores"] == result["scores"]
    assert again["runs"] == result["runs"]
    capsys.readouterr()
    text = (out / "report.html").read_text()
    assert main(["report", str(out)]) == 0
    assert (out / "report.html").read_text() == text
    assert main(["compare", str(out), "--out", str(tmp_path / "compared")]) == 0
    assert "| fpn2ws-nuclei |" in capsys.readouterr().out
    assert (tmp_path / "compared" / "compare.csv").is_file()
    assert main(["compare", str(out), "--table", "9"]) == 2
    assert "--table: there is no '9'; expected one of 1, 2" in capsys.readouterr().err
    assert main(["compare", str(out), "--table", "8"]) == 0
    assert "Zaki" not in capsys.readouterr().out  # no cell line of the paper
    assert main(["compare", str(out), str(out)]) == 2
    assert "each once" in capsys.readouterr().err
    assert main(["compare"]) == 2


@pytest.mark.parametrize(
    ("more", "code", "message"),
    [
        ([], 2, "nothing to benchmark"),
        (["--models", "no-such"], 2, "no model 'no-such'"),
        (["--models", MODEL, "--tile", "100"], 2, "--tile: expected a multiple"),
        (["--labels", "x"], 2, "expected NAME=FOLDER"),
        (["--labels", "x=nowhere"], 2, "nowhere"),
        (["--labels", "x=nowhere", "--split", "val"], 2, "--split"),
    ],
)
def test_bad_input_is_named(data, tmp_path, capsys, more, code, message):
    assert main(command(data, tmp_path / "out", *more)) == code
    printed = capsys.readouterr()
    assert message in printed.err
    assert "Traceback" not in printed.err
    assert printed.out == ""


def test_missing_labels_are_3(data, tmp_path, capsys):
    tifffile.imwrite(tmp_path / "f1.tif", tifffile.imread(data / "masks" / "f1.tif"))
    out = tmp_path / "out"
    assert main(command(data, out, "--labels", f"some={tmp_path}")) == 3
    printed = capsys.readouterr()
    assert printed.out == f"{out / 'report.html'}\n"
    assert "1 of 2 predictions were missing or unusable" in printed.err
    assert "f0_labels.tif" in (out / "failures.csv").read_text()


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_sigterm_keeps_what_is_predicted(data, tmp_path):
    out = tmp_path / "out"
    argv = [sys.executable, "-m", "nucseg_tf", *command(data, out, "--models", MODEL)]
    with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr:
            if "predicted f0" in line:
                process.send_signal(signal.SIGTERM)
                break
        errors = process.stderr.read()
    assert process.returncode == 143
    assert "the same command goes on" in errors
    assert (out / "predictions" / MODEL / "f0_labels.tif").is_file()
    assert not (out / "benchmark.json").exists()
