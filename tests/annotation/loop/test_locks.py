import os
import subprocess
import sys
import time

import pytest

from nucseg_tf.annotation.loop import locks
from nucseg_tf.errors import UsageError

HOLDS = """
import sys, time
from pathlib import Path
from nucseg_tf.annotation.loop import locks
with locks.hold(Path(sys.argv[1]), locks.TRAINING):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_lock_is_held_as_long_as_it_is_needed(tmp_path):
    assert locks.holder(tmp_path, locks.TRAINING) is None
    with locks.hold(tmp_path, locks.TRAINING):
        held = locks.holder(tmp_path, locks.TRAINING)
        assert held is not None
        assert (held.process, held.is_here) == (os.getpid(), True)
        with pytest.raises(UsageError, match=f"process trains.*{os.getpid()}"):
            locks.take(tmp_path, locks.TRAINING, patience=0.0)
        assert locks.holder(tmp_path, locks.PREDICTING) is None
    assert locks.holder(tmp_path, locks.TRAINING) is None


def test_a_process_that_is_killed_lets_go(tmp_path):
    with subprocess.Popen([sys.executable, "-c", HOLDS, tmp_path], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        held = locks.holder(tmp_path, locks.TRAINING)
        other.kill()
    assert held is not None
    assert held.process == other.pid
    locks.take(tmp_path, locks.TRAINING).close()


def test_a_process_can_be_born_with_its_lock(tmp_path):
    lock = locks.take(tmp_path, locks.TRAINING)
    other = subprocess.Popen(
        [sys.executable, "-c", HOLDS, tmp_path],
        stdout=subprocess.PIPE,
        pass_fds=[lock.fileno()],
        env=os.environ | {locks.INHERITED: str(lock.fileno())},
    )
    lock.close()
    with other:
        assert locks.holder(tmp_path, locks.TRAINING) is not None  # before it runs at all
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        other.kill()
    assert locks.holder(tmp_path, locks.TRAINING) is None


def test_whoever_looks_does_not_get_in_the_way(tmp_path):
    with locks.hold(tmp_path, locks.TRAINING):
        pass
    looking = (tmp_path / locks.LOOP / locks.TRAINING).open("r+")
    assert locks._lock(looking, tmp_path, shared=True)
    begin = time.monotonic()
    with pytest.raises(UsageError):
        locks.take(tmp_path, locks.TRAINING, patience=0.2)
    assert time.monotonic() - begin >= 0.2
    looking.close()
    locks.take(tmp_path, locks.TRAINING).close()
