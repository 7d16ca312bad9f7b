"""Runs over stacks and many images: whole, stopped at any moment, in parts."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
import tifffile
from reference.drawn import drawn_discs

from nucseg_tf.__main__ import main
from nucseg_tf.inference.options import Options
from nucseg_tf.inference.predict import predict_sources
from nucseg_tf.inference.segmenter import load_model
from nucseg_tf.inference.stages.write import Write
from nucseg_tf.io.labels import read_labels
from nucseg_tf.io.sources import FileSource

IMAGES = 6


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    for seed in range(IMAGES):
        tifffile.imwrite(folder / f"{seed}.tif", drawn_discs(seed))
    return folder


def run(*arguments: object) -> int:
    return main(["predict", *map(str, arguments)])


def results(out) -> tuple[str, list[np.ndarray]]:
    """The table, and all label images."""
    table = (out / "objects.csv").read_text()
    return table, [read_labels(out / f"{seed}_labels.tif") for seed in range(IMAGES)]


@pytest.fixture(scope="module")
def whole(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("whole") / "out"
    assert run(folder, "--out", out) == 0
    assert len(pd.read_csv(out / "objects.csv")) == 4 * IMAGES
    return results(out)


def assert_same(found, expected):
    assert found[0] == expected[0]
    for one, other in zip(found[1], expected[1], strict=True):
        np.testing.assert_array_equal(one, other)


def test_stopped_and_gone_on_with(folder, whole, tmp_path, monkeypatch):
    out, write = tmp_path / "out", Write.__call__
    seen = []

    def failing(self, measured):
        seen.append(measured.image.path.name)
        if len(seen) == 3:
            raise KeyboardInterrupt
        return write(self, measured)

    with monkeypatch.context() as patch:
        patch.setattr(Write, "__call__", failing)
        assert run(folder, "--out", out, "--workers", 1) == 130
    assert not (out / "objects.csv").exists()
    (out / ".3_labels-0123abcd.tif").write_bytes(b"half")  # as `kill -9` leaves it
    (out / "0_labels.tif").write_bytes(b"")  # as a power cut may leave one of the two that are done
    monkeypatch.setattr(Write, "__call__", lambda *a: (seen.append("again"), write(*a))[1])
    assert run(folder, "--out", out, "--workers", 1) == 0
    assert seen.count("again") == IMAGES - 1
    assert_same(results(out), whole)
    record = json.loads((out / "run.json").read_text())
    assert [image["image"] for image in record["images"]] == [f"{n}.tif" for n in range(IMAGES)]
    assert not [file for file in out.iterdir() if file.name.startswith(".")]


def test_killed_and_run_again(folder, whole, tmp_path):
    out = tmp_path / "out"
    command = [sys.executable, "-m", "nucseg_tf", "predict", str(folder), "--out", str(out)]
    running = subprocess.Popen([*command, "--workers", "1"])
    lines = out / ".run.jsonl"
    while running.poll() is None:  # killed once something is done
        if lines.exists() and lines.read_bytes().count(b"\n") >= 3:
            running.send_signal(signal.SIGKILL)
            running.wait()
        time.sleep(0.002)
    assert run(folder, "--out", out, "--workers", 1) == 0
    assert_same(results(out), whole)


def test_other_options_begin_anew(folder, tmp_path, monkeypatch):
    out, write = tmp_path / "out", Write.__call__
    written = []

    def counted(self, measured):
        written.append(measured.image.path.name)
        if len(written) == 2:
            raise KeyboardInterrupt
        return write(self, measured)

    monkeypatch.setattr(Write, "__call__", counted)
    assert run(folder, "--out", out, "--workers", 1) == 130
    assert run(folder, "--out", out, "--workers", 1, "--diameter", 24) == 0
    assert len(written) == 2 + IMAGES


@pytest.mark.parametrize("count", [1, 4])
def test_shards_are_the_whole(folder, whole, tmp_path, count):
    out = tmp_path / "out"
    for number in range(count, 0, -1):
        assert run(folder, "--out", out, "--shard", f"{number}/{count}") == 0
        assert not (out / "objects.csv").exists()
    assert main(["merge", str(out)]) == 0
    assert_same(results(out), whole)
    record = json.loads((out / "run.json").read_text())
    assert [image["image"] for image in record["images"]] == [f"{n}.tif" for n in range(IMAGES)]
    assert record["failures"] == record["left_out"] == []


def test_a_shard_is_done_once_until_all_are_merged(folder, tmp_path, monkeypatch):
    out, write = tmp_path / "out", Write.__call__
    written = []
    monkeypatch.setattr(
        Write,
        "__call__",
        lambda self, way: (written.append(way.image.path.name), write(self, way))[1],
    )
    images = (folder / "0.tif", folder / "1.tif")
    for shard in ("1/2", "1/2", "2/2"):
        assert run(*images, "--out", out, "--shard", shard) == 0
    assert written == ["0.tif", "1.tif"]
    assert main(["merge", str(out)]) == 0
    assert not [file for file in out.iterdir() if file.name.startswith(".")]
    assert run(*images, "--out", out, "--shard", "1/2") == 0
    assert written == ["0.tif", "1.tif", "0.tif"]


def test_parts_that_do_not_belong_together(folder, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(folder, "--out", out, "--shard", "2/3") == 0
    assert main(["merge", str(out)]) == 2
    assert "of 3 shards, 1, 3 are missing" in capsys.readouterr().err
    other = tmp_path / "other"
    assert run(folder / "2.tif", "--out", other) == 0
    assert main(["merge", str(other), str(other), "--out", str(tmp_path / "both")]) == 2
    assert "2.tif is in" in capsys.readouterr().err
    assert run(folder, "--out", out, "--shard", "1/2") == 2
    assert "parts of different runs: of 2 and 3" in capsys.readouterr().err
    shutil.copyfile(out / "run-2of3.json", out / "run-1of2.json")  # as from another machine
    assert main(["merge", str(out)]) == 2
    assert "parts of different runs: of 2 and 3" in capsys.readouterr().err


def test_shards_of_different_runs(folder, tmp_path, capsys):
    """Nothing says so but their records: each part is whole, and no image is in both."""
    images, out = [folder / f"{seed}.tif" for seed in range(4)], tmp_path / "out"
    assert run(*images[:2], "--out", out, "--shard", "1/2") == 0
    assert run(*images[:2], "--out", out, "--shard", "2/2", "--diameter", 30) == 0
    assert main(["merge", str(out)]) == 2
    assert "different runs: diameter None and 30.0" in capsys.readouterr().err
    assert run(*images, "--out", out, "--shard", "2/2") == 0  # 1.tif is in none
    assert main(["merge", str(out)]) == 2
    assert "number of images 2 and 4" in capsys.readouterr().err
    assert run(*images[:2], "--out", out, "--shard", "2/2", "--workers", 1) == 0
    assert main(["merge", str(out)]) == 0


def test_a_table_as_parquet(folder, whole, tmp_path):
    out = tmp_path / "out"
    assert run(folder, "--out", out, "--table", "parquet") == 0
    assert not (out / "objects.csv").exists()
    found = pd.read_parquet(out / "objects.parquet")
    (tmp_path / "whole.csv").write_text(whole[0])
    expected = pd.read_csv(tmp_path / "whole.csv")
    assert list(found.columns) == list(expected.columns)
    assert found["label"].dtype == np.int64
    assert found["touches_edge"].dtype == bool
    np.testing.assert_allclose(found["area_px"], expected["area_px"])
    np.testing.assert_allclose(found["mean_intensity"], expected["mean_intensity"], rtol=1e-8)


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """T 2, C 2, Z 3; nuclei in the second channel, half as bright from plane to plane."""
    path = tmp_path_factory.mktemp("stack") / "s.ome.tif"
    pixels = np.zeros((2, 2, 3, 96, 120), np.uint16)
    for t in range(2):
        nuclei = drawn_discs(t).astype(float)
        for z in range(3):
            pixels[t, 1, z] = 300 + nuclei / 2**z
            pixels[t, 0, z] = 1000 * (t + 1) + z
    metadata = {
        "axes": "TCZYX", "PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "µm",
        "PhysicalSizeY": 0.5, "PhysicalSizeYUnit": "µm",
        "PhysicalSizeZ": 2.0, "PhysicalSizeZUnit": "µm",
        "Channel": {"Name": ["GFP", "DAPI"]},
    }  # fmt: skip
    tifffile.imwrite(path, pixels, ome=True, metadata=metadata, photometric="minisblack")
    return path


def test_each_plane_of_a_stack(stack, tmp_path):
    out = tmp_path / "out"
    choice = ("--channel", "DAPI", "--t", "each", "--z", "each")
    assert run(stack, "--out", out, *choice, "--overlay") == 0
    with tifffile.TiffFile(out / "s.ome_labels.tif") as tiff:
        assert tiff.series[0].axes == "TZYX"
        assert tiff.series[0].shape == (2, 3, 96, 120)
        assert 'PhysicalSizeZ="2.0"' in tiff.ome_metadata
        assert 'PhysicalSizeX="0.5"' in tiff.ome_metadata
        labels = tiff.asarray()
    table = pd.read_csv(out / "objects.csv")
    assert [*table.columns[:5]] == ["image", "t", "z", "diameter", "zoom"]
    for (t, z), rows in table.groupby(["t", "z"]):
        np.testing.assert_array_equal(rows["label"], np.unique(labels[t, z])[1:])
        np.testing.assert_array_equal(rows["area_px"], np.bincount(labels[t, z].ravel())[1:])
        assert (rows["GFP_mean"] == 1000 * (t + 1) + z).all()
    assert len(table) == 24
    assert len(list(out.glob("s.ome_t00?_z00?_overlay.png"))) == 6
    (entry,) = json.loads((out / "run.json").read_text())["images"]
    assert (entry["image"], entry["planes"], entry["nuclei"]) == ("s.ome.tif", 6, 24)


def test_a_projection_of_some_times(stack, tmp_path):
    out = tmp_path / "out"
    assert run(stack, "--out", out, "--channel", "1", "--t", "1:2", "--z", "max") == 0
    with tifffile.TiffFile(out / "s.ome_labels.tif") as tiff:
        assert 'SizeT="1"' in tiff.ome_metadata
        assert tiff.asarray().shape == (96, 120)
    table = pd.read_csv(out / "objects.csv")
    assert set(table["t"]) == {1}
    assert (table["GFP_mean"] == 2002).all()


def test_what_a_stack_does_not_have(stack, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(stack, "--out", out, "--channel", "RFP", "--t", "0", "--z", "each") == 2
    assert "--channel 'RFP' is unknown; this file has 0..1 (GFP, DAPI)" in capsys.readouterr().err
    assert run(stack, "--out", out, "--channel", "DAPI", "--t", "0:3", "--z", "0") == 2
    assert "--t 0:3 is out of range; this file has 0..1" in capsys.readouterr().err
    assert run(stack, "--out", out, "--t", "5:2") == 2


def test_a_run_that_is_refused_leaves_earlier_results_as_they_are(folder, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(folder, "--out", out, "--overlay") == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    assert run(folder, "--out", out, "--channel", "DAPI") == 2
    assert f"this file has 0..0. All {IMAGES} images are like that." in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_an_image_that_alone_lacks_the_channel_loses_its_earlier_results(tmp_path):
    images, out = tmp_path / "in", tmp_path / "out"
    images.mkdir()
    tifffile.imwrite(images / "a.tif", drawn_discs(0))
    tifffile.imwrite(images / "b.tif", np.stack([drawn_discs(1)] * 2), metadata={"axes": "CYX"})
    assert run(images, "--out", out, "--channel", "0") == 0
    assert run(images, "--out", out, "--channel", "1") == 3
    assert [path.name for path in out.glob("*_labels.tif")] == ["b_labels.tif"]


def test_planes_become_nuclei_in_three_dimensions(stack, tmp_path):
    out = tmp_path / "out"
    choice = ("--channel", "DAPI", "--t", "1", "--z", "each", "--link")
    assert run(stack, "--out", out, *choice) == 0
    labels = tifffile.imread(out / "s.ome_labels.tif")
    table = pd.read_csv(out / "objects.csv")
    assert labels.max() == 4
    for plane in labels:  # the same discs in all
        assert (labels[0][plane > 0] == plane[plane > 0]).mean() > 0.9
    for z, rows in table.groupby("z"):
        assert sorted(rows["label"]) == [1, 2, 3, 4]
        areas = np.bincount(labels[z].ravel())[1:]
        np.testing.assert_array_equal(rows.sort_values("label")["area_px"], areas)


def test_a_stack_that_was_stopped_after_a_plane_failed_is_left_to_do(tmp_path):
    planes = np.stack([drawn_discs(0)] * 4).astype(np.float32)
    planes[0, 0, 0] = np.nan
    path, out = tmp_path / "s.tif", tmp_path / "out"
    tifffile.imwrite(path, planes, imagej=True, metadata={"axes": "ZYX"})
    model = load_model("fpn2ws-nuclei")
    stopped = predict_sources([FileSource(path)], out, model, Options(z="each"), lambda *_: False)
    assert stopped.left_out == [path]
    assert not stopped.done
    whole = predict_sources([FileSource(path)], out, model, Options(z="each"))
    assert not whole.left_out
    assert whole.done[0]["planes"] == 3
    assert [image for image, _ in whole.failures] == [f"{path} (z 0)"]


def test_frames_become_tracks(tmp_path):
    movie = np.stack([np.roll(drawn_discs(0), 4 * frame, axis=1) for frame in range(4)])
    path, out = tmp_path / "m.tif", tmp_path / "out"
    tifffile.imwrite(path, movie, imagej=True, metadata={"axes": "TYX"})
    assert run(path, "--out", out, "--t", "each", "--link") == 0
    labels = tifffile.imread(out / "m_labels.tif")
    table = pd.read_csv(out / "objects.csv")
    assert [*table.columns[-3:]] == ["track", "parent", "divides"]
    assert (table["label"] == table["track"]).all()
    whole = table.groupby("track").size()
    assert (whole == 4).sum() >= 3
    for track in whole.index[whole == 4]:
        columns = table.loc[table["track"] == track, "centroid_col"]
        np.testing.assert_allclose(np.diff(columns), 4, atol=1.5)
        for t in range(4):
            assert (labels[t] == track).any()


def test_link_needs_one_of_both(stack, tmp_path, capsys):
    choice = ("--channel", "DAPI", "--t", "each", "--z", "each", "--link")
    assert run(stack, "--out", tmp_path / "out", *choice) == 2
    assert "--link: joins the planes" in capsys.readouterr().err
