"""`nucseg loop`: what it says, and its exit codes; trainings are in tests/annotation/loop."""

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile

from nucseg_tf.__main__ import main


@pytest.fixture
def project(tmp_path):
    (tmp_path / "images").mkdir()
    tifffile.imwrite(tmp_path / "images" / "a.tif", np.zeros((9, 9), np.uint8))
    return str(tmp_path)


def test_status_is_text_or_json(project, capsys):
    assert main(["loop", "status", project]) == 0
    assert "to train: no field is corrected yet" in capsys.readouterr().out
    assert main(["loop", "status", project, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["model"], found["versions"], found["next"]) == ("fpn2ws-nuclei", [], [])
    # To ask changes nothing, and works where nobody may.
    assert [path.name for path in Path(project).iterdir()] == ["images"]


def test_what_cannot_be_trained_is_2(project, capsys):
    assert main(["loop", "train", project]) == 2
    assert "no field is corrected yet. Correct one, and accept it." in capsys.readouterr().err
    assert main(["loop", "train", project, "--where", "moon"]) == 2
    assert "--where: expected here or slurm. Received: 'moon'" in capsys.readouterr().err


def test_nothing_to_stop_is_said(project, capsys):
    assert main(["loop", "stop", project]) == 0
    assert "nothing trains on this machine" in capsys.readouterr().out
