"""The parts of the walk, and a short one."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from tutorial_pictures import MOST_BYTES, differences, outline, save

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "tutorial_pictures.py"


def test_differences_are_those_that_a_hand_would_put_right():
    truth, labels = np.zeros((2, 20, 30), np.int32)
    truth[2:8, 2:8], labels[2:8, 2:8] = 5, 1  # the same
    truth[2:8, 12:24], labels[2:8, 12:18], labels[2:8, 18:24] = 6, 2, 3  # in two
    labels[12:18, 2:8] = 4  # nothing
    truth[12:18, 12:18] = 7  # missed
    assert differences(labels, truth, None) == ([2, 3, 4], [6, 7])
    assert differences(labels, truth, (0, 0, 10, 14)) == ([2], [6])
    assert differences(labels, truth, (0, 0, 10, 10)) == ([], [])


def test_an_outline_filled_gives_the_nucleus():
    mask = np.zeros((40, 50), np.uint8)
    cv2.ellipse(mask, (21, 17), (12, 8), 30, 0, 360, 1, -1)
    points = np.array(outline(mask > 0))
    filled = np.zeros((120, 150), np.uint8)
    cv2.fillPoly(filled, [np.rint(3 * points[:, ::-1] - 0.5).astype(np.int32)], 1)
    assert np.array_equal(filled[1::3, 1::3], mask)


def test_a_picture_is_made_as_small_as_it_must_be(tmp_path, capsys):
    noise = np.random.default_rng(0).normal(60, 12, (420, 640, 1)).clip(0, 255)
    save(Image.fromarray(np.repeat(noise, 3, axis=2).astype(np.uint8)), tmp_path / "a.jpg")
    assert (tmp_path / "a.jpg").stat().st_size <= MOST_BYTES
    assert "quality" in capsys.readouterr().out


def test_it_makes_the_pictures_that_there_are():
    made = re.findall(r'"(\d-[a-z-]+)(?:\.jpg)?"', SCRIPT.read_text())
    assert sorted(made) == sorted(path.stem for path in (ROOT / "docs" / "tutorial").iterdir())


@pytest.mark.slow
def test_the_way_as_far_as_the_first_training(tmp_path, chromium, monkeypatch):
    monkeypatch.setenv("NUCSEG_CHROMIUM", chromium)
    work, out = ["--work", str(tmp_path / "work")], ["--out", str(tmp_path / "out")]
    small = ["--first", "--fields", "2", "--size", "600x640"]
    command = [sys.executable, str(SCRIPT), *work, *out, *small]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert {path.name[:2] for path in (tmp_path / "out").iterdir()} == {"1-", "2-"}
    assert len(list((tmp_path / "work").rglob("*.regions.json"))) == 1
