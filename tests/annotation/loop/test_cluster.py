"""The real workflow, with a stub in the place of the program that the job runs."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from nucseg_tf.annotation.loop import cluster, locks, status, versions
from nucseg_tf.annotation.loop.cluster import train_on_cluster
from nucseg_tf.errors import ClusterError, UsageError

STUB = """#!{python}
import json, sys, time
from pathlib import Path
assert sys.argv[1:3] == ["loop", "train"]
folder = Path(sys.argv[3])
(folder / "ran").write_text(Path.cwd().name)
time.sleep({seconds})
file = folder / "loop" / "v1" / "version.json"
file.write_text(json.dumps(json.loads(file.read_text()) | {changes}))
sys.exit({code})
"""
TRAIN = {"new": False, "again": False, "base": "nuclei", "settings": ()}


@pytest.fixture
def job(folder, accept, tmp_path, monkeypatch):
    """What the job does, and how it ends."""
    for hour, key in enumerate("ab"):
        accept(folder, key, hour)
    profile = tmp_path / "profile"
    profile.mkdir()
    (profile / "config.yaml").write_text("cores: 1\n")
    monkeypatch.setenv(cluster.PROFILE, str(profile))
    programs = tmp_path / "bin"
    programs.mkdir()

    def make(seconds=0, code=0, **changes):
        text = STUB.format(python=sys.executable, seconds=seconds, code=code, changes=changes)
        (programs / "nucseg").write_text(text)
        (programs / "nucseg").chmod(0o755)
        real, python = cluster._run, sys.executable

        def run(command: list[str], place: Path) -> int:
            """With the stub before the program that lies beside this Python."""
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(cluster.sys, "executable", str(programs / "python"))
                return real([python, *command[1:]], place)

        monkeypatch.setattr(cluster, "_run", run)

    return make


def test_a_version_is_trained_by_a_job(folder, job):
    job(state="done", taken=True)
    done = train_on_cluster(folder, **TRAIN)
    assert (done.name, done.state) == ("v1", "done")
    assert (folder / "ran").read_text() == "cluster"
    assert [use.key for use in done.fields] == ["a", "b"]
    with pytest.raises(UsageError, match="nothing was corrected since v1"):
        train_on_cluster(folder, **TRAIN)


def test_a_job_that_fails_is_told(folder, job):
    job(code=1, state="failed", error="the loss is not finite")
    with pytest.raises(ClusterError, match="v1: the loss is not finite"):
        train_on_cluster(folder, **TRAIN)


def test_a_job_that_never_began_is_told(folder, job):
    job(code=1)
    with pytest.raises(ClusterError, match=r"did not end well, see .*train.log"):
        train_on_cluster(folder, **TRAIN)
    assert versions.read(folder, "v1").state == "failed"


def test_whoever_stops_it_takes_the_job_back(folder, job):
    job(seconds=60)
    seen = []

    def stop():
        while not (folder / "ran").exists():
            time.sleep(0.05)
        seen.append(status(folder)["training"]["state"])
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=stop)
    thread.start()
    with pytest.raises(SystemExit) as stopped:
        train_on_cluster(folder, **TRAIN)
    thread.join()
    assert (stopped.value.code, seen) == (143, ["queued"])
    assert versions.unfinished(folder).state == "stopped"
    assert locks.holder(folder, locks.SUBMITTED) is None


def test_without_a_profile_nothing_begins(folder, job, monkeypatch, tmp_path):
    monkeypatch.setenv(cluster.PROFILE, str(tmp_path / "none"))
    with pytest.raises(UsageError, match="NUCSEG_PROFILE: expected the folder of a profile"):
        train_on_cluster(folder, **TRAIN)
    assert versions.read_versions(folder) == []
