"""How the script kills, and what it takes for a difference; and, slow, each stage a few times."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import kill
import numpy as np
import pytest
import tifffile
from kills import commands, loop
from kills.forked import Plan, attempt, moment
from kills.same import check_whole, differences, hidden
from kills.table import table

from nucseg_tf.annotation.loop import locks


def write_three(folder: Path) -> int:
    for number in range(3):
        (folder / f"{number}.txt").write_text("whole")
    return 5


@pytest.mark.parametrize("group", [True, False])
@pytest.mark.parametrize("at", [1, 3])
def test_killed_before_a_write(tmp_path, at, group):
    (tmp_path / "home").mkdir()
    plan = Plan(at_write=at, group=group)
    ended = attempt(
        lambda: write_three(tmp_path / "home"), tmp_path / "home", tmp_path / "log", plan
    )
    assert (ended.code, ended.writes, ended.last) == (-9, at, "open N.txt")
    assert len(list((tmp_path / "home").iterdir())) == at - 1


def test_killed_at_a_time(tmp_path):
    code = "import time; time.sleep(60)"
    ended = attempt(lambda: exec(code), tmp_path, tmp_path / "log", Plan(after=0.05))
    assert (ended.code, ended.writes) == (-9, 0)
    assert 0.05 <= ended.seconds < 5


def test_not_killed(tmp_path):
    (tmp_path / "home").mkdir()
    ended = attempt(lambda: write_three(tmp_path / "home"), tmp_path / "home", tmp_path / "log")
    assert (ended.code, ended.writes) == (5, 3)


def test_moments_differ_in_more_than_numbers():
    one = moment("os.rename", Path("/x/.f07_labels-0123abcd.tif"))
    assert one == moment("os.rename", Path("/x/.f12_labels-ba981234.tif"))
    assert one == "rename .fN_labels.tif"
    assert moment("open", Path("/a.zarr/c/0")) == "open chunk"


def test_half_of_a_file_is_seen(tmp_path):
    tifffile.imwrite(tmp_path / "whole.tif", np.zeros((64, 64), np.uint8))
    (tmp_path / "whole.json").write_text("{}")
    (tmp_path / "whole.csv").write_text("a,b\n")
    (tmp_path / "whole.html").write_text("<html></html>\n")
    assert check_whole(tmp_path) == []
    content = (tmp_path / "whole.tif").read_bytes()
    (tmp_path / "half.tif").write_bytes(content[:5])
    (tmp_path / "half.json").write_text('{"state": "tra')
    (tmp_path / "half.csv").write_text("a,b\n1")
    (tmp_path / "half.h5").write_bytes(b"\x89HDF")
    (tmp_path / "half.zip").write_bytes(b"PK")
    (tmp_path / "half.html").write_text("<html>")
    (tmp_path / ".half-0123abcd.json").write_text("{")  # nobody takes it for anything
    found = [line.split(":")[0] for line in sorted(check_whole(tmp_path))]
    assert found == [f"half.{kind}" for kind in ("csv", "h5", "html", "json", "tif", "zip")]


def test_what_is_hidden_is_seen(tmp_path):
    (tmp_path / "loop").mkdir()
    for name in (locks.TRAINING, locks.PREDICTING, ".last-0123abcd.h5"):
        (tmp_path / "loop" / name).touch()
    assert hidden(tmp_path) == ["loop/.last-0123abcd.h5"]


def test_what_differs(tmp_path):
    for name, nuclei in (("mine", 4), ("wanted", 5)):
        (tmp_path / name).mkdir()
        for file, number in (("same.json", 1), ("other.json", nuclei)):
            content = {"nuclei": number, "seconds": {"total": nuclei}, "versions": [{"written": 2}]}
            (tmp_path / name / file).write_text(json.dumps(content))
        (tmp_path / name / f"{name}.txt").touch()
        (tmp_path / name / f"left_out_{name}.txt").touch()
    found = differences(tmp_path / "mine", tmp_path / "wanted", "^left_out")
    assert found == ["wanted.txt: is missing", "mine.txt: is too many", "other.json: is another"]


def test_pieces_are_added(tmp_path):
    piece = {"kills": 2, "runs": 1, "apart": [0.5, 1.5], "moments": {"a": 2}, "differences": []}
    for seed in (0, 2):
        kill.add(tmp_path / "runs" / "kills.json", "train", piece, seed)
    found = json.loads((tmp_path / "runs" / "kills.json").read_text())
    assert (found["train"]["kills"], found["train"]["moments"]) == (4, {"a": 4})
    assert found["train"]["seeds"] == [0, 2]
    text = table(found)
    assert "| train | 4 | 2 | 1.0 (0.50 to 1.5) | 0 |" in text
    assert "| train | a 4 |" in text


@pytest.mark.slow
@pytest.mark.parametrize("stage", [*commands.STAGES, *loop.STAGES])
def test_kills_make_no_difference(stage, tmp_path):
    command = [sys.executable, kill.__file__, stage, "--kills", "3"]
    command += ["--results", str(tmp_path / "kills.json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads((tmp_path / "kills.json").read_text())[stage]["kills"] == 3
