"""From images to the report of a plate, with the shipped model."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import tifffile

from nucseg_tf.__main__ import main
from nucseg_tf.data.simulate import find_cell_lines
from nucseg_tf.data.simulate.field import simulate_field


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


@pytest.fixture
def wells(tmp_path):
    """Two wells of a plate, one of them without cells, in the names of a CellVoyager."""
    folder = tmp_path / "AssayPlate"
    folder.mkdir()
    full = simulate_field(find_cell_lines("HCT116")[0], 1, shape=(96, 128))[0]
    empty = np.random.default_rng(0).normal(200, 5, full.shape).astype(np.uint16)
    for well, image in (("A02", full), ("C11", empty)):
        name = f"AssayPlate_{well}_T0001F001L01A01Z01C01.tif"
        tifffile.imwrite(folder / name, image)
    return folder


def test_a_plate(wells, tmp_path, capsys):
    out = tmp_path / "out"
    assert run("predict", wells, "--out", out, "--pattern", "auto", "--thumbnail") == 0
    assert run("report", out) == 0
    assert capsys.readouterr().out.strip().endswith("report.html")
    page = (out / "report.html").read_text(encoding="utf-8")
    data = json.loads(re.search(r'id="data">(.*?)</script>', page)[1])
    assert [unit["name"] for unit in data["units"]] == ["A02", "C11"]
    metrics = {metric["key"]: metric for metric in data["metrics"]}
    nuclei = metrics["count"]["mean"]
    assert nuclei[0] > 3
    assert metrics["area_px"]["n"] == nuclei
    assert nuclei[1] == 0
    assert [field["flags"] for field in data["fields"]] == [[], [data["flags"].index("empty")]]
    assert all((out / field["picture"]).is_file() for field in data["fields"])
