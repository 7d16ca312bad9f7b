"""Files of labelme that are written."""

from __future__ import annotations

import json

import numpy as np
import pytest
from reference.drawn import random_labels

from nucseg_tf.errors import OutputError
from nucseg_tf.io.labelme import read_labelme
from nucseg_tf.io.tables import Table
from nucseg_tf.io.writers.labelme import WRITER, write_labelme
from nucseg_tf.types import Image, Instances


@pytest.mark.parametrize("seed", range(6))
def test_what_is_written_comes_back_to_the_pixel(tmp_path, seed):
    noise = np.random.default_rng(seed).random((28, 35)) < 0.05 * seed  # pieces, and holes
    labels = np.where(noise, 0, random_labels(seed))
    write_labelme(tmp_path / "a.json", labels, "a.tif")
    found = read_labelme(tmp_path / "a.json")
    pairs = np.unique(np.stack([labels.ravel(), found.ravel()]), axis=1)
    assert len(pairs[0]) == len(np.unique(labels)) == len(np.unique(found))


def test_a_polygon_a_group_and_a_mask(tmp_path):
    labels = np.zeros((8, 12), np.int32)
    labels[1:3, 2:5] = 1
    labels[0, 8] = labels[2, 10] = 2
    labels[4:7, 4:8] = 3
    labels[5, 5] = 0
    (tmp_path / "out").mkdir()
    image = Image(labels, None, tmp_path / "images" / "a.tif")
    WRITER.write(tmp_path / "out" / "a.json", image, Instances(labels, np.ones(3)), Table({}))
    content = json.loads((tmp_path / "out" / "a.json").read_text())
    assert (content["imagePath"], content["imageData"]) == ("../images/a.tif", None)
    assert (content["imageHeight"], content["imageWidth"]) == (8, 12)
    shapes = content["shapes"]
    assert [shape["shape_type"] for shape in shapes] == ["polygon"] * 3 + ["mask"]
    assert [shape["group_id"] for shape in shapes] == [None, 2, 2, None]
    assert shapes[0]["points"] == [[2, 1], [5, 1], [5, 3], [2, 3]]
    assert shapes[3]["points"] == [[4, 4], [7, 6]]
    np.testing.assert_array_equal(read_labelme(tmp_path / "out" / "a.json"), labels)


def test_no_nucleus_and_no_folder(tmp_path):
    write_labelme(tmp_path / "a.json", np.zeros((3, 4), int), "a.tif")
    assert read_labelme(tmp_path / "a.json").shape == (3, 4)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"a\.json"):
        write_labelme(tmp_path / "file" / "a.json", np.zeros((3, 4), int), "a.tif")
