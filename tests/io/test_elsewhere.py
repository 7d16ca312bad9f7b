"""Scripts that end, fail, are ended, or come to no end, in the place of one that opens a file."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time

import psutil
import pytest

from nucseg_tf.errors import ImageReadError
from nucseg_tf.io import elsewhere
from nucseg_tf.io.elsewhere import try_elsewhere

COUNT = "import sys; open(sys.argv[2], 'a').write(sys.argv[1])"
TELL = "import os, sys; open(sys.argv[2], 'a').write(f'{os.getpid()} ')"


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


@pytest.fixture
def tell(path, tmp_path):
    """Whom a new file is opened by, as process ID."""

    def one(script=TELL):
        with path.open("a") as file:
            file.write("more")
        try_elsewhere(path, "it", script, str(tmp_path / "told"))
        return int((tmp_path / "told").read_text().split()[-1])

    return one


def test_one_process_opens_all_files(tell):
    assert tell() == tell() != os.getpid()


@pytest.mark.parametrize("script", ["import os; os.abort()", "while True: pass"])
def test_a_new_process_follows_one_that_was_ended(tell, monkeypatch, script):
    first = tell()
    monkeypatch.setattr(elsewhere, "PATIENCE", 1)
    with pytest.raises(ImageReadError):
        tell(script)
    assert tell() != first
    assert not psutil.pid_exists(first)


def test_no_file_is_condemned_for_what_another_did(tell):
    first = tell("import os; os.environ['MARK'] = 'damaged'\n" + TELL)
    second = tell("import os; 'MARK' in os.environ and os.abort()\n" + TELL)
    assert first != second
    os.kill(second, signal.SIGKILL)
    assert tell() != second


@pytest.mark.parametrize(
    ("python", "message"),
    [("false", r"started \(.*false ends at once\)"), ("nowhere", r"started \(.*nowhere")],
)
def test_no_file_is_condemned_where_no_process_starts(tell, monkeypatch, python, message):
    monkeypatch.setattr(sys, "executable", shutil.which(python) or python)
    with pytest.raises(ImageReadError, match=message):
        tell("import os; os.abort()")
    monkeypatch.undo()
    assert tell() != os.getpid()


def test_what_a_script_prints_is_no_answer(tell):
    assert tell("print('\\n\\n')\n" + TELL) == tell("import sys; sys.exit(1)") == tell()


def test_an_interruption_leaves_no_answer_behind(tell):
    first = tell()
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    with pytest.raises(KeyboardInterrupt):
        tell("import time; time.sleep(5)")
    signal.signal(signal.SIGALRM, before)
    assert tell() != first


def test_a_fork_has_a_process_of_its_own(tell):
    first = tell()
    child = os.fork()
    if not child:
        os._exit(0 if tell() != first else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert tell() == first


@pytest.mark.parametrize("last", ["", "while True: pass"])
def test_it_does_not_outlive_whom_it_serves(path, tmp_path, last):
    told, script = tmp_path / "told", f"{TELL}\n{last}"
    code = f"""
from pathlib import Path
from nucseg_tf.io import elsewhere
elsewhere.PATIENCE = 1
elsewhere.try_elsewhere(Path({str(path)!r}), "it", {script!r}, {str(told)!r})
input()
"""
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as process:
        _wait(told.exists)
        _wait(lambda: told.read_text())
        process.kill()
    _wait(lambda: not psutil.pid_exists(int(told.read_text())))


def _wait(condition):
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)
