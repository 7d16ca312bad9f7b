"""Descriptors by BIOMERO's own parsers, and its own job script, with a stand-in for Singularity."""

from __future__ import annotations

import importlib.util
import json
import os
import string
import subprocess
import sys
from importlib.metadata import files
from pathlib import Path

import numpy as np
import pytest
import tifffile
import yaml

from nucseg_tf.data.simulate.cell_lines import find_cell_lines
from nucseg_tf.data.simulate.field import simulate_field

ROOT = Path(__file__).parents[3]
SHARED = {path.name: Path(path.locate()) for path in files("biomero")}

pytestmark = pytest.mark.slow  # `make clusters-test`


@pytest.fixture(scope="module")
def parse():
    """BIOMERO's parser; its package itself imports clients of OMERO and databases."""
    spec = importlib.util.spec_from_file_location("schema_parsers", SHARED["schema_parsers.py"])
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.WorkflowDescriptorParser.parse_descriptor


def test_both_descriptors_are_read(parse):
    descriptor = json.loads((ROOT / "workflow" / "biomero" / "descriptor.json").read_text())
    found = parse(descriptor)
    assert [item.command_line_flag for item in found.inputs][:2] == ["--model", "--channel"]
    config = yaml.safe_load((ROOT / "workflow" / "bilayers" / "config.yaml").read_text())
    found = {item.id: item for item in parse(config).inputs}
    assert found["model"].value_choices[0] == found["model"].default_value == "fpn2ws-nuclei"
    assert found["save_dir"].output_dir_set


def test_its_job_finds_the_nuclei(parse, tmp_path):
    data, tools = tmp_path / "a b" / "data", tmp_path / "bin"
    for folder in (data / "in", data / "gt", data / "out", tools):
        folder.mkdir(parents=True)
    pixels, _ = simulate_field(find_cell_lines("U2OS")[0], 1, shape=(200, 240))
    tifffile.imwrite(data / "in" / "field.ome.tif", pixels)
    found = parse(json.loads((ROOT / "workflow" / "biomero" / "descriptor.json").read_text()))
    values = {item.id.upper(): str(item.default_value) for item in found.inputs}
    flags = " ".join(f'{i.command_line_flag}="${i.id.upper()}"' for i in found.inputs)
    script = string.Template(SHARED["job_template.sh"].read_text()).safe_substitute(
        jobname="nucseg",
        GPU_FLAG="",
        OPTIONAL_ENV="",
        WF_TYPE="biaflows",
        INPARAMS='--infolder "$DATA_PATH/data/in" --gtfolder "$DATA_PATH/data/gt"',
        OUTPARAMS='--outfolder "$DATA_PATH/data/out"',
        PARAMS=flags,
        EXTRAPARAMS="--local -nmc",
    )
    (tmp_path / "job.sh").write_text(script)
    wrapper = ROOT / "workflow" / "biomero" / "wrapper.py"
    for name, what in {
        "singularity": f'shift 2; exec "{sys.executable}" "{wrapper}" "$@"',
        "nucseg": f'exec "{sys.executable}" -m nucseg_tf "$@"',
        "module": "exit 1",
    }.items():
        (tools / name).write_text(f"#!/bin/sh\n{what}\n")
        (tools / name).chmod(0o755)
    own = {"PATH": f"{tools}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    own |= {"DATA_PATH": str(data.parent), "IMAGE_PATH": "/images", "SINGULARITY_IMAGE": "n.simg"}
    command = ["bash", tmp_path / "job.sh"]
    done = subprocess.run(
        command, env=os.environ | own | values, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Job completed successfully." in done.stdout
    assert np.max(tifffile.imread(data / "out" / "field.ome_labels.tif")) > 1
