"""BIOMERO's way of calling, and the descriptor, without its packages."""

from __future__ import annotations

import inspect
import json
import runpy
from pathlib import Path

import pytest

from nucseg_tf.commands.predict import predict

FOLDER = Path(__file__).parents[3] / "workflow" / "biomero"
command_of = runpy.run_path(str(FOLDER / "wrapper.py"))["command_of"]
FOLDERS = ["--infolder", "/d/in", "--gtfolder", "/d/gt", "--outfolder", "/d/out"]


def test_what_is_not_of_biomero_goes_on():
    given = [*FOLDERS, "--model=fpn2ws-nuclei", "--channel=DNA 1", "--z=", "--local", "-nmc"]
    expected = ["nucseg", "predict", "/d/in", "--out", "/d/out", "--model=fpn2ws-nuclei"]
    assert command_of(given) == [*expected, "--channel=DNA 1"]


@pytest.mark.parametrize("given", [["--local"], FOLDERS], ids=["no folders", "a server"])
def test_what_it_cannot_do_is_an_error(given, capsys):
    with pytest.raises(SystemExit, match="2"):
        command_of(given)
    assert "required" in (said := capsys.readouterr().err) or "only --local" in said


def test_inputs_are_options_of_the_command():
    inputs = json.loads((FOLDER / "descriptor.json").read_text())["inputs"]
    assert {item["id"] for item in inputs} <= inspect.signature(predict).parameters.keys()
    assert all(str(item["default-value"]) for item in inputs)  # an empty one is a flag alone
