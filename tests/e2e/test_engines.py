"""Engines from the command line: what is imported, what is recorded, what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from reference.drawn import drawn_nuclei

from nucseg_tf.__main__ import main

ROOT = Path(__file__).parents[2]
PROBE = """
import sys
from nucseg_tf.__main__ import main
code = main(sys.argv[1:])
print(" ".join(sorted({name.split(".")[0] for name in sys.modules})))
sys.exit(code)
"""
HEAVY = {
    *("tensorflow", "keras", "jax", "torch", "h5py", "matplotlib", "pandas"),
    "segmentation_models",
}


@pytest.fixture(scope="module")
def image(tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("engines") / "a.tif"
    tifffile.imwrite(file, drawn_nuclei()[0])
    return file


def modules_after(*arguments: object) -> set[str]:
    """Top names of what is imported once a command is done, in a process of its own."""
    command = [sys.executable, "-c", PROBE, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert len([line for line in done.stderr.splitlines() if "100 %" in line]) <= 1
    return {*done.stdout.splitlines()[-1].split()}


def test_help_imports_nothing_heavy():
    slow = HEAVY | {"pandas", "scipy", "skimage", "cv2", "pydantic", "openvino"}
    assert not modules_after("--help") & slow


@pytest.mark.parametrize("model", ["fpn2ws-nuclei", "mask-rcnn-nuclei"])
def test_prediction_with_openvino_does_without_tensorflow(image, tmp_path, model):
    arguments = ("predict", image, "--engine=openvino", f"--model={model}", "--out", tmp_path)
    modules_after(*arguments)  # converts, where no test before has
    found = modules_after(*arguments)
    assert "openvino" in found
    assert not found & (HEAVY | {"openvino_telemetry"})


@pytest.mark.parametrize("model", ["fpn2ws-nuclei", "mask-rcnn-nuclei"])
def test_both_engines_find_the_same_and_are_recorded(image, tmp_path, model):
    labels = []
    for engine in ("keras", "openvino"):
        out = tmp_path / engine
        command = ["predict", str(image), "--out", str(out), f"--engine={engine}"]
        assert main([*command, "--precision=f32", f"--model={model}"]) == 0
        record = json.loads((out / "run.json").read_text())
        assert (record["engine"], record["precision"]) == (engine, "f32")
        assert record["device"].startswith("cpu") or engine == "keras"
        labels.append(tifffile.imread(out / "a_labels.tif"))
    assert labels[0].max() > 2
    np.testing.assert_array_equal(*labels)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            ["--engine=tensorrt"],
            "--engine: there is no 'tensorrt'; expected one of auto, keras, openvino",
        ),
        (["--engine=openvino", "--device=gpu"], "needs keras"),
        (["--engine=keras", "--precision=bf16"], "keras does not compute it"),
        (["--precision=f16"], "auto or f32 or bf16"),
    ],
)
def test_what_is_refused(image, tmp_path, capsys, flags, message):
    assert main(["predict", str(image), "--out", str(tmp_path / "out"), *flags]) == 2
    assert message in capsys.readouterr().err


def test_a_missing_openvino(image, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    command = ["predict", str(image), "--out", str(tmp_path / "out")]
    assert main([*command, "--engine=openvino"]) == 2
    assert "pip install openvino" in capsys.readouterr().err
    assert main(command) == 0
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["engine"] == "keras"
