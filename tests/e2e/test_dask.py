"""A run whose parts are done by the workers of a Dask scheduler, in processes of their own."""

from __future__ import annotations

import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tifffile
from reference.drawn import drawn_nuclei

from nucseg_tf.__main__ import main
from nucseg_tf.io.labels import read_labels

IMAGES = 5


@pytest.fixture(scope="module")
def cluster():
    """A scheduler with two workers."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None
    ) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def address(cluster):
    return cluster.scheduler_address


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    for number in range(IMAGES):
        tifffile.imwrite(folder / f"{number}.tif", np.roll(drawn_nuclei()[0], 3 * number, axis=1))
    return folder


def run(*arguments: object) -> int:
    return main(["predict", *map(str, arguments)])


@pytest.mark.slow
def test_as_one_run(address, folder, tmp_path, monkeypatch, capsys):
    whole, out = tmp_path / "whole", tmp_path / "out"
    assert run(folder, "--out", whole, "--rois") == 0
    monkeypatch.chdir(tmp_path)  # the workers are elsewhere
    (tmp_path / "images").symlink_to(folder)
    argv = ("images", "--out", "out", "--rois", "--dask", address, "--shards", 3)
    assert run(*argv) == 0
    assert {file.name for file in out.iterdir()} == {file.name for file in whole.iterdir()}
    assert (out / "objects.csv").read_bytes() == (whole / "objects.csv").read_bytes()
    for number in range(IMAGES):
        name = f"{number}_labels.tif"
        np.testing.assert_array_equal(read_labels(out / name), read_labels(whole / name))
    done = json.loads((out / "run.json").read_text())["images"]
    assert [image["image"] for image in done] == [f"{number}.tif" for number in range(IMAGES)]
    assert "100 % (3/3)" in capsys.readouterr().err


@pytest.mark.slow
def test_workers_that_die(cluster, folder, tmp_path):
    """Once an image is done, of a part that has three."""
    whole, out = tmp_path / "whole", tmp_path / "out"
    assert run(folder, "--out", whole) == 0
    lines = out / ".run-2of2.jsonl"

    def kill() -> None:
        while not (lines.exists() and lines.read_bytes().count(b"\n") >= 2):
            time.sleep(0.001)
        for nanny in list(cluster.workers.values()):
            os.kill(nanny.pid, signal.SIGKILL)

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(kill)
        code = run(folder, "--out", out, "--dask", cluster.scheduler_address, "--shards", 2)
    assert code == 0
    done.result()
    assert (out / "objects.csv").read_bytes() == (whole / "objects.csv").read_bytes()


@pytest.mark.slow
def test_images_that_fail_are_3(address, folder, tmp_path, capsys):
    (tmp_path / "bad.tif").write_bytes(b"")
    out = tmp_path / "out"
    paths = (folder / "0.tif", tmp_path / "bad.tif", folder / "1.tif")
    assert run(*paths, "--out", out, "--dask", address, "--shards", 2) == 3
    assert "1 of 3 images failed" in capsys.readouterr().err
    assert "bad.tif" in (out / "failures.csv").read_text()
    assert (out / "1_labels.tif").exists()


@pytest.mark.slow
def test_a_part_that_fails_leaves_the_others_to_go_on_with(address, folder, tmp_path, capsys):
    out = tmp_path / "out"
    (out / ".lock-2of2").mkdir(parents=True)  # where a file should be
    argv = (folder, "--out", out, "--dask", address, "--shards", 2)
    assert run(*argv) == 1
    assert "1 of 2 parts failed, such as 2/2" in capsys.readouterr().err
    (out / ".lock-2of2").rmdir()
    before = (out / "0_labels.tif").stat().st_mtime_ns
    assert run(*argv) == 0
    assert (out / "0_labels.tif").stat().st_mtime_ns == before
    assert (out / "4_labels.tif").is_file()


def test_what_does_not_go_together(folder, tmp_path, capsys):
    pytest.importorskip("distributed")
    out = tmp_path / "out"
    for argv, message in (
        (["--shards", 3], "--shards: is for --dask"),
        (["--dask", "tcp://h:1", "--shard", "1/2"], "--shard: --dask does all parts"),
        (["--dask", "tcp://h:1", "--shards", 0], "--shards: expected 1 or more. Received: 0"),
    ):
        assert run(folder, "--out", out, *argv) == 2
        assert message in capsys.readouterr().err
    (out / "run-1of4.json").write_text("{}")
    assert run(folder, "--out", out, "--dask", "tcp://h:1", "--shards", 3) == 2
    assert "parts of different runs: of 3 and 4" in capsys.readouterr().err
