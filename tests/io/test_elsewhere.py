"""Scripts that end, fail, are ended, or come to no end, in the place of one that opens a file."""

from __future__ import annotations

import pytest

from nucseg_tf.errors import ImageReadError
from nucseg_tf.io import elsewhere
from nucseg_tf.io.elsewhere import try_elsewhere

COUNT = "import sys; open(sys.argv[2], 'a').write(sys.argv[1])"


@pytest.fixture
def path(tmp_path):
    (tmp_path / "a").write_text("content")
    return tmp_path / "a"


def test_each_state_of_a_file_is_tried_once(path, tmp_path):
    told = tmp_path / "told"
    for _ in range(2):
        try_elsewhere(path, "it", COUNT, str(told))
    assert told.read_text() == str(path)
    path.write_text("another content")
    try_elsewhere(path, "it", COUNT, str(told))
    assert told.read_text() == 2 * str(path)


def test_errors_are_left_to_this_process(path):
    try_elsewhere(path, "it", "raise OSError('no such format')")


@pytest.mark.parametrize("script", ["import os; os.abort()", "while True: pass"])
def test_what_ends_the_process_or_has_no_end(path, monkeypatch, script):
    monkeypatch.setattr(elsewhere, "PATIENCE", 1)
    with pytest.raises(ImageReadError, match=r"a: is so damaged that it fails on it"):
        try_elsewhere(path, "it", script)


def test_nothing_of_the_working_directory_is_run(path, tmp_path, monkeypatch):
    (tmp_path / "h5py.py").write_text("open('was_run', 'w')")
    monkeypatch.chdir(tmp_path)
    try_elsewhere(path, "it", "import h5py")
    assert not (tmp_path / "was_run").exists()
