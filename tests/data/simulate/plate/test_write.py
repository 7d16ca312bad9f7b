from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
import tifffile
from scipy import ndimage

from nucseg_tf.__main__ import main
from nucseg_tf.data.simulate import find_cell_lines
from nucseg_tf.data.simulate.plate.layouts import find_layout
from nucseg_tf.data.simulate.plate.screen import Screen
from nucseg_tf.data.simulate.plate.write import write_plate
from nucseg_tf.errors import DataError, UsageError
from nucseg_tf.io.labels import read_labels
from nucseg_tf.io.omezarr.plate import zarr_plate
from nucseg_tf.io.plates.open import open_plate
from nucseg_tf.io.readers.omezarr import READER

SCREEN = Screen(find_cell_lines("MCF10A")[0], 2, 3, 4, 2, 2, 7, (96, 128))


def contents(folder) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def rows(path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def plate(tmp_path_factory):
    """Four wells of a plate of six, the last in the second row; two fields, two channels."""
    folder = tmp_path_factory.mktemp("plate")
    assert write_plate(folder, SCREEN, workers=1) == 8
    return folder


def test_it_is_read_as_a_plate_of_cellvoyager(plate):
    found = open_plate(plate)
    assert (found.name, found.kind) == ("Simulated-MCF10A-seed7", "CellVoyager")
    assert (found.rows, found.columns) == (2, 3)
    assert {well: len(fields) for well, fields in found.wells.items()} == {
        **{"A01": 2, "A02": 2, "A03": 2},
        "B01": 2,
    }
    assert found.channel_names == {"C01": "DAPI", "C02": "Reporter"}
    assert found.pixel_size == pytest.approx(0.216)
    assert found.oddities(sizes=True) == []


def test_images_and_labels_are_what_was_drawn(plate):
    found = open_plate(plate)
    for spot, field in zip(SCREEN.spots(), found.fields, strict=True):
        images, labels = SCREEN.draw(spot)
        for image, path in zip(images, field.files.values(), strict=True):
            np.testing.assert_array_equal(tifffile.imread(path), image)
        np.testing.assert_array_equal(
            read_labels(plate / "truth" / f"{spot.stem}_labels.tif"), labels
        )


def test_the_records_name_every_image(plate):
    text = (plate / "MeasurementData.mlf").read_text()
    names = sorted(path.name for path in plate.glob("*.tif"))
    assert len(names) == 16
    assert text.count("<bts:MeasurementRecord") == 16
    assert all(text.count(f">{name}</") == 1 for name in names)


def test_the_table_of_nuclei_is_that_of_the_labels(plate):
    table = rows(plate / "truth" / "nuclei.csv")
    for spot in SCREEN.spots():
        labels = read_labels(plate / "truth" / f"{spot.stem}_labels.tif")
        found = [r for r in table if (r["well"], r["field"]) == (spot.well, str(spot.field))]
        assert [int(row["label"]) for row in found] == list(range(1, labels.max() + 1))
        middles = ndimage.center_of_mass(labels > 0, labels, range(1, labels.max() + 1))
        np.testing.assert_allclose(
            [(float(row["y"]), float(row["x"])) for row in found], middles, rtol=1e-6
        )
        assert [int(row["area"]) for row in found] == np.bincount(labels.ravel())[1:].tolist()
        cells = SCREEN.cells(spot, labels.max())
        np.testing.assert_allclose([float(row["ratio"]) for row in found], cells.ratio)
        assert [row["positive"] == "True" for row in found] == cells.positive.tolist()


def test_the_table_of_wells_counts_the_nuclei(plate):
    nuclei = [row["well"] for row in rows(plate / "truth" / "nuclei.csv")]
    wells = rows(plate / "truth" / "wells.csv")
    assert [row["well"] for row in wells] == ["A01", "A02", "A03", "B01"]
    assert [int(row["nuclei"]) for row in wells] == [nuclei.count(row["well"]) for row in wells]
    assert [row["dose"] for row in wells] == ["0", "0.5", "1", "0"]
    assert (wells[3]["row"], wells[3]["column"]) == ("2", "1")


def test_several_processes_write_the_same(plate, tmp_path):
    assert write_plate(tmp_path, SCREEN, workers=2) == 8
    assert contents(tmp_path) == contents(plate)


def test_the_same_command_goes_on(plate, tmp_path):
    seen = []

    def stop(done, total, name):
        seen.append((done, total, name))
        return done < 3

    assert write_plate(tmp_path, SCREEN, workers=1, progress=stop) == 3
    assert seen[-1] == (3, 8, "A02_F001")
    assert not (tmp_path / "truth" / "nuclei.csv").exists()
    kept = tmp_path / "truth" / "A01_F001_labels.tif"
    before = kept.stat().st_mtime_ns
    (tmp_path / "truth" / "A01_F002_labels.tif").unlink()  # as if it had been stopped there
    assert write_plate(tmp_path, SCREEN, workers=1) == 8
    assert kept.stat().st_mtime_ns == before
    assert contents(tmp_path) == contents(plate)


def test_a_stop_after_the_last_field_is_none(tmp_path):
    one = Screen(SCREEN.line, 1, 1, 1, 1, 1, 0, (64, 64))
    assert write_plate(tmp_path, one, progress=lambda *state: False) == 1
    assert (tmp_path / "truth" / "wells.csv").exists()


def test_other_plates_and_other_things_are_left_alone(plate, tmp_path):
    before = contents(plate)
    other = replace(SCREEN, seed=8)
    with pytest.raises(DataError, match=r"holds another plate.*plate\.json.*choose another --out"):
        write_plate(plate, other)
    assert contents(plate) == before
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(DataError, match="holds something else"):
        write_plate(tmp_path, SCREEN)
    assert list(contents(tmp_path)) == ["thesis.txt"]


def test_ome_zarr(tmp_path):
    """Two wells with two fields; one is written again, as after an interruption."""
    pytest.importorskip("zarr")
    small = replace(SCREEN, wells=2)
    assert write_plate(tmp_path, small, "zarr", 1) == 4
    (tmp_path / "truth" / "A01_F002_labels.tif").unlink()
    assert write_plate(tmp_path, small, "zarr", 1) == 4
    plate = zarr_plate(tmp_path / "Simulated-MCF10A-seed7.zarr")
    assert plate.name == "Simulated-MCF10A-seed7"
    assert plate.missing == ()
    assert [(field.well, field.field) for field in plate.fields] == [
        *(("A01", "0"), ("A01", "1"), ("A02", "0"), ("A02", "1")),
    ]
    for spot, field in zip(small.spots(), plate.fields, strict=True):
        found = READER.read(field.path)
        assert found.channels == ("DAPI", "Reporter")
        assert found.pixel_size == pytest.approx(0.216)
        np.testing.assert_array_equal(found.read_all(), np.stack(small.draw(spot)[0]))


def test_usage(tmp_path):
    with pytest.raises(UsageError, match="--workers: expected 1 or more"):
        write_plate(tmp_path / "a", SCREEN, workers=0)
    with pytest.raises(UsageError, match="--layout: expected cellvoyager or zarr"):
        find_layout("tape")
    assert not (tmp_path / "a").exists()


# --- the command -----------------------------------------------------------------------------


def test_the_command(tmp_path, capsys):
    out = tmp_path / "plate"
    command = ["simulate", "--out", str(out), "--size", "64x80", "--workers", "1"]
    assert main([*command, "--plate", "1x2", "--wells", "1", "--channels", "1"]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    settings = json.loads((out / "truth" / "plate.json").read_text())
    assert settings["cell line"] == "U2OS"
    assert (settings["plate"], settings["wells"], settings["size"]) == ([1, 2], 1, [64, 80])
    assert len(list(out.glob("*.tif"))) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--wells", "2", "--cell-line", "U2OS"], "--wells is of plates only; give --plate"),
        (["--layout", "cellvoyager", "--cell-line", "U2OS"], "--layout is of plates only"),
        ([], "--cell-line is missing"),
        (["--plate", "2x3", "--frames", "3"], "--frames is not of plates"),
        (["--plate", "2x3", "--cell-line", "all"], "a plate is of one cell line"),
        (["--plate", "2x3", "--layout", "tape"], "--layout: expected cellvoyager or zarr"),
        (["--plate", "2x3", "--size", "8x8"], "--size: sides must be 64"),
    ],
)
def test_contradictions_are_refused(arguments, message, tmp_path, capsys):
    assert main(["simulate", "--out", str(tmp_path / "o"), *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "o").exists()
