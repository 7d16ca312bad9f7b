import json
import zipfile

import numpy as np
import pytest
import roifile
from skimage.draw import polygon

from nucseg_tf.errors import LabelError, OutputError
from nucseg_tf.io.outlines import outlines, signed_area
from nucseg_tf.io.writers.geojson import write_geojson
from nucseg_tf.io.writers.imagej import write_imagej_rois


def fill(rings, shape):
    """Even-odd filling of (row, column) corner rings: pixel (r, c) has its centre at + 0.5."""
    inside = np.zeros(shape, bool)
    for ring in rings:
        rows, columns = polygon(ring[:, 0] - 0.5, ring[:, 1] - 0.5, shape)
        inside[rows, columns] ^= True
    return inside


def test_outline_of_an_l_by_hand():
    labels = np.array([[4, 0, 0], [4, 4, 0]])
    (ring,) = outlines(labels)[4]
    # Clockwise: along the top of the upper pixel, round the notch, back along the bottom.
    corners = [[0, 0], [0, 1], [1, 1], [1, 2], [2, 2], [2, 0]]
    start = corners.index(ring[0].tolist())
    assert ring.tolist() == corners[start:] + corners[:start]
    assert signed_area(ring) == 3


def test_filling_gives_back_random_labels_exactly():
    # Noise has every case: single pixels, holes, diagonal contacts, edges of the image.
    generator = np.random.default_rng(0)
    for _ in range(60):
        labels = generator.integers(0, 4, generator.integers(1, 14, 2))
        traced = outlines(labels)
        assert sorted(traced) == sorted(set(labels[labels > 0].tolist()))
        for label, rings in traced.items():
            np.testing.assert_array_equal(fill(rings, labels.shape), labels == label)
            assert sum(map(signed_area, rings)) == (labels == label).sum()


def test_pixels_that_touch_at_a_corner_are_pieces_of_their_own():
    rings = outlines(np.array([[1, 0], [0, 1]]))[1]
    assert [len(ring) for ring in rings] == [4, 4]


def test_no_labels_no_outlines(tmp_path):
    assert outlines(np.zeros((3, 4), int)) == {}
    write_geojson(tmp_path / "a.geojson", np.zeros((3, 4), int))
    assert json.loads((tmp_path / "a.geojson").read_text())["features"] == []
    write_imagej_rois(tmp_path / "a.zip", np.zeros((3, 4), int))
    assert zipfile.ZipFile(tmp_path / "a.zip").namelist() == []


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


def test_geojson_with_hole_pieces_and_scores(tmp_path):
    labels = np.zeros((8, 12), np.int32)
    labels[0:5, 0:5] = 1
    labels[1:4, 1:4] = 0
    labels[2, 2] = 1  # a piece inside the hole
    labels[6, 7:10] = 2
    write_geojson(tmp_path / "a.geojson", labels, scores=[0.25, 0.75])
    collection = json.loads((tmp_path / "a.geojson").read_text())
    assert collection["type"] == "FeatureCollection"
    ring, bar = collection["features"]
    assert ring["geometry"]["type"] == "MultiPolygon"
    assert sorted(len(rings) for rings in ring["geometry"]["coordinates"]) == [1, 2]
    assert bar["geometry"] == {
        "type": "Polygon",
        "coordinates": [[[7, 6], [10, 6], [10, 7], [7, 7], [7, 6]]],
    }
    assert bar["properties"]["objectType"] == "detection"
    assert bar["properties"]["classification"]["name"] == "Nucleus"
    assert bar["properties"]["measurements"] == {"score": 0.75}
    polygons = ring["geometry"]["coordinates"]
    rings = [np.array(r)[:-1, ::-1] for rings in polygons for r in rings]
    np.testing.assert_array_equal(fill(rings, labels.shape), labels == 1)


def test_too_few_scores(tmp_path):
    with pytest.raises(LabelError, match=r"a\.geojson.*each of 2 labels, got 1"):
        write_geojson(tmp_path / "a.geojson", np.array([[1, 2]]), scores=[0.5])


def test_unwritable_target(tmp_path):
    (tmp_path / "file").write_text("")
    for write in (write_geojson, write_imagej_rois):
        with pytest.raises(OutputError, match="result"):
            write(tmp_path / "file" / "result.zip", np.array([[1, 2]]))
