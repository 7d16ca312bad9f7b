"""The script for QuPath, run by Groovy on classes that stand for QuPath's (stubs/)."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

from nucseg_tf.io.writers.geojson import write_geojson

HERE = Path(__file__).parent
SCRIPT = HERE.parents[2] / "nucseg_tf" / "integrations" / "qupath" / "nucseg.groovy"
SQUARES = ((2, 4), (20, 30))  # row and column of nuclei of 6 x 6 px in what was exported
OPEN = {"width": 5000, "height": 4000, "micron": 0.5, "view": [100, 50, 601, 520]}

pytestmark = pytest.mark.slow  # `make imagej-test`

if not (shutil.which("groovy") and shutil.which("java")):
    pytest.skip("no Groovy; on Debian: apt-get install groovy", allow_module_level=True)


@pytest.fixture
def nucseg(tmp_path) -> Path:
    """A program that notes its arguments, and finds `SQUARES`."""
    labels = np.zeros((60, 60), np.int32)
    for number, (row, column) in enumerate(SQUARES, start=1):
        labels[row : row + 6, column : column + 6] = number
    write_geojson(tmp_path / "found.geojson", labels, {"score": np.array([0.75, 0.5])})
    program = tmp_path / "my nucseg"
    program.write_text(
        f"#!{sys.executable}\n"
        "import pathlib, shutil, sys\n"
        f"here = pathlib.Path({str(tmp_path)!r})\n"
        "(here / 'arguments').write_text('\\n'.join(sys.argv[1:]))\n"
        "out = pathlib.Path(sys.argv[sys.argv.index('--out') + 1])\n"
        "out.mkdir()\n"
        "shutil.copy(here / 'found.geojson', out / 'region.geojson')\n"
    )
    program.chmod(0o755)
    return program


def run(folder: Path, program: object, opened: dict, **settings: str) -> dict:
    """What the script did; settings are texts of Groovy."""
    text = SCRIPT.read_text(encoding="utf-8")
    for name, value in ({"program": repr(str(program))} | settings).items():
        before, after = text.split(f"    {name:<10}: ")
        comma = after.partition("\n")[0].partition("//")[0].strip().endswith(",")
        text = f"{before}    {name:<10}: {value}{',' * comma} //{after}"
    (folder / "script.groovy").write_text(text, encoding="utf-8")
    tifffile.imwrite(folder / "region.tif", np.zeros((8, 8), np.uint8))
    opened = {"image": str(folder / "region.tif")} | opened
    home = Path(shutil.which("java")).resolve().parents[1]
    done = subprocess.run(
        ["groovy", "-cp", HERE / "stubs", HERE / "driver.groovy", folder / "script.groovy",
         json.dumps(opened)],
        env=os.environ | {"JAVA_HOME": str(home)},
        capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def box(corners: list) -> tuple:
    """Left, top, right, bottom."""
    return (*np.min(corners, 0).tolist(), *np.max(corners, 0).tolist())


def test_the_region_in_view(tmp_path, nucseg):
    old = {"old": [[300, 300], [4000, 3000]], "z": 2, "t": 1}
    told = run(tmp_path, nucseg, OPEN | old, downsample="2.0", channel="'DAPI'", replace="true")
    assert told["requests"] == [[100, 50, 601, 520, 2, 1, 2]]
    assert told["count"] == 2
    outside, first, second = told["objects"]  # what lay in the region is gone
    assert outside["corners"] == [[4000, 3000]]
    assert (first["type"], first["name"]) == ("detection", "1")
    assert first["measurements"] == {"score": 0.75}
    assert box(first["corners"]) == (100 + 8, 50 + 4, 100 + 20, 50 + 16)
    assert box(second["corners"]) == (100 + 60, 50 + 40, 100 + 72, 50 + 52)
    assert {(o["z"], o["t"]) for o in (first, second)} == {(2, 1)}
    arguments = (tmp_path / "arguments").read_text().split("\n")
    image, out = arguments[1], arguments[3]
    options = ["--geojson", "--model", "fpn2ws-nuclei", "--channel", "DAPI", "--pixel-size", "1.0"]
    assert arguments == ["predict", image, "--out", out, *options]
    assert not Path(image).parent.exists()


def test_below_an_annotation(tmp_path, nucseg):
    told = run(tmp_path, nucseg, OPEN | {"annotation": [-5, 10, 30, 300], "old": [[3, 20]]})
    (annotation, old) = told["objects"]
    assert old["name"] == "old"  # nothing is removed that nobody asked for
    assert told["requests"] == [[0, 10, 25, 300, 0, 0, 1]]  # within the image
    (found,) = annotation["below"]  # the other one's centre lies outside
    assert box(found["corners"]) == (4, 12, 10, 18)
    assert told["changes"] == 1


def test_errors_are_shown(tmp_path):
    program = tmp_path / "nucseg"
    program.write_text(f"#!/bin/sh\necho {shlex.quote('error: no model')} >&2\nexit 2\n")
    program.chmod(0o755)
    assert run(tmp_path, program, OPEN) == {"error": "nucseg ended with code 2:\nerror: no model\n"}
    assert "Set program to its path" in run(tmp_path, "/no/nucseg", OPEN)["error"]
