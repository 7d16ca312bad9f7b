"""The module's scripts, run by bash as Nextflow would fill them in, and its description."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import tifffile
import yaml
from reference.drawn import drawn_discs

from nucseg_tf.data.simulate.cell_lines import find_cell_lines
from nucseg_tf.data.simulate.field import simulate_field
from nucseg_tf.io.omezarr.write_image import write_image

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "workflow" / "nextflow"
MODULE = FOLDER / "modules" / "nucseg" / "predict"
SOURCE = (MODULE / "main.nf").read_text()
FILLED = {"prefix": "a", "meta.id": "a", "task.cpus": "1", "task.process": "NUCSEG_PREDICT"}


def script_of(section: str, **more: str) -> str:
    """What Nextflow would give to bash: variables filled in, `\\$` and `\\\\` unescaped."""
    text = re.search(rf'\n    {section}:.*?"""\n(.*?)"""', SOURCE, re.DOTALL)[1]
    values = FILLED | {"channel": "", "network": "", "args": ""} | more
    text = re.sub(r"(?<!\\)\$\{([\w.]+)\}", lambda found: values[found[1]], text)
    lines = text.replace("\\$", "$").replace("\\\\", "\\").splitlines()
    return "\n".join(line.removeprefix("    ") for line in lines) + "\n"


def run_in(folder: Path, script: str) -> None:
    tools = folder / "bin"
    tools.mkdir()
    (tools / "nucseg").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m nucseg_tf "$@"\n')
    (tools / "nucseg").chmod(0o755)
    own = {"PATH": f"{tools}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    command = ["bash", "-euo", "pipefail", "-c", script]
    subprocess.run(command, cwd=folder, env=os.environ | own, check=True, timeout=300)


def outputs_of(folder: Path) -> None:
    """That all outputs which the module promises are there."""
    for pattern in re.findall(r'path\(?\s?"([^"]+)"', SOURCE.split("output:")[1].split("when:")[0]):
        assert list(folder.glob(pattern.replace("${prefix}", "a"))), pattern
    versions = yaml.safe_load((folder / "versions.yml").read_text())
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*", versions["NUCSEG_PREDICT"]["nucseg_tf"])


def test_the_stub_makes_all_outputs(tmp_path):
    run_in(tmp_path, script_of("stub"))
    outputs_of(tmp_path)


def test_the_script_finds_nuclei(tmp_path):
    (tmp_path / "images").mkdir()
    pixels, _ = simulate_field(find_cell_lines("U2OS")[0], 1, shape=(160, 200))
    tifffile.imwrite(tmp_path / "images" / "f.tif", pixels)
    run_in(tmp_path, script_of("script", channel="--channel '0'"))
    outputs_of(tmp_path)
    assert tifffile.imread(tmp_path / "a" / "f_labels.tif").max() > 1


def test_a_folder_and_ome_zarr_give_label_images_too(tmp_path):
    """As Nextflow lays them there: links in `images`; the zarr belongs to others."""
    folder, image = tmp_path / "other" / "fields", tmp_path / "other" / "z.zarr"
    folder.mkdir(parents=True)
    tifffile.imwrite(folder / "f.tif", drawn_discs(1))
    write_image(image, drawn_discs(2)[None], "CYX", channels=["DAPI"], pixel_size=0.5)
    before = sorted(image.rglob("*"))
    (tmp_path / "images").mkdir()
    for each in (folder, image):
        (tmp_path / "images" / each.name).symlink_to(each)
    run_in(tmp_path, script_of("script", channel="--channel '0'", prefix="a b"))
    assert [path.name for path in sorted((tmp_path / "a b").glob("*.tif"))] == [
        "f_labels.tif",
        "z_labels.tif",
    ]
    assert sorted(image.rglob("*")) == before


def test_the_description_has_the_outputs_of_the_module():
    emitted = re.findall(r"emit: (\w+)", SOURCE)
    assert list(yaml.safe_load((MODULE / "meta.yml").read_text())["output"]) == emitted
