"""Images in OME-Zarr: labels and a table are written into them."""

from __future__ import annotations

import os

import numpy as np
import pandas as pd
import pytest
import zarr
from reference.drawn import drawn_discs

from nucseg_tf.__main__ import main
from nucseg_tf.inference.stages.write import Write
from nucseg_tf.io.omezarr.write_image import write_image


def run(*arguments: object) -> int:
    return main(["predict", *map(str, arguments)])


@pytest.fixture
def image(tmp_path):
    """C 2, Z 3; nuclei in the second channel."""
    pixels = np.zeros((2, 3, 96, 120), np.uint16)
    pixels[0] = 700
    pixels[1] = [drawn_discs(1) // 2**z for z in range(3)]
    path = tmp_path / "a.zarr"
    write_image(path, pixels, "CZYX", channels=["GFP", "DAPI"], pixel_size=0.5)
    return path


def test_labels_go_into_the_image(image, tmp_path):
    out = tmp_path / "out"
    assert run(image, "--out", out, "--channel", "DAPI", "--z", "max") == 0
    assert not list(out.glob("*.tif"))
    labels = zarr.open_array(image / "labels" / "nuclei" / "0", mode="r")[:]
    assert labels.shape == (1, 96, 120)
    table = pd.read_csv(out / "objects.csv")
    np.testing.assert_array_equal(table["area_px"], np.bincount(labels.ravel())[1:])
    assert (table["GFP_mean"] == 700).all()
    assert (image / "tables" / "nuclei").is_dir()


def test_labels_that_are_there_stay(image, tmp_path, capsys):
    choice = ("--channel", "DAPI", "--z", "0")
    assert run(image, "--out", tmp_path / "a", *choice) == 0
    before = sorted((path, path.stat().st_mtime_ns) for path in image.rglob("*"))
    for _ in range(2):  # a refusal leaves nothing that would let the next run through
        assert run(image, "--out", tmp_path / "b", *choice) == 2
        assert "has labels 'nuclei' or a table 'nuclei' already" in capsys.readouterr().err
    assert run(image, "--out", tmp_path / "c", *choice, "--labels", "tif") == 0
    assert (tmp_path / "c" / "a_labels.tif").is_file()
    assert sorted((path, path.stat().st_mtime_ns) for path in image.rglob("*")) == before
    assert run(image, "--out", tmp_path / "b", *choice, "--overwrite") == 0
    labels = zarr.open_array(image / "labels" / "nuclei" / "0", mode="r")[:]
    assert labels[0].max() == 4
    assert not labels[1:].any()


def test_killed_after_its_last_image_a_run_goes_on(image, tmp_path, monkeypatch):
    """Until run.json is there, labels in the images are of this run, and no reason to stop."""
    choice = (image, "--out", tmp_path / "out", "--channel", "DAPI", "--z", "0")

    def kill(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("nucseg_tf.commands.predict.write_run", kill)
        assert run(*choice) == 130
    assert (image / "labels" / "nuclei").is_dir()
    assert run(*choice) == 0
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"objects.csv", "fields.csv", "run.json"}
    assert run(*choice) == 2


def test_an_image_that_cannot_be_written_is_refused(image, tmp_path, monkeypatch, capsys):
    access, out = os.access, tmp_path / "out"
    monkeypatch.setattr(os, "access", lambda path, mode: path != image and access(path, mode))
    choice = ("--channel", "DAPI", "--z", "0")
    assert run(image, "--out", out, *choice, "--overwrite") == 2
    assert "a.zarr: labels cannot be written into it" in capsys.readouterr().err
    assert not list(out.iterdir())
    assert run(image, "--out", out, *choice, "--labels", "tif") == 0


def test_a_stack_goes_into_its_image(image, tmp_path):
    assert run(image, "--out", tmp_path / "a", "--channel", "DAPI", "--z", "each", "--link") == 0
    labels = zarr.open_array(image / "labels" / "nuclei" / "0", mode="r")[:]
    assert labels.shape == (3, 96, 120)
    assert labels.max() == 4
    assert all(plane.any() for plane in labels)


def test_no_table_stays_of_labels_that_are_replaced(image, tmp_path):
    choice = (image, "--out", tmp_path / "out", "--channel", "DAPI", "--z")
    assert run(*choice, "0") == 0
    assert (image / "tables" / "nuclei").is_dir()
    assert run(*choice, "each", "--overwrite") == 0  # a stack has no table in the image
    assert not (image / "tables" / "nuclei").exists()
    assert zarr.open_group(image / "tables", mode="r").attrs["tables"] == []


def test_a_damaged_chunk_is_named(image, tmp_path, capsys):
    for chunk in (image / "0" / "c").rglob("*"):
        if chunk.is_file():
            chunk.write_bytes(chunk.read_bytes()[:10])
    assert run(image, "--out", tmp_path / "a", "--channel", "DAPI", "--z", "0") == 3
    assert "chunk is" in capsys.readouterr().err
    assert not (image / "labels").exists()


def test_a_run_that_was_stopped_goes_on_beside_its_own_labels(tmp_path, monkeypatch):
    write, written = Write.__call__, []
    for seed in range(3):
        write_image(tmp_path / f"{seed}.zarr", drawn_discs(seed), "YX", pixel_size=0.5)

    def stopping(self, measured):
        written.append(measured.image.path.name)
        if len(written) == 2:
            raise KeyboardInterrupt
        return write(self, measured)

    monkeypatch.setattr(Write, "__call__", stopping)
    images = [tmp_path / f"{seed}.zarr" for seed in range(3)]
    assert run(*images, "--out", tmp_path / "out", "--workers", 1) == 130
    assert (images[0] / "labels" / "nuclei").is_dir()
    assert run(*images, "--out", tmp_path / "out", "--workers", 1) == 0
    assert written == ["0.zarr", "1.zarr", "1.zarr", "2.zarr"]
    assert set(pd.read_csv(tmp_path / "out" / "objects.csv")["image"]) == set(written)


def test_labels_of_each_scene_go_into_its_image(tmp_path, capsys):
    """Several images in the layout of bioformats2raw."""
    path = tmp_path / "a.zarr"
    group = zarr.open_group(str(path), mode="w", zarr_format=3)
    group.attrs["ome"] = {"version": "0.5", "bioformats2raw.layout": 3}
    for seed in range(2):
        write_image(path / str(seed), drawn_discs(seed), "YX", pixel_size=0.5)
    assert run(path, "--scene", "1", "--out", tmp_path / "one") == 0
    assert not (path / "0" / "labels").exists()
    assert run(path, "--scene", "each", "--out", tmp_path / "each") == 2
    assert "a.zarr/1: has labels" in capsys.readouterr().err
    assert run(path, "--scene", "each", "--out", tmp_path / "each", "--overwrite") == 0
    counts = pd.read_csv(tmp_path / "each" / "objects.csv").groupby("scene").size()
    for seed in range(2):
        labels = zarr.open_array(path / str(seed) / "labels" / "nuclei" / "0", mode="r")[:]
        assert labels.max() == counts[seed]
