"""GeoJSON by the rules of QuPath's importer, which are those of its class PathObjectTypeAdapters.

QuPath itself is not here: its rules are written down in `check`, and shapely, whose geometry engine
is a port of the one in QuPath, says whether it takes the outlines.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from shapely.geometry import shape

from nucseg_tf.inference.measure import measure_instances
from nucseg_tf.inference.stages.measure import add_image
from nucseg_tf.io.writers.geojson import WRITER, write_geojson
from nucseg_tf.types import Image, Instances


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


def check(path: Path, labels: np.ndarray) -> list[dict]:
    """The features of a file, each of which holds the very pixels of its label."""
    content = json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)
    assert content["type"] == "FeatureCollection"
    for feature in content["features"]:
        assert feature["type"] == "Feature"
        assert "id" not in feature  # which would have to be a UUID, of no other object
        properties = feature["properties"]
        assert properties["objectType"] == "detection"
        assert set(properties) <= {"objectType", "name", "classification", "measurements"}
        assert isinstance(properties["name"], str)
        kind = properties["classification"]
        assert kind["name"] == "Nucleus"
        assert all(isinstance(level, int) and 0 <= level < 256 for level in kind["color"])
        for name, value in properties.get("measurements", {}).items():
            assert name
            assert isinstance(value, float)
            assert math.isfinite(value)
        geometry = shape(feature["geometry"])
        assert geometry.geom_type in ("Polygon", "MultiPolygon")
        assert geometry.is_valid
        pixels = np.argwhere(labels == int(properties["name"]))
        assert geometry.area == len(pixels)
        low, high = pixels.min(0), pixels.max(0) + 1
        assert geometry.bounds == (low[1], low[0], high[1], high[0])
    return content["features"]


def test_any_labels_make_valid_outlines(tmp_path):
    # Noise has every case: holes that touch each other, or the outside, at a corner; pieces.
    generator = np.random.default_rng(0)
    for _ in range(40):
        labels = generator.integers(0, 3, generator.integers(2, 14, 2)).astype(np.int32)
        labels[generator.random(labels.shape) < generator.random()] = 1
        write_geojson(tmp_path / "a.geojson", labels)
        assert len(check(tmp_path / "a.geojson", labels)) == len(np.unique(labels[labels > 0]))


@pytest.mark.parametrize(
    ("origin", "plane"),
    [
        ({}, None),
        ({"z": 0}, None),
        ({"z": 3}, {"c": -1, "z": 3, "t": 0}),
        ({"t": 2, "z": 1}, {"c": -1, "z": 1, "t": 2}),
        ({"t": 2}, {"c": -1, "z": 0, "t": 2}),
    ],
)
def test_outlines_lie_on_their_plane(tmp_path, origin, plane):
    labels = np.array([[1, 1, 0, 2]], np.int32)
    field = Image(labels.astype(np.uint8), None, Path("a.tif"), **origin)
    found = Instances(labels, np.float32([0.75, 0.5]))
    WRITER.write(tmp_path / "a.geojson", field, found, measure_instances(field, found))
    features = check(tmp_path / "a.geojson", labels)
    assert [feature["geometry"].get("plane") for feature in features] == [plane, plane]


@pytest.mark.parametrize("pixel_size", [None, 0.5])
def test_measurements_are_those_of_the_table(tmp_path, pixel_size):
    labels = np.zeros((40, 50), np.int32)
    labels[5:15, 5:12], labels[20:31, 30:44] = 1, 2
    image = np.random.default_rng(0).integers(0, 255, labels.shape).astype(np.uint8)
    field = Image(image, pixel_size, Path("a.tif"), origin={"image": "a.tif", "t": 3})
    found = Instances(labels, np.float32([0.75, 0.5]))
    table = add_image(measure_instances(field, found), field)
    WRITER.write(tmp_path / "a.geojson", field, found, table)
    first, second = (f["properties"]["measurements"] for f in check(tmp_path / "a.geojson", labels))
    assert (first["score"], second["score"]) == (0.75, 0.5)
    assert (first["area_px"], second["area_px"]) == (70, 154)
    assert first.get("area_um2") == (None if pixel_size is None else 17.5)
    assert second["touches_edge"] == 0
    assert second["intensity_mean"] == pytest.approx(image[labels == 2].mean())
    assert not {"t", "image", "label", "centroid_row", "bbox_x0", "zoom"} & set(first)
    rows = dict(zip(table.columns, list(table.rows())[1], strict=True))
    assert all(float(rows[name]) == value for name, value in second.items() if rows[name][0] != "F")
