"""Data sets of others in folders and archives, as their programs give them."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest
from reference.drawn import random_labels
from reference.sets import cvat_file

from nucseg_tf.annotation.exchange import coco, supervisely
from nucseg_tf.annotation.exchange.drawn import Drawn, tight
from nucseg_tf.annotation.exchange.others import open_set
from nucseg_tf.commands.convert import convert
from nucseg_tf.errors import DataError, SomeImagesFailed, UsageError
from nucseg_tf.io.labels import read_labels

LABELS = random_labels(3, (40, 50))
DRAWN = [Drawn(*tight(label == LABELS)) for label in np.unique(LABELS[LABELS > 0])]


def cvat(folder):
    cvat_file(folder / "annotations.xml", {"a.png": LABELS})


def coco_set(folder):
    (folder / "annotations").mkdir()
    content = coco.instances([("a.png", LABELS.shape, DRAWN)], False)
    content["categories"] = [{"id": 1, "name": "Nuclei"}]
    (folder / "annotations" / "instances_default.json").write_text(json.dumps(content))


def sly(folder, **changes):
    (folder / "ds" / "ann").mkdir(parents=True)
    content = supervisely.annotation(DRAWN, LABELS.shape, "", False)
    for entry in content["objects"]:
        entry["classTitle"] = "cell nuclei"
    content |= changes
    (folder / "ds" / "ann" / "a.png.json").write_text(json.dumps(content))


@pytest.fixture
def packed(tmp_path):
    """A folder, or a zip of it."""

    def packed(write, archive=True, **changes):
        folder = tmp_path / "set"
        folder.mkdir()
        write(folder, **changes)
        if not archive:
            return folder
        path = tmp_path / "set.zip"
        with zipfile.ZipFile(path, "w") as opened:
            for file in sorted(folder.rglob("*.*")):
                opened.write(file, file.relative_to(folder))
        return path

    return packed


@pytest.mark.parametrize("archive", [False, True])
@pytest.mark.parametrize("write", [cvat, coco_set, sly])
def test_sets_come_in_to_the_pixel(packed, tmp_path, write, archive):
    convert(packed(write, archive), tmp_path, to="labels")
    found = read_labels(tmp_path / "masks" / "a.tif")
    assert found.shape == LABELS.shape
    pairs = np.unique(np.stack([LABELS.ravel(), found.ravel()]), axis=1)
    assert len(pairs[0]) == len(np.unique(LABELS)) == len(np.unique(found))


def test_our_own_exports_ask_for_their_regions(packed, tmp_path):
    neighbour = supervisely.annotation(
        [Drawn(0, 0, np.ones((2, 2), bool), None, True)], (4, 4), "", 0
    )
    path = packed(sly, objects=neighbour["objects"])
    with open_set(path) as found:
        assert found is None
    with pytest.raises(UsageError, match=r"(?s)--regions.*annotations\.xml \(CVAT\)"):
        convert(path, tmp_path, to="labels")


def test_several_sets_in_one_archive_are_refused(packed, tmp_path):
    def both(folder):
        cvat(folder)
        coco_set(folder)

    with pytest.raises(UsageError, match=r"several data sets: .*instances_default\.json"):
        convert(packed(both), tmp_path, to="labels")


def test_supervisely_of_others_by_hand(packed, tmp_path, caplog):
    """Of several classes nuclei are taken; the later lies on top."""
    square = {"exterior": [[0, 0], [2, 0], [2, 2], [0, 2]], "interior": []}
    moved = {"exterior": [[1, 1], [3, 1], [3, 3], [1, 3]], "interior": []}
    titles = [("nucleus", square), ("nucleus", moved), ("cell", square)]
    objects = [
        {"classTitle": title, "geometryType": "polygon", "points": points}
        for title, points in titles
    ]
    path = packed(sly, size={"height": 4, "width": 5}, objects=objects)
    convert(path, tmp_path, to="labels")
    expected = [[1, 1, 1, 0, 0], [1, 2, 2, 2, 0], [1, 2, 2, 2, 0], [0, 2, 2, 2, 0]]
    np.testing.assert_array_equal(read_labels(tmp_path / "masks" / "a.tif"), expected)
    assert "1 of 'cell'" in caplog.text


@pytest.mark.parametrize(
    ("changes", "error", "told"),
    [
        ({"size": {"height": 0, "width": 5}}, DataError, "size.height"),
        ({"objects": [{"classTitle": "a", "geometryType": "line"}]}, SomeImagesFailed, "1 of 1"),
    ],
)
def test_what_cannot_be_drawn_is_told(packed, tmp_path, changes, error, told):
    with pytest.raises(error, match=told):
        convert(packed(sly, **changes), tmp_path, to="labels")
