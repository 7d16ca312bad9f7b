"""Images and labels of single fields."""

import numpy as np
import pytest
from reference.pairs import picture, save, two_nuclei

from nucseg_tf.data.fields import load_field
from nucseg_tf.data.manifest import find_fields
from nucseg_tf.data.regions import mark_unknown, write_regions
from nucseg_tf.data.validate import validate
from nucseg_tf.errors import ImageReadError, LabelError
from nucseg_tf.types import IGNORED, Field


def test_load_field_checks_the_shape(tmp_path):
    image, mask = tmp_path / "a.tif", tmp_path / "a_masks.tif"
    save(image, picture())
    save(mask, two_nuclei((8, 10)))
    with pytest.raises(LabelError, match=r"a_masks\.tif: shape \(8, 10\) .*\(8, 9\) .*a\.tif"):
        load_field(Field("a", image, (mask,)))
    save(mask, two_nuclei())
    pixels, labels = load_field(Field("a", image, (mask,)))
    assert pixels.dtype == np.uint16
    assert labels.dtype == np.int32
    save(image, np.full((8, 9), np.nan, np.float32))
    with pytest.raises(ImageReadError, match=r"a\.tif: 72 of 72"):
        load_field(Field("a", image, (mask,)))


def test_connected_pieces_of_a_binary_mask_are_nuclei_on_request(tmp_path):
    save(tmp_path / "images" / "a.tif", picture())
    save(tmp_path / "masks" / "a.tif", ((two_nuclei() > 0) * 255).astype(np.uint8))
    (field,) = find_fields(tmp_path)
    assert np.unique(load_field(field)[1]).tolist() == [0, 255]
    np.testing.assert_array_equal(load_field(field, split_binary=True)[1], two_nuclei())
    assert "--split-binary" in str(validate(tmp_path).problems[0])
    assert validate(tmp_path, split_binary=True).problems == ()


def test_labels_are_never_split(tmp_path):
    labels = two_nuclei()
    labels[7, 0] = 1  # another piece of a nucleus
    save(tmp_path / "images" / "a.tif", picture())
    save(tmp_path / "masks" / "a.tif", labels)
    (field,) = find_fields(tmp_path)
    np.testing.assert_array_equal(load_field(field, split_binary=True)[1], labels)


def test_dark_and_bright_are_exchanged_on_request(tmp_path):
    save(tmp_path / "images" / "a.tif", picture())
    save(tmp_path / "masks" / "a.tif", two_nuclei())
    (field,) = find_fields(tmp_path)
    np.testing.assert_array_equal(load_field(field, invert=True)[0], 65535 - picture())


def test_a_binary_mask_is_split_before_its_regions_are_looked_at(tmp_path):
    save(tmp_path / "images" / "a.tif", picture())
    save(tmp_path / "masks" / "a.tif", ((two_nuclei() > 0) * 255).astype(np.uint8))
    rows, columns = np.nonzero(two_nuclei() == 1)
    box = (int(rows.min()), int(columns.min()), int(rows.max()) + 1, int(columns.max()) + 1)
    write_regions(tmp_path / "masks" / "a.tif", [box])
    (field,) = find_fields(tmp_path)
    labels = load_field(field, split_binary=True)[1]
    np.testing.assert_array_equal(labels, mark_unknown(two_nuclei(), [box]))
    assert IGNORED in labels
