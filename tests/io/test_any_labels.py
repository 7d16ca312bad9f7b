"""Labels of any program, by one reader."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest
from reference import odd_files

from nucseg_tf.io.any_labels import has_outlines, holds_labels, read_any_labels


def fail():
    raise RuntimeError("the size of the image is not asked for")


@pytest.mark.parametrize("case", [case for case in odd_files.LABELS if case.exact])
def test_all_give_the_same_nuclei(case, tmp_path):
    _, labels = odd_files.drawn()
    case.draw(tmp_path / case.file, labels)
    path = tmp_path / case.file
    shape = (lambda: labels.shape) if has_outlines(path) else fail
    found = read_any_labels(path, shape, **case.options)
    np.testing.assert_array_equal(found > 0, labels > 0)
    assert len(np.unique(found)) == len(np.unique(labels))


def test_an_archive_is_labels_if_there_are_outlines_in_it(tmp_path):
    for name, member in (("a.zip", "1.roi"), ("b.zip", "notes.txt")):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr(member, b"")
    (tmp_path / "c.zip").write_bytes(b"none")
    assert holds_labels(tmp_path / "a.zip")
    assert not any(holds_labels(tmp_path / name) for name in ("b.zip", "c.zip", "d.zip", "a.tif"))
    assert holds_labels(tmp_path / "a_seg.npy")
