"""Plates: as folders of files and as OME-Zarr, whole, damaged and in parts."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import tifffile

from nucseg_tf.__main__ import main
from nucseg_tf.inference.stages.write import Write
from nucseg_tf.io.labels import read_labels

CHOICE = ("--channel", "DAPI", "--diameter", "24")


def run(command: str, *arguments: object) -> int:
    return main([command, *map(str, arguments)])


@pytest.fixture(scope="module")
def plates(tmp_path_factory):
    """The same small plate as files and as OME-Zarr."""
    folder = tmp_path_factory.mktemp("plates")
    for layout in ("cellvoyager", "zarr"):
        options = ("--plate", "2x3", "--fields", 2, "--channels", 3, "--size", "128x160")
        assert (
            run("simulate", *options, "--seed", 1, "--layout", layout, "--out", folder / layout)
            == 0
        )
    return folder


@pytest.fixture
def files(plates, tmp_path):
    """A copy of the files."""
    (found,) = {path.parent for path in (plates / "cellvoyager").rglob("*C01.tif")}
    return shutil.copytree(found, tmp_path / "files")


@pytest.fixture
def zarr_plate(plates, tmp_path):
    """A copy of the OME-Zarr."""
    (found,) = (plates / "zarr").glob("*.zarr")
    return shutil.copytree(found, tmp_path / "p.zarr")


def test_equal_tables_from_both(files, zarr_plate, tmp_path):
    assert run("predict", files, "--pattern", "auto", "--out", tmp_path / "f", *CHOICE) == 0
    assert run("predict", zarr_plate, "--out", tmp_path / "z", *CHOICE) == 0
    one, other = (pd.read_csv(tmp_path / name / "objects.csv") for name in "fz")
    assert len(one) > 20
    assert [*one.columns[:6]] == ["image", "plate", "well", "row", "column", "field"]
    assert set(one["well"]) == {"A01", "A02", "A03", "B01", "B02", "B03"}
    place = ["image", "plate", "field"]  # fields are counted from 0 there, and names differ
    pd.testing.assert_frame_equal(one.drop(columns=place), other.drop(columns=place))
    assert len(list((tmp_path / "f").glob("*_labels.tif"))) == 12
    assert len(list(zarr_plate.glob("*/*/*/labels/nuclei"))) == 12


def test_nuclei_are_those_that_were_drawn(plates, files, tmp_path):
    assert run("predict", files, "--pattern", "auto", "--out", tmp_path / "f", *CHOICE) == 0
    truths = sorted((plates / "cellvoyager" / "truth").glob("*_labels.tif"))
    found = sorted((tmp_path / "f").glob("*_labels.tif"))
    assert len(truths) == len(found) == 12
    counts = [
        (read_labels(a).max(), read_labels(b).max()) for a, b in zip(truths, found, strict=True)
    ]
    assert np.corrcoef(np.transpose(counts))[0, 1] > 0.9


def test_what_is_missing_fails_in_its_field(files, tmp_path, capsys):
    lost, small = sorted(files.glob("*C02.tif"))[:2]
    lost.unlink()
    tifffile.imwrite(small, np.zeros((100, 90), np.uint16))
    assert run("predict", files, "--pattern", "auto", "--out", tmp_path / "f", *CHOICE) == 3
    text = capsys.readouterr().err
    assert "there is no file of channel C02" in text
    assert "is of 100 x 90 px, but" in text
    table = pd.read_csv(tmp_path / "f" / "objects.csv")
    assert table["image"].nunique() == 10


def test_a_pattern_that_matches_nothing_or_two_files(files, tmp_path, capsys):
    out = ("--out", tmp_path / "f", *CHOICE)
    assert run("predict", files, "--pattern", r"(?P<well>[A-Z]\d\d)\.png", *out) == 2
    assert "no image's name matches" in capsys.readouterr().err
    assert run("predict", files, "--pattern", r".*_(?P<well>[A-Z]\d\d)_.*", *out) == 1
    assert "both are well" in capsys.readouterr().err
    assert not (tmp_path / "f" / "objects.csv").exists()


def test_other_pixels_of_any_channel_begin_anew(files, tmp_path, monkeypatch):
    options = (files, "--pattern", "auto", "--out", tmp_path / "f", "--workers", 1, *CHOICE)
    written, write = [], Write.__call__

    def counted(self, measured):
        written.append(measured.image.name)
        if len(written) == 3:
            raise KeyboardInterrupt
        return write(self, measured)

    monkeypatch.setattr(Write, "__call__", counted)
    assert run("predict", *options) == 130
    other = sorted(files.glob("*_B03_*C03.tif"))[0]  # measured, but not the one that is labelled
    tifffile.imwrite(other, tifffile.imread(other)[::-1])
    assert run("predict", *options) == 0
    assert len(written[3:]) == 12


def test_files_of_a_plate_without_a_pattern_are_hinted_at(files, tmp_path, capsys):
    for path in sorted(files.glob("*.tif"))[4:]:
        path.unlink()
    assert run("predict", files, "--out", tmp_path / "f") == 0
    assert "With --pattern auto they are fields of wells" in capsys.readouterr().err
    assert run("predict", files, "--out", tmp_path / "f", "--channel", "C01") == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.endswith("With --pattern auto they are fields of wells, whose channels have names.")


def test_a_channel_that_a_plate_has_not_is_refused_at_once(files, zarr_plate, tmp_path, capsys):
    for place in ((files, "--pattern", "auto"), (zarr_plate,)):
        assert run("predict", *place, "--channel", "DAP", "--out", tmp_path / "out") == 2
        said = capsys.readouterr().err
        assert "--channel 'DAP' is unknown; this file has 0..2 (DAPI, Reporter, EdU)" in said
        assert said.count("is unknown") == 1
    assert list((tmp_path / "out").iterdir()) == []


def test_a_folder_with_a_plate_in_ome_zarr(zarr_plate, tmp_path, capsys):
    assert run("plate", zarr_plate.parent) == 2
    assert f"holds OME-Zarr; name one: {zarr_plate}" in capsys.readouterr().err
    assert run("predict", zarr_plate.parent, "--out", tmp_path / "out", *CHOICE) == 0
    assert len(pd.read_csv(tmp_path / "out" / "fields.csv")) == 12


def test_shards_of_a_plate(files, tmp_path):
    options = (files, "--pattern", "auto", *CHOICE)
    assert run("predict", *options, "--out", tmp_path / "one") == 0
    for number in (1, 2):
        assert run("predict", *options, "--out", tmp_path / "two", "--shard", f"{number}/2") == 0
    assert run("merge", tmp_path / "two") == 0
    one, two = ((tmp_path / name / "objects.csv").read_bytes() for name in ("one", "two"))
    assert one == two


def test_parts_without_a_field_or_with_failures_alone(files, tmp_path):
    """The columns and their order are those of one run all the same."""
    for path in sorted(files.glob("*.tif"))[2 * 3 :]:  # two fields are left
        path.unlink()
    sorted(files.glob("*C02.tif"))[0].unlink()
    options = (files, "--pattern", "auto", *CHOICE)
    assert run("predict", *options, "--out", tmp_path / "one") == 3
    codes = [
        run("predict", *options, "--out", tmp_path / "parts", "--shard", f"{number}/4")
        for number in (1, 2, 3, 4)
    ]
    assert sorted(codes) == [0, 0, 0, 3]
    assert run("merge", tmp_path / "parts") == 3
    for name in ("objects.csv", "fields.csv", "failures.csv"):
        one, other = ((tmp_path / folder / name).read_bytes() for folder in ("one", "parts"))
        assert one == other


def assert_parts_are_the_whole(options, tmp_path, monkeypatch):
    """In two parts, of which the first alone looks at the light, it comes out as in one."""
    part = (*options, "--illumination", "--out", tmp_path / "parts", "--shard")
    assert run("predict", *part, "1/2") == 0
    monkeypatch.setattr("nucseg_tf.inference.light.estimate_light", None)
    assert run("predict", *part, "2/2") == 0
    assert run("merge", tmp_path / "parts") == 0
    for name in ("objects.csv", "illumination/DAPI.tif"):
        one, other = ((tmp_path / folder / name).read_bytes() for folder in ("even", "parts"))
        assert one == other
    assert not [*(tmp_path / "parts").glob(".*")]


def test_light_is_made_even(files, tmp_path, monkeypatch):
    rows = np.linspace(0.4, 1.6, 128)[:, np.newaxis]
    for path in files.glob("*.tif"):
        pixels = tifffile.imread(path)
        tifffile.imwrite(path, (pixels * rows).clip(0, 65535).astype(np.uint16))
    options = (files, "--pattern", "auto", *CHOICE)
    assert run("predict", *options, "--out", tmp_path / "as is") == 0
    assert run("predict", *options, "--illumination", "--out", tmp_path / "even") == 0
    slopes = []
    for name in ("as is", "even"):
        table = pd.read_csv(tmp_path / name / "objects.csv")
        place = table["centroid_row"] / 128 - 0.5
        slopes.append(np.polyfit(place, np.log(table["DAPI_background"]), 1)[0])
    assert slopes[0] > 1
    assert abs(slopes[1]) < 0.25
    assert_parts_are_the_whole(options, tmp_path, monkeypatch)
    light = tifffile.imread(tmp_path / "even" / "illumination" / "DAPI.tif")
    assert light[-10:].mean() / light[:10].mean() > 2.5
    assert json.loads((tmp_path / "even" / "run.json").read_text())["options"]["illumination"]
