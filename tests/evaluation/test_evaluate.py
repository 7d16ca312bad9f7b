from __future__ import annotations

import csv
import json
import re

import numpy as np
import pytest
import tifffile
from reference import odd_files

from nucseg_tf.data.regions import write_regions
from nucseg_tf.errors import DataError, SomeImagesFailed, UsageError
from nucseg_tf.evaluation.evaluate import evaluate_folders, format_table

ONE = np.array([[1, 1, 0, 0], [1, 1, 0, 2]], np.uint16)
TWO = np.array([[0, 5, 5], [0, 5, 5], [9, 0, 0]], np.uint16)


@pytest.fixture
def folders(tmp_path):
    """Two images: the first predicted right, the second with one of two nuclei missed."""
    truth, predicted = tmp_path / "truth", tmp_path / "predicted"
    write(truth / "masks" / "a.tif", ONE)
    write(truth / "masks" / "b.tif", TWO)
    write(predicted / "a_labels.tif", ONE)
    write(predicted / "b.tif", np.where(TWO == 5, 1, 0).astype(np.uint16))
    return truth, predicted, tmp_path / "out"


def write(path, labels):
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, labels)


def test_scores_two_folders(folders, capsys):
    summary = evaluate_folders(*folders)
    out = folders[2]
    assert capsys.readouterr().out == ""
    assert sorted(path.name for path in out.iterdir()) == ["scores.csv", "scores.json"]
    assert summary["thresholds"]["0.50"]["f1"] == pytest.approx(6 / 7)
    assert summary["thresholds"]["0.50"]["mean_f1"] == pytest.approx((1 + 2 / 3) / 2)

    saved = json.loads((out / "scores.json").read_text())
    assert saved["summary"] == summary
    assert list(saved["images"]) == ["a", "b"]
    assert saved["images"]["b"]["false_negatives"] == 1

    with (out / "scores.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["image"] for row in rows] == ["a", "b"]
    assert [row["fn_0.50"] for row in rows] == ["0", "1"]
    assert float(rows[1]["f1_0.95"]) == pytest.approx(2 / 3)


def test_only_finished_regions_count(folders):
    truth, _, _ = folders
    write_regions(truth / "masks" / "b.tif", [(0, 0, 2, 3)])  # without the nucleus that is missed
    summary = evaluate_folders(*folders)
    assert (summary["n_truth"], summary["thresholds"]["0.50"]["f1"]) == (3, 1)


def test_missing_predictions_are_named(folders):
    truth, predicted, out = folders
    for index in range(6):
        write(truth / "masks" / f"new{index}.tif", ONE)
    with pytest.raises(DataError, match=r"6 of 8 images: new0, new1, .*new4, \.\.\."):
        evaluate_folders(truth, predicted, out)
    assert not out.exists()


def test_another_shape_is_named_and_the_others_scored(folders, caplog):
    truth, predicted, out = folders
    write(predicted / "a_labels.tif", ONE.T)
    with pytest.raises(SomeImagesFailed, match="1 of 2 images"):
        evaluate_folders(truth, predicted, out)
    assert re.search(r"a_labels\.tif.*\(4, 2\).*\(2, 4\).*a\.tif", caplog.text)
    assert list(json.loads((out / "scores.json").read_text())["images"]) != ["a"]
    assert "a_labels.tif" in (out / "failures.csv").read_text()


def test_two_files_for_one_image_are_refused(folders):
    truth, predicted, out = folders
    write(predicted / "a_labels.tiff", ONE)
    with pytest.raises(DataError, match=r"a_labels\.tif and a_labels\.tiff"):
        evaluate_folders(truth, predicted, out)


def test_empty_and_absent_folders_are_refused(tmp_path):
    with pytest.raises(DataError, match="found none"):
        evaluate_folders(tmp_path, tmp_path, tmp_path / "out")
    with pytest.raises(UsageError, match="nowhere"):
        evaluate_folders(tmp_path / "nowhere", tmp_path, tmp_path / "out")


def test_table_for_the_terminal(folders):
    lines = format_table(evaluate_folders(*folders)).splitlines()
    assert lines[0].split() == ["IoU", "F1", "AP", "precision", "recall", "mean", "AP"]
    assert lines[1].split() == ["0.50", "0.857", "0.750", "1.000", "0.750", "0.750"]
    assert lines[-2] == "2 images, 4 nuclei of mean diameter 1.7 px, 3 predicted"
    assert lines[-1] == "PQ 0.857, splits 0, merges 0; at IoU 0.70 missed 1, extra 0"


@pytest.mark.parametrize("case", [case for case in odd_files.LABELS if case.exact])
@pytest.mark.parametrize("side", ["truth", "predicted"])
def test_labels_of_other_programs_are_read_as_by_a_training(case, side, tmp_path):
    grey, labels = odd_files.drawn()
    places = {name: tmp_path / name for name in ("truth", "predicted")}
    for name, place in places.items():
        place.mkdir()
        if name == side:
            case.draw(place / case.file, labels)
        else:
            tifffile.imwrite(place / "a_labels.tif", labels.astype(np.uint16))
    tifffile.imwrite(places[side] / "a.tif", grey)  # no label image, for all that it is beside it
    summary = evaluate_folders(*places.values(), tmp_path / "out", **case.options)
    assert summary["thresholds"]["0.95"]["f1"] == 1


@pytest.mark.parametrize("images", ["truth/images", "images", "predicted", None])
def test_outlines_on_both_sides_take_the_size_of_their_image(images, tmp_path, caplog):
    grey, labels = odd_files.drawn()
    for name in ("truth/masks", "predicted", *([images] if images else [])):
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
    odd_files.write_geojson(tmp_path / "truth" / "masks" / "a.geojson", labels)
    odd_files.write_imagej_rois(tmp_path / "predicted" / "a_rois.zip", labels)
    folders = (tmp_path / "truth", tmp_path / "predicted", tmp_path / "out")
    if images:
        tifffile.imwrite(tmp_path / images / "a.tif", grey)
        truth = folders[0] / "masks" if images == "images" else folders[0]
        if images == "images":  # beside the folder that is given
            truth = folders[0].rename(tmp_path / "other") / "masks"
            truth = truth.rename(tmp_path / "masks")
        summary = evaluate_folders(truth, *folders[1:])
        assert summary["thresholds"]["0.95"]["f1"] == 1
    else:
        with pytest.raises(DataError, match="none of 1 images"):
            evaluate_folders(*folders)
        assert "outlines need the size of their image" in caplog.text


def test_outlines_take_the_size_of_a_file_of_labelme(tmp_path):
    _, labels = odd_files.drawn()
    for name in ("truth", "predicted"):
        (tmp_path / name).mkdir()
    odd_files.labelme_file(tmp_path / "truth" / "a.json", labels)
    odd_files.write_geojson(tmp_path / "predicted" / "a.geojson", labels)
    summary = evaluate_folders(tmp_path / "truth", tmp_path / "predicted", tmp_path / "out")
    assert summary["thresholds"]["0.95"]["f1"] == 1


def test_pieces_of_binary_masks(tmp_path):
    _, labels = odd_files.drawn()
    for name in ("truth", "predicted"):
        write(tmp_path / name / "a_labels.tif", (255 * (labels > 0)).astype(np.uint8))
    folders = (tmp_path / "truth", tmp_path / "predicted", tmp_path / "out")
    assert evaluate_folders(*folders)["n_truth"] == 1
    summary = evaluate_folders(*folders, split_binary=True)
    assert summary["n_truth"] == summary["n_pred"] == len(np.unique(labels)) - 1
