"""The main way of README.md, command by command as it stands there, on small simulated fields."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile
from reference.drawn import drawn_discs
from reference.pages import ROOT, commands

from nucseg_tf.__main__ import main

BRIEF = ["training.epochs=1", "training.steps_per_epoch=2", "training.batch=2", "data.roi=64"]
MORE = {  # what keeps a command short, or lets it end
    "train": [word for change in BRIEF for word in ("--set", change)],
    "augment": ["--set", "data.roi=64", "--rois", "40"],
}
PARTS = ["Find nuclei", "Train your own", "Plates", "Compare models"]  # in the order of their needs


def section(title: str) -> str:
    """What stands below a heading."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def simulate(*words: str) -> None:
    """Draw fields."""
    assert main(["simulate", *words]) == 0


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A working folder with all that the commands name."""
    top = tmp_path_factory.mktemp("readme")
    simulate(
        "--cell-line", "U2OS", "--fields", "5", "--size", "96x128", "--out", str(top / "drawn")
    )
    for kind in ("images", "masks"):
        shutil.copytree(top / "drawn" / kind / "U2OS", top / "DIR" / kind)
    shutil.copytree(top / "DIR" / "images", top / "images")
    for place, layout in (("AssayPlate", "cellvoyager"), ("zarr", "zarr")):
        plate = ["--plate", "1x2", "--fields", "1", "--channels", "1", "--size", "96x96"]
        simulate(*plate, "--layout", layout, "--out", str(top / place))
    next((top / "zarr").glob("*.zarr")).rename(top / "plate.zarr")
    return top


def give(words: list[str]) -> None:
    """What a command begins from, in place of what the command before has left there."""
    if words[0] == "predict":
        shutil.rmtree("results", ignore_errors=True)
        give_image(words)
    if words[0] == "train":
        shutil.rmtree("RUN", ignore_errors=True)
    if words[0] == "benchmark":
        shutil.copytree("DIR/masks", "FOLDER")
    if words[0] == "compare":
        shutil.copytree("OUT", "EARLIER")


def give_image(words: list[str]) -> None:
    """An a.tif of the kind that the command is about."""
    plane = drawn_discs(0)
    for flag, axes in (("--channel", "CZYX"), ("--t", "TZYX")):
        if flag in words:
            names = {"Channel": {"Name": ["DAPI", "GFP"]}} if axes[0] == "C" else {}
            pixels = np.stack([np.stack([plane, plane // 2])] * 2)
            tifffile.imwrite("a.tif", pixels, ome=True, metadata={"axes": axes, **names})
            return
    tifffile.imwrite("a.tif", plane)


@pytest.mark.slow
@pytest.mark.parametrize("title", PARTS)
def test_commands_of_the_readme_run(title, folder, monkeypatch):
    monkeypatch.chdir(folder)
    lines = [words for words, whole in commands(section(title)) if whole]
    assert lines
    for line in lines:
        words = shlex.split(line)
        give(words)
        assert main([*words, *MORE.get(words[0], [])]) == 0, line
