"""The task as Fractal's server runs it, its manifest by Fractal's tools, its results in ngio."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import nucseg_tf
from nucseg_tf.__main__ import main

PACKAGE = Path(nucseg_tf.__file__).parent
[TASK] = json.loads((PACKAGE / "__FRACTAL_MANIFEST__.json").read_text())["task_list"]
TOOL = Path(sys.executable).parent / "fractal-manifest"

pytestmark = pytest.mark.slow  # `make clusters-test`


def test_the_manifest_is_what_the_tool_makes():
    command = [TOOL, "check", "--package", "nucseg_tf"]
    command += ["--task-list-path", "integrations.fractal.task_list"]
    subprocess.run(command, check=True, timeout=120)


@pytest.fixture(scope="module")
def plate(tmp_path_factory):
    out = tmp_path_factory.mktemp("plate")
    flags = "--plate 1x2 --layout zarr --size 256x320 --channels 2"
    assert main(["simulate", *flags.split(), "--out", str(out)]) == 0
    return next(out.glob("*.zarr"))


def test_the_server_runs_it_on_the_images_of_a_plate(plate, tmp_path):
    import ngio

    for well in ("01", "02"):
        url = str(plate / "A" / well / "0")
        arguments, result = tmp_path / f"{well}.json", tmp_path / f"{well}.out.json"
        arguments.write_text(json.dumps({"zarr_url": url, "channel": "DAPI", "label_name": "dna"}))
        program = PACKAGE / TASK["executable_parallel"]
        command = [sys.executable, program, "--args-json", arguments, "--out-json", result]
        subprocess.run(command, check=True, timeout=300)
        assert json.loads(result.read_text()) is None
        container = ngio.open_ome_zarr_container(url)
        image, label = container.get_image(), container.get_label("dna")
        assert (label.pixel_size.y, label.pixel_size.x) == (image.pixel_size.y, image.pixel_size.x)
        assert label.shape[-2:] == image.shape[-2:]
        numbers = np.unique(label.get_as_numpy())[1:]
        table = container.get_table("nuclei")
        assert table.reference_label == "dna"
        frame = table.dataframe
        np.testing.assert_array_equal(np.sort(frame.index.to_numpy()), numbers)
        size = label.pixel_size.y * label.pixel_size.x
        np.testing.assert_allclose(frame["area_um2"], frame["area_px"] * size)
        assert len(container.build_masking_roi_table("dna").rois()) == len(numbers)
    assert len(ngio.open_ome_zarr_plate(plate).get_images()) == 2
