"""Processes apart from this one; what they would run is tested elsewhere."""

import os
import signal
import sys
import time

import pytest

from nucseg_tf.annotation.loop import locks, process, versions
from nucseg_tf.errors import UsageError

PROGRAM = """#!{python}
import os, sys, time
from pathlib import Path
folder = Path(sys.argv[5])
words = [str(os.nice(0)), str(os.getsid(0) == os.getpid()), *sys.argv[1:]]
(folder / "began").write_text(" ".join(words))
time.sleep(60)
"""


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Stands in the place of Python: says how it was started, and sleeps."""
    file = tmp_path / "program"
    file.write_text(PROGRAM.format(python=sys.executable))
    file.chmod(0o755)
    monkeypatch.setattr(process.sys, "executable", str(file))


@pytest.fixture
def corrected(folder, accept):
    accept(folder, "a", 1)
    return folder


def began(folder):
    """How the program was started."""
    end = time.monotonic() + 30
    while not (folder / "began").exists() or not (folder / "began").read_text():
        assert time.monotonic() < end
        time.sleep(0.02)
    text = (folder / "began").read_text()
    (folder / "began").unlink()
    return text


def gone(folder, name):
    """Whether the process of a lock ends soon."""
    end = time.monotonic() + 10
    while locks.holder(folder, name) and time.monotonic() < end:
        time.sleep(0.02)
    return locks.holder(folder, name) is None


@pytest.mark.usefixtures("program")
def test_a_training_runs_apart_and_can_be_stopped(corrected):
    assert not process.stop_training(corrected)
    process.start_training(corrected)
    assert versions.is_alive(corrected)  # at once
    with pytest.raises(UsageError, match="process trains"):
        process.start_training(corrected)
    nice, leads, *command = began(corrected).split(" ", 2)
    assert (int(nice) >= process.NICENESS, leads) == (True, "True")
    assert command == [f"-m nucseg_tf loop train {corrected} --predict --where=here"]
    assert process.stop_training(corrected)
    assert gone(corrected, locks.TRAINING)


@pytest.mark.usefixtures("program")
def test_it_is_alive_as_long_as_its_process(corrected):
    process.start_training(corrected, new=True)
    held = locks.holder(corrected, locks.TRAINING)
    assert held is not None
    assert began(corrected).endswith("--new")
    os.kill(held.process, signal.SIGKILL)
    assert gone(corrected, locks.TRAINING)


@pytest.mark.usefixtures("program")
def test_on_a_cluster_another_lock_is_held(corrected):
    process.start_training(corrected, "slurm")
    assert "--where=slurm" in began(corrected)
    assert locks.holder(corrected, locks.SUBMITTED)
    assert not versions.is_alive(corrected)
    with pytest.raises(UsageError, match="waits for a cluster"):
        process.start_training(corrected)
    process.stop_training(corrected)
    assert gone(corrected, locks.SUBMITTED)


def test_what_cannot_begin_is_said_at_once(folder):
    with pytest.raises(UsageError, match="no field is corrected yet"):
        process.start_training(folder)
    assert not versions.is_alive(folder)


@pytest.mark.usefixtures("program")
def test_labelling_begins_anew_with_another_field(corrected):
    process.start_predicting(corrected)
    assert began(corrected).endswith(f"predict {corrected}")
    first = locks.holder(corrected, locks.PREDICTING)
    process.start_predicting(corrected, first="--b")
    assert began(corrected).endswith(f"predict {corrected} --first=--b")
    second = locks.holder(corrected, locks.PREDICTING)
    assert first is not None
    assert second is not None
    assert first.process != second.process
    os.kill(second.process, signal.SIGTERM)
    assert gone(corrected, locks.PREDICTING)
