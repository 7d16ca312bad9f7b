"""Parts on a scheduler in this process: retries, failures, and what is said where there is none."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from threading import Timer

import pytest

from nucseg_tf.errors import ClusterError, DataError, UsageError
from nucseg_tf.inference import dask
from nucseg_tf.inference.dask import RETRIES, run_on_dask


@pytest.fixture(scope="module")
def address():
    """That of a scheduler with a worker of two threads."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
    ) as cluster:
        yield cluster.scheduler_address


def note(folder: Path, failing: dict[str, int], part: str) -> None:
    """Leave a file for each try of a part; fail so many times."""
    tries = len(list(folder.glob(f"{part.replace('/', 'of')}_*")))
    (folder / f"{part.replace('/', 'of')}_{tries}").touch()
    if tries < failing.get(part, 0):
        raise DataError(f"{part} is full")


def test_each_part_is_done_once(address, tmp_path):
    run_on_dask(address, partial(note, tmp_path, {}), 5)
    assert sorted(file.name for file in tmp_path.iterdir()) == [f"{n}of5_0" for n in range(1, 6)]


def test_a_part_that_fails_is_tried_again(address, tmp_path):
    run_on_dask(address, partial(note, tmp_path, {"2/3": RETRIES}), 3)
    assert len(list(tmp_path.glob("2of3_*"))) == RETRIES + 1


def test_all_are_tried_before_one_is_given_up(address, tmp_path, caplog):
    with pytest.raises(ClusterError, match=r"1 of 4 parts failed, such as 1/4: 1/4 is full"):
        run_on_dask(address, partial(note, tmp_path, {"1/4": 99}), 4)
    assert {file.name[:4] for file in tmp_path.iterdir()} == {f"{n}of4" for n in range(1, 5)}
    assert "part 1/4: 1/4 is full" in caplog.text


def test_the_file_of_a_scheduler_stands_for_its_address(address, tmp_path):
    file = tmp_path / "scheduler.json"
    # What counts of it; what else a client writes is, at times, no JSON (distributed 2026.8).
    file.write_text(json.dumps({"type": "Scheduler", "address": address}), encoding="utf-8")
    run_on_dask(str(file), partial(note, tmp_path, {}), 1)
    assert (tmp_path / "1of1_0").exists()


@pytest.mark.parametrize("scheme", ["tcp://", "", "nonsense://"])
def test_where_no_scheduler_answers(scheme, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(dask, "PATIENCE", 0.5)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ClusterError, match=rf"no Dask scheduler answers at {scheme}127.0.0.1:"):
        run_on_dask(f"{scheme}127.0.0.1:{port}", print, 1)


def test_a_scheduler_that_dies(tmp_path, monkeypatch):
    pytest.importorskip("distributed")
    file = tmp_path / "scheduler.json"
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--no-dashboard"]
    with subprocess.Popen(
        [*command, "--port", "0", "--scheduler-file", str(file)], stderr=subprocess.DEVNULL
    ) as scheduler:
        try:
            while not file.exists():
                time.sleep(0.01)
            # It has no workers; so what is asked of it waits, and can be lost.
            monkeypatch.setattr(
                dask.LOG, "warning", lambda *text: Timer(0.5, scheduler.kill).start()
            )
            with pytest.raises(ClusterError, match=r"2 of 2 .* the scheduler is gone"):
                run_on_dask(str(file), print, 2)
        finally:
            scheduler.kill()


def test_without_the_extra(monkeypatch):
    monkeypatch.setattr(dask, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"pip install \"nucseg-tf\[dask\]\""):
        run_on_dask("tcp://127.0.0.1:8786", print, 1)
