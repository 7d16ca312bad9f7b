import json
import zipfile

import numpy as np
import pytest
import roifile

from nucseg_tf.errors import DataError, LabelError
from nucseg_tf.io.shapes import draw, read_shapes
from nucseg_tf.io.writers.geojson import write_geojson
from nucseg_tf.io.writers.imagej import write_imagej_rois

SHAPE = (24, 32)


def labels():
    """Two nuclei that touch, one on the edge, one with a hole."""
    found = np.zeros(SHAPE, np.int32)
    found[2:8, 3:9], found[2:8, 9:12], found[20:24, 28:32], found[10:18, 5:15] = 1, 2, 3, 4
    found[13:15, 8:11] = 0
    return found


def square(top, left, side):
    """(x, y) of its corners."""
    ends = [(left, top), (left + side, top), (left + side, top + side), (left, top + side)]
    return [[float(x), float(y)] for x, y in (*ends, ends[0])]


def feature(geometry, kind=None, **others):
    properties = {"objectType": kind} if kind else {}
    return {"type": "Feature", "geometry": geometry, "properties": properties, **others}


def polygon(*rings):
    return {"type": "Polygon", "coordinates": list(rings)}


def write(path, features, as_list=False):
    whole = features if as_list else {"type": "FeatureCollection", "features": features}
    path.write_text(json.dumps(whole))
    return path


def test_geojson_that_is_written_reads_back(tmp_path):
    write_geojson(tmp_path / "a.geojson", labels())
    np.testing.assert_array_equal(read_shapes(tmp_path / "a.geojson", SHAPE), labels())


@pytest.mark.parametrize("as_list", [False, True])
def test_of_qupath_the_nuclei_are_taken(tmp_path, as_list):
    features = [
        feature(polygon(square(0, 0, 20)), "annotation"),  # the region looked at
        feature(polygon(square(2, 3, 8)), "cell", nucleusGeometry=polygon(square(4, 5, 3))),
        feature(polygon(square(12, 14, 5), square(13, 15, 2)), "detection"),
    ]
    found = read_shapes(write(tmp_path / "a.geojson", features, as_list), SHAPE)
    expected = np.zeros(SHAPE, np.int32)
    expected[4:7, 5:8], expected[12:17, 14:19] = 1, 2
    expected[13:15, 15:17] = 0
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("kind", ["annotation", None])
def test_annotations_are_nuclei_where_there_is_nothing_else(tmp_path, kind):
    pieces = {"type": "MultiPolygon", "coordinates": [[square(1, 1, 2)], [square(6, 6, 2)]]}
    found = read_shapes(write(tmp_path / "a.geojson", [feature(pieces, kind)]), SHAPE)
    expected = np.zeros(SHAPE, np.int32)
    expected[1:3, 1:3] = expected[6:8, 6:8] = 1
    np.testing.assert_array_equal(found, expected)


def test_the_first_keeps_what_two_outlines_share():
    rings = [[np.array(square(y, x, 4))[:, ::-1]] for y, x in ((2, 2), (4, 4))]
    found = draw(None, rings, SHAPE)
    assert found[5, 5] == 1
    assert (np.bincount(found.ravel())[1:] == [16, 12]).all()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "is no JSON"),
        ("{}", "is no GeoJSON"),
        ('[{"geometry": null}]', "is no GeoJSON"),
        ('[{"geometry": {"type": "Point", "coordinates": [1, 2]}}]', "a Point has no area"),
        ('[{"geometry": {"type": "Polygon", "coordinates": [[[1, "a"]]]}}]', "is no GeoJSON"),
    ],
)
def test_geojson_of_something_else(tmp_path, content, told):
    (tmp_path / "a.geojson").write_text(content)
    with pytest.raises(DataError, match=rf"a\.geojson: .*{told}"):
        read_shapes(tmp_path / "a.geojson", SHAPE)


@pytest.mark.parametrize("corner", [(30, 2), (2, 40), (-9, 2), (2, float("nan"))])
def test_outlines_beyond_the_image_are_of_another_one(tmp_path, corner):
    path = write(tmp_path / "a.geojson", [feature(polygon(square(*corner, 4)))])
    with pytest.raises(LabelError, match=r"a\.geojson: outline 1 lies beyond.*24 x 32 px"):
        read_shapes(path, SHAPE)


def test_rois_that_are_written_read_back(tmp_path):
    write_imagej_rois(tmp_path / "a_rois.zip", labels())
    np.testing.assert_array_equal(read_shapes(tmp_path / "a_rois.zip", SHAPE), labels())


@pytest.mark.parametrize("kind", ["RECT", "OVAL", "FREEHAND", "POLYGON", "TRACED"])
def test_areas_of_imagej(tmp_path, kind):
    roi = roifile.ImagejRoi.frompoints([(5, 4), (15, 4), (15, 14), (5, 14)])
    roi.roitype = roifile.ROI_TYPE[kind]
    if kind in ("RECT", "OVAL"):
        roi.integer_coordinates = None
        roi.n_coordinates = 0
        roi.left, roi.top, roi.right, roi.bottom = 5, 4, 15, 14
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("1.roi", roi.tobytes())
        archive.writestr("notes.txt", "x")
    found = read_shapes(tmp_path / "a.zip", SHAPE)
    expected = np.zeros(SHAPE, np.int32)
    expected[4:14, 5:15] = 1
    rows, columns = np.mgrid[:24, :32] + 0.5
    disc = (rows - 9) ** 2 + (columns - 10) ** 2 <= 25
    expected = np.where(disc, expected, 0) if kind == "OVAL" else expected
    assert np.count_nonzero(found != expected) <= (8 if kind == "OVAL" else 0)


def test_what_is_no_outline_of_imagej(tmp_path):
    roi = roifile.ImagejRoi.frompoints([(5, 4), (15, 4), (15, 14)])
    roi.roitype = roifile.ROI_TYPE.POINT
    for name, content, told in (
        ("point", roi.tobytes(), "a point has no area"),
        ("damaged", b"Iout" + bytes(9), "is no ROI"),
        ("text", b"x", "is no ROI"),
    ):
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            archive.writestr(f"{name}.roi", content)
        with pytest.raises(DataError, match=rf"a\.zip: {name}\.roi: .*{told}"):
            read_shapes(tmp_path / "a.zip", SHAPE)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("notes.txt", "x")
    with pytest.raises(LabelError, match=r"a\.zip: has no ROIs"):
        read_shapes(tmp_path / "a.zip", SHAPE)
