import zipfile
from pathlib import Path

import numpy as np
import pytest
import roifile
from reference.filled import fill

from nucseg_tf.errors import OutputError
from nucseg_tf.io.writers.imagej import WRITER, write_imagej_rois
from nucseg_tf.types import Image, Instances


def test_imagej_rois_fill_to_the_labels(tmp_path):
    labels = np.zeros((20, 30), np.int32)
    labels[2:9, 3:8] = 1
    labels[5:14, 8:25] = 2
    labels[5, 8] = 0
    labels[16:18, 1:3] = labels[16:18, 5:9] = 3
    write_imagej_rois(tmp_path / "a.zip", labels)
    rois = {roi.name: roi for roi in roifile.roiread(tmp_path / "a.zip")}
    assert list(rois) == ["0001", "0002", "0003", "0003-2"]
    back = np.zeros_like(labels)
    for name, roi in rois.items():
        back[fill([roi.coordinates()[:, ::-1]], labels.shape)] = int(name[:4])
    np.testing.assert_array_equal(back, labels)


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
    WRITER.write(
        tmp_path / "a_rois.zip", Image(labels, None, Path("a.tif")), Instances(labels, scores)
    )
    assert zipfile.ZipFile(tmp_path / "a_rois.zip").namelist() == ["0001.roi", "0002.roi"]
