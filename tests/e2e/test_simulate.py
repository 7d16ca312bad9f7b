"""`nucseg simulate` from the command line, and what other commands make of its fields."""

from __future__ import annotations

import pytest
import tifffile

from nucseg_tf.__main__ import main
from nucseg_tf.data.simulate import CELL_LINES


def simulate(out, *rest) -> int:
    return main(["simulate", "--out", str(out), *rest])


def test_fields_of_all_cell_lines_are_a_valid_data_set(tmp_path, capsys):
    out = tmp_path / "fields"
    assert simulate(out, "--cell-line", "all", "--fields", "2", "--size", "96x128") == 0
    assert capsys.readouterr().out == f"{out}\n"
    for kind in ("images", "masks"):
        assert sorted(
            path.relative_to(out / kind).as_posix() for path in out.rglob(f"{kind}/*/*")
        ) == sorted(
            f"{line.name}/{line.name}_seed0_{number:04d}.tif"
            for line in CELL_LINES
            for number in (1, 2)
        )
    for path in out.rglob("*.tif"):
        with tifffile.TiffFile(path) as tiff:
            assert tiff.pages.first.predictor == 1  # ImageJ undoes none
    assert main(["validate", str(out)]) == 0
    assert capsys.readouterr().out == "8 of 8 fields can be used\n"


def test_true_labels_score_1_against_themselves(tmp_path, capsys):
    assert simulate(tmp_path, "--cell-line", "u2os", "--seed", "7", "--size", "128x128") == 0
    masks = str(tmp_path / "masks" / "U2OS")
    assert main(["evaluate", masks, masks, "--out", str(tmp_path / "scores")]) == 0
    assert "1.000" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "--cell-line is missing"),
        (("--cell-line", "HeLa"), "expected one of MCF10A, HCT116, U2OS, Eosinophils, all"),
        (("--cell-line", "U2OS", "--fields", "0"), "--fields: expected 1 or more"),
        (("--cell-line", "U2OS", "--fields", "two"), "--fields: expected a whole number"),
        (("--cell-line", "U2OS", "--seed", "-1"), "--seed: expected 0 or more"),
        (("--cell-line", "U2OS", "--size", "large"), "--size: expected HEIGHTxWIDTH"),
        (("--cell-line", "U2OS", "--size", "32x32"), "--size: sides must be 64 to 4096 px"),
        (("--cell-line", "U2OS", "--planes", "0"), "--planes: expected 1 or more"),
        (
            ("--cell-line", "U2OS", "--planes", "2", "--frames", "2"),
            "expected one of --planes and --frames",
        ),
    ],
)
def test_slips_are_usage_errors(tmp_path, capsys, arguments, message):
    assert simulate(tmp_path / "out", *arguments) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert simulate(tmp_path / "file", "--cell-line", "U2OS", "--size", "64x64") == 1
    assert "cannot write into this folder" in capsys.readouterr().err


@pytest.mark.parametrize(("kind", "files"), [("planes", 2), ("frames", 3)])
def test_stacks_and_movies(tmp_path, capsys, kind, files):
    out = tmp_path / kind
    assert simulate(out, "--cell-line", "hct116", "--size", "64x64", f"--{kind}", "3") == 0
    assert capsys.readouterr().out == f"{out}\n"
    assert len([path for path in out.rglob("*") if path.is_file()]) == files
