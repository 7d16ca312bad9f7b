import zipfile
from pathlib import Path

import numpy as np
import pytest
import roifile

from nucseg_tf.errors import LabelError, OutputError
from nucseg_tf.io.shapes import read_shapes
from nucseg_tf.io.tables import Table
from nucseg_tf.io.writers.imagej import WRITER, write_imagej_rois
from nucseg_tf.types import Image, Instances


def test_imagej_rois_fill_to_the_labels(tmp_path):
    labels = np.zeros((20, 30), np.int32)
    labels[2:9, 3:8] = 1
    labels[5:14, 8:25] = 2
    labels[7, 12] = 0
    labels[16:18, 1:3] = labels[16:18, 5:9] = 3
    write_imagej_rois(tmp_path / "a.zip", labels)
    rois = {roi.name: roi for roi in roifile.roiread(tmp_path / "a.zip")}
    assert list(rois) == ["0001", "0002", "0003"]
    assert [roi.roitype.name for roi in rois.values()] == ["TRACED", "RECT", "RECT"]
    np.testing.assert_array_equal(read_shapes(tmp_path / "a.zip", labels.shape), labels)
    assert {roi.props for roi in rois.values()} == {""}


def test_confidence_and_place_in_a_stack(tmp_path):
    labels = np.array([[1, 2, 1]])
    write_imagej_rois(tmp_path / "a.zip", labels, scores=[0.93, 0.5], t=4, z=0)
    write_imagej_rois(tmp_path / "b.zip", labels, t=4)
    first, second = roifile.roiread(tmp_path / "a.zip")
    assert (first.props, second.props) == ("confidence: 0.9300\n", "confidence: 0.5000\n")
    assert (first.c_position, first.z_position, first.t_position) == (0, 1, 5)
    projected = roifile.roiread(tmp_path / "b.zip")[0]  # of all planes, so on none
    assert (projected.z_position, projected.t_position) == (0, 5)


def test_too_few_scores(tmp_path):
    with pytest.raises(LabelError, match=r"a\.zip.*each of 2 labels, got 1"):
        write_imagej_rois(tmp_path / "a.zip", np.array([[1, 2]]), [0.5])


def test_no_labels_no_rois(tmp_path):
    write_imagej_rois(tmp_path / "a.zip", np.zeros((3, 4), int))
    assert zipfile.ZipFile(tmp_path / "a.zip").namelist() == []


def test_unwritable_target(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="result"):
        write_imagej_rois(tmp_path / "file" / "result.zip", np.array([[1, 2]]))


def test_writer(tmp_path):
    assert WRITER.ending == "_rois.zip"
    labels, scores = np.array([[0, 2, 1]], np.int32), np.float32([0.5, 0.75])
    image, found = Image(labels, None, Path("a.tif"), z=2), Instances(labels, scores)
    WRITER.write(tmp_path / "a_rois.zip", image, found, Table({}))
    first, second = roifile.roiread(tmp_path / "a_rois.zip")
    assert (first.name, first.props, first.z_position) == ("0001", "confidence: 0.5000\n", 3)
    assert second.name == "0002"
