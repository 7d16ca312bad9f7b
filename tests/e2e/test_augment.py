"""`nucseg augment` and `nucseg train --store`, from the command line."""

from __future__ import annotations

import cv2
import h5py
import pytest
import tifffile
from reference.drawn import drawn_nuclei

from nucseg_tf.__main__ import main

SMALL = ("--set", "data.roi=64", "--set", "model.filters=8", "--set", "training.steps_per_epoch=2")


@pytest.fixture
def data(tmp_path):
    image, labels = drawn_nuclei()
    for number, name in enumerate("abc"):
        for folder, array in (("images", image), ("masks", labels.astype("uint16"))):
            (tmp_path / "data" / folder).mkdir(parents=True, exist_ok=True)
            tifffile.imwrite(tmp_path / "data" / folder / f"{name}.tif", array[:, number:])
    return tmp_path / "data"


def augment(data, *rest) -> int:
    return main(["augment", "smoke", "--data", str(data), *SMALL, *map(str, rest)])


def test_a_store_is_made_and_trained_from(data, tmp_path, capsys):
    store, run = tmp_path / "rois.h5", tmp_path / "run"
    assert augment(data, "--out", store, "--rois", 12, "--bits", 16, "--masks") == 0
    assert capsys.readouterr().out == f"{store}\n"
    with h5py.File(store) as file:
        assert file["grey"].shape == (12, 64, 64)
        assert "erosion" in file
    train = ["train", "smoke", "--data", str(data), *SMALL, "--set", "training.epochs=1"]
    assert main([*train, "--out", str(run), "--store", str(store)]) == 0
    assert (run / "model" / "model.yaml").is_file()
    cut, damaged, other = tmp_path / "cut.h5", tmp_path / "damaged.h5", str(tmp_path / "other")
    cut.write_bytes(store.read_bytes()[:5000])
    assert main([*train, "--out", other, "--store", str(cut)]) == 1
    assert "cut.h5: is no ROI store, or cut short" in capsys.readouterr().err
    damaged.write_bytes(store.read_bytes())
    with h5py.File(damaged, "a") as file:
        for number in range(12):
            file["border"].id.write_direct_chunk((number, 0, 0), b"damage")
    assert main([*train, "--out", other, "--store", str(damaged)]) == 1
    assert "damaged.h5: ROI" in capsys.readouterr().err


def test_a_contact_sheet_is_a_picture(data, tmp_path):
    sheet = tmp_path / "sheet.png"
    assert augment(data, "--preview", sheet, "--set", "augment=full") == 0
    assert cv2.imread(str(sheet)).shape == (6 * 64 + 5 * 4, 8 * 64 + 7 * 4, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "--out or --preview is missing"),
        (("--out", "s.h5", "--bits", "9"), "--bits: expected 8 or 16"),
        (("--out", "s.h5", "--rois", "0"), "--rois: expected 1 or more"),
        (("--out", "s.h5", "--set", "augment=ful"), "did you mean 'full'"),
        (("--out", "s.h5", "--set", "augment.steps=[claeh]"), "did you mean 'clahe'"),
        (("--out", "s.h5", "--set", "augment.zoom=[2, 1]"), "the first must not be larger"),
    ],
)
def test_slips_are_usage_errors(data, capsys, arguments, message):
    assert augment(data, *arguments) == 2
    assert message in capsys.readouterr().err
