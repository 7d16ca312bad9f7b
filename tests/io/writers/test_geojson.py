import json
from pathlib import Path

import numpy as np
import pytest
from reference.filled import fill

from nucseg_tf.errors import LabelError, OutputError
from nucseg_tf.io.tables import Table
from nucseg_tf.io.writers.geojson import WRITER, write_geojson
from nucseg_tf.types import Image, Instances


def test_geojson_with_hole_pieces_and_scores(tmp_path):
    labels = np.zeros((8, 12), np.int32)
    labels[0:5, 0:5] = 1
    labels[1:4, 1:4] = 0
    labels[2, 2] = 1  # a piece inside the hole
    labels[6, 7:10] = 2
    write_geojson(tmp_path / "a.geojson", labels, {"score": np.array([0.25, 0.75])})
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


def test_too_few_numbers(tmp_path):
    with pytest.raises(LabelError, match=r"a\.geojson.*score of each of 2 labels, got 1"):
        write_geojson(tmp_path / "a.geojson", np.array([[1, 2]]), {"score": np.array([0.5])})


def test_no_labels_no_features(tmp_path):
    write_geojson(tmp_path / "a.geojson", np.zeros((3, 4), int))
    assert json.loads((tmp_path / "a.geojson").read_text())["features"] == []


def test_unwritable_target(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="result"):
        write_geojson(tmp_path / "file" / "result.zip", np.array([[1, 2]]))


def test_numbers_that_are_not_finite_are_left_out(tmp_path):
    numbers = {"a": np.array([np.nan, 1]), "b": np.array([np.inf, 0.1234567891])}
    write_geojson(tmp_path / "a.geojson", np.array([[1, 2]]), numbers)
    first, second = json.loads((tmp_path / "a.geojson").read_text())["features"]
    assert "measurements" not in first["properties"]
    assert second["properties"]["measurements"] == {"a": 1, "b": 0.123456789}


def test_writer_gives_what_is_measured(tmp_path):
    assert WRITER.ending == ".geojson"
    labels = np.array([[0, 2, 1]], np.int32)
    columns = {"image": np.array(["a", "a"], object), "z": np.array([4, 4]), "zoom": np.ones(2)}
    columns |= {"score": np.float32([0.5, 0.75]), "touches_edge": np.array([True, False])}
    image = Image(labels, None, Path("a.tif"), origin={"image": "a", "z": 4})
    found = Instances(labels, columns["score"])
    WRITER.write(tmp_path / "a.geojson", image, found, Table(columns))
    features = json.loads((tmp_path / "a.geojson").read_text())["features"]
    assert [f["properties"]["measurements"] for f in features] == [
        {"score": 0.5, "touches_edge": 1},
        {"score": 0.75, "touches_edge": 0},
    ]
