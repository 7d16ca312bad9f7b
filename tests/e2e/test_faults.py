"""Disks that are full or fail, files that change, memory that is short: what a command makes of it.

A failing disk is one whose sync fails, at which every file comes by that is written as a whole;
scripts/reliability/faults.py fills real ones.
"""

from __future__ import annotations

import errno
import functools
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from reference.drawn import drawn_nuclei

from nucseg_tf.__main__ import main
from nucseg_tf.inference import segmenter
from nucseg_tf.inference.folder_lock import only_run_in
from nucseg_tf.inference.stages import network
from nucseg_tf.inference.stages.network import Network
from nucseg_tf.inference.stages.read import Read
from nucseg_tf.io import files

ERRORS = [errno.ENOSPC, errno.EDQUOT, errno.EIO]
NAMES = [f"{name}.tif" for name in "abc"]
load_once = functools.cache(segmenter.load_model)


@pytest.fixture
def loaded(monkeypatch):
    """Commands get the same model again, without the time that loading takes."""
    monkeypatch.setattr(segmenter, "load_model", load_once)


@pytest.fixture
def images(tmp_path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for number, name in enumerate(NAMES):
        pixels, _ = drawn_nuclei()
        tifffile.imwrite(folder / name, np.roll(pixels, number, axis=1))
    return folder


@pytest.fixture
def failing(monkeypatch):
    """Makes the sync of files fail whose name fits a pattern, until it is called again."""
    sync = files._sync

    def fail(pattern: str, code: int = errno.ENOSPC) -> None:
        def refuse(path: Path) -> None:
            if re.search(pattern, path.name):
                raise OSError(code, "of a test")
            sync(path)

        monkeypatch.setattr(files, "_sync", refuse if pattern else sync)

    return fail


def hidden(folder: Path) -> list[str]:
    return [
        path.name for path in folder.rglob(".*") if not path.name.startswith((".objects", ".run"))
    ]


def contents(folder: Path) -> dict[str, bytes]:
    """What a run gives, without its times."""
    names = [path.name for path in folder.iterdir() if path.suffix in (".tif", ".csv")]
    return {name: (folder / name).read_bytes() for name in names}


def predict(images: Path, out: Path, *more: str) -> int:
    return main(["predict", str(images), "--out", str(out), "--workers", "1", *more])


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize("pattern", [r"^\.b_labels", r"^\.objects", r"^\.fields", r"^\.run"])
def test_a_prediction_goes_on_when_there_is_space(images, tmp_path, failing, capfd, pattern):
    out, whole = tmp_path / "out", tmp_path / "whole"
    assert predict(images, whole) == 0
    failing(pattern)
    assert predict(images, out) == 1
    said = capfd.readouterr().err
    assert "Traceback" not in said
    assert re.search(r"No space left on device \([\d.]+ [GMk]B are free in .*/out\)\. Make", said)
    assert not hidden(out)
    before = {path.name: path.stat().st_mtime_ns for path in out.glob("a_labels.tif")}
    failing("")
    assert predict(images, out) == 0
    assert contents(out) == contents(whole)
    assert before == {path.name: path.stat().st_mtime_ns for path in out.glob("a_labels.tif")}


@pytest.mark.usefixtures("loaded")
def test_a_failing_disk_fails_the_image_whose_labels_it_loses(images, tmp_path, failing, capfd):
    failing(r"^\.b_labels", errno.EIO)
    assert predict(images, tmp_path / "out") == 3
    assert list(pd.read_csv(tmp_path / "out" / "failures.csv").image) == [str(images / "b.tif")]
    failing("")
    assert predict(images, tmp_path / "out") == 0


@pytest.mark.parametrize("code", ERRORS)
def test_models_are_exported_whole_or_not(tmp_path, failing, capfd, code):
    file = tmp_path / "model.zip"
    failing("model", code)
    assert main(["models", "export", "fpn2ws-nuclei", str(file)]) == 1
    assert f"{file}: cannot be written: {os.strerror(code)}" in capfd.readouterr().err
    assert not list(tmp_path.iterdir())
    failing("")
    assert main(["models", "export", "fpn2ws-nuclei", str(file)]) == 0
    assert file.is_file()


def test_what_no_one_foresaw_is_a_line_with_the_path(tmp_path, monkeypatch, capfd):
    def refuse(*_, **__):
        raise OSError(errno.EROFS, "Read-only file system", str(tmp_path / "x"))

    monkeypatch.setattr("nucseg_tf.commands.predict.ensure_folder", refuse)
    (tmp_path / "a.tif").write_bytes(b"")
    assert main(["predict", str(tmp_path / "a.tif"), "--out", str(tmp_path / "out")]) == 1
    assert capfd.readouterr().err == f"nucseg: error: {tmp_path / 'x'}: Read-only file system\n"


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize("change", ["grows", "is replaced", "goes"])
@pytest.mark.parametrize("when", ["before it is read", "while it is read"])
def test_an_image_that_changes_fails_alone(images, tmp_path, monkeypatch, change, when):
    read, target = Read.__call__, images / "b.tif"

    def changing(self, view):
        early = when.startswith("before")
        found = None if early else read(self, view)
        if view.name == ("a" if early else "b") and target.exists():
            if change == "goes":
                target.unlink()
            elif change == "grows":
                with target.open("ab") as file:
                    file.write(b"more")
            else:
                shutil.copyfile(images / "c.tif", target)
                os.utime(target, ns=(0, 0))  # a clock that was set back
        return found or read(self, view)

    monkeypatch.setattr(Read, "__call__", changing)
    out = tmp_path / "out"
    assert predict(images, out) == 3
    (row,) = pd.read_csv(out / "failures.csv").itertuples()
    assert row.image == str(target)
    assert ("has gone" if change == "goes" else "has changed") in row.reason
    assert sorted(path.name for path in out.glob("*.tif")) == ["a_labels.tif", "c_labels.tif"]


@pytest.mark.usefixtures("loaded")
def test_a_second_run_is_refused_and_named(images, tmp_path, capfd):
    out = files.ensure_folder(tmp_path / "out")
    with only_run_in(out):
        assert predict(images, out) == 1
        assert predict(images, out, "--shard", "1/2") == 1
    said = capfd.readouterr().err
    assert said.count(f"another run writes its results here: process {os.getpid()} on ") == 2
    assert predict(images, out, "--shard", "1/2") == 0
    assert predict(images, out, "--shard", "1/3") == 2


def test_names_that_macos_takes_for_one(images, tmp_path, capfd):
    for name in ("z\u00e4hler.tif", "za\u0308hler.tif"):
        shutil.copy(images / "a.tif", images / name)
    assert predict(images, tmp_path / "out") == 2
    assert "have the same stem" in capfd.readouterr().err


@pytest.mark.slow  # the model is converted anew
def test_without_a_home_and_a_cache_that_can_be_written(images, tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("HOME", str(blocked / "home"))
    monkeypatch.setenv("NUCSEG_CACHE", str(blocked / "cache"))
    assert predict(images, tmp_path / "out") == 0


def test_smaller_tiles_where_memory_is_short(images, tmp_path, monkeypatch, caplog):
    run, sides = Network.__init__, []

    def starved(self, family, compute, *rest):
        def compute_some(pixels, tile, *more):
            sides.append(tile)
            if tile > 400:
                raise RuntimeError("Check 'ptr' failed\nFailed to allocate 42 bytes of memory")
            return compute(pixels, tile, *more)

        run(self, family, compute_some, *rest)

    monkeypatch.setattr(network.Network, "__init__", starved)
    large = np.tile(drawn_nuclei()[0], (8, 7))
    tifffile.imwrite(images / "a.tif", large)
    assert predict(images, tmp_path / "out", "--tile", "1536") == 0
    assert sides == [1536, 288 * 2, 384, 384, 384]
    assert "out of memory in tiles of 576 px; tiles of 384 px" in caplog.text
