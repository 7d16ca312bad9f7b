import json
from pathlib import Path

import numpy as np
import pytest
from reference.filled import fill

from nucseg_tf.errors import LabelError, OutputError
from nucseg_tf.io.writers.geojson import WRITER, write_geojson
from nucseg_tf.types import Image, Instances


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


def test_no_labels_no_features(tmp_path):
    write_geojson(tmp_path / "a.geojson", np.zeros((3, 4), int))
    assert json.loads((tmp_path / "a.geojson").read_text())["features"] == []


def test_unwritable_target(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="result"):
        write_geojson(tmp_path / "file" / "result.zip", np.array([[1, 2]]))


def test_writer_gives_the_scores(tmp_path):
    assert WRITER.ending == ".geojson"
    labels, scores = np.array([[0, 2, 1]], np.int32), np.float32([0.5, 0.75])
    WRITER.write(
        tmp_path / "a.geojson", Image(labels, None, Path("a.tif")), Instances(labels, scores)
    )
    features = json.loads((tmp_path / "a.geojson").read_text())["features"]
    assert [f["properties"]["measurements"]["score"] for f in features] == [0.5, 0.75]
