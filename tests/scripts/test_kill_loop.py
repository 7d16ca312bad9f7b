"""What the script takes for a difference; and, slow, each of its stages with a few kills."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import kill_loop
import numpy as np
import pytest
import tifffile

from nucseg_tf.annotation.loop import locks

SCRIPT = Path(kill_loop.__file__)


def test_half_of_a_file_is_seen(tmp_path):
    tifffile.imwrite(tmp_path / "whole.tif", np.zeros((64, 64), np.uint8))
    (tmp_path / "whole.json").write_text("{}")
    assert kill_loop.check_whole(tmp_path) == []
    content = (tmp_path / "whole.tif").read_bytes()
    (tmp_path / "half.tif").write_bytes(content[:5])
    (tmp_path / "half.json").write_text('{"state": "tra')
    (tmp_path / ".half-0123abcd.json").write_text("{")  # nobody takes it for anything
    assert [line.split(":")[0] for line in sorted(kill_loop.check_whole(tmp_path))] == [
        "half.json",
        "half.tif",
    ]


def test_what_is_hidden_is_seen(tmp_path):
    (tmp_path / "loop").mkdir()
    for name in (locks.TRAINING, locks.PREDICTING, ".last-0123abcd.h5"):
        (tmp_path / "loop" / name).touch()
    assert kill_loop.hidden(tmp_path) == ["loop/.last-0123abcd.h5"]


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["save", "train", "predict"])
def test_kills_make_no_difference(stage):
    command = [sys.executable, str(SCRIPT), stage, "--kills", "3"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    result = json.loads(done.stdout)
    assert (result["differences"], done.returncode, result["kills"]) == ([], 0, 3)
