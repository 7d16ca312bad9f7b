"""Each stage alone, with a family that thresholds in the place of a network."""

from __future__ import annotations

import importlib.util
import json
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from reference.drawn import drawn_nuclei

from nucseg_tf.errors import ImageReadError, UsageError
from nucseg_tf.imaging.raster import Plain
from nucseg_tf.imaging.window import Window
from nucseg_tf.inference.options import Options
from nucseg_tf.inference.stages import scale as scale_stage
from nucseg_tf.inference.stages.decode import Decode
from nucseg_tf.inference.stages.measure import Measure
from nucseg_tf.inference.stages.network import Network
from nucseg_tf.inference.stages.read import Read
from nucseg_tf.inference.stages.scale import Scale, find_zoom
from nucseg_tf.inference.stages.values import Found, Level, Measured, Predicted, Scaled
from nucseg_tf.inference.stages.write import Write, remove_results
from nucseg_tf.io.labels import read_labels
from nucseg_tf.io.sources import FileSource, find_views
from nucseg_tf.models.confidence import Confidence
from nucseg_tf.models.zoo import ModelInfo
from nucseg_tf.scale.estimate import Diameter
from nucseg_tf.scale.regions import Regions
from nucseg_tf.schema import of_family
from nucseg_tf.types import Image, Instances

PLUGIN = Path(__file__).parents[2] / "plugins" / "nucseg_toy.py"


@pytest.fixture(scope="module")
def toy_family():
    spec = importlib.util.spec_from_file_location("nucseg_toy", PLUGIN)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where pydantic looks for its annotations
    spec.loader.exec_module(module)
    return module.FAMILY


@pytest.fixture
def image() -> Image:
    return Image(drawn_nuclei()[0], None, Path("drawn.tif"))


@pytest.fixture(scope="module")
def info() -> ModelInfo:
    schema = of_family(ModelInfo, "fpn2ws")
    return schema(name="m", architecture={"family": "fpn2ws"}, diameter=20.0, pixel_size=0.5)


def test_read_gives_the_plane_that_was_chosen(tmp_path):
    stack = np.arange(24, dtype=np.uint16).reshape(2, 3, 4)
    tifffile.imwrite(tmp_path / "s.tif", stack, metadata={"axes": "ZYX"}, imagej=True)
    image = Read(Options(z=1, pixel_size=0.3))(tmp_path / "s.tif")
    np.testing.assert_array_equal(image.pixels, stack[1])
    assert image.pixel_size == 0.3
    bad = np.full((3, 4), np.nan, np.float32)
    tifffile.imwrite(tmp_path / "bad.tif", bad)
    with pytest.raises(ImageReadError, match=r"bad\.tif: 12 of 12 pixels are not finite"):
        Read(Options())(tmp_path / "bad.tif")


@pytest.mark.parametrize("invert", [False, True])
def test_a_bright_background_is_told_of_once_a_stack(tmp_path, caplog, invert):
    stack = np.full((3, 40, 50), 30, np.uint8)
    stack[:, 10:20, 10:20] = 200
    tifffile.imwrite(tmp_path / "a.tif", stack if invert else 255 - stack, photometric="minisblack")
    options = Options(z="each", invert=invert)
    read = Read(options)
    for view in find_views(FileSource(tmp_path / "a.tif"), options.choice).views:
        read(view)
    hint = "leave --invert out" if invert else "where nuclei are dark, use --invert"
    (said,) = caplog.messages
    assert said.startswith(f"{tmp_path / 'a.tif'}: ")
    assert hint in said


def test_scale_brings_percentiles_to_0_and_1_and_nuclei_to_their_size(image, info):
    scaled = Scale(info, Options(diameter=10))(image)
    assert scaled.image.zoom == 2.0
    assert scaled.pixels.shape == (144, 192)
    plain = Scale(info, Options())(image)
    assert plain.image.zoom == 1.0
    seen = plain.pixels.read(Window.whole(plain.pixels.shape))
    assert seen.dtype == np.float32
    assert np.percentile(seen, (1, 99.8)) == pytest.approx([0, 1], abs=0.02)
    assert plain.image.pixels is image.pixels
    assert (scaled.image.zoom, plain.image.zoom, plain.image.diameter) == (2.0, 1.0, None)


def test_a_model_may_ask_for_the_diameter_to_be_found(image, info, monkeypatch):
    monkeypatch.setattr(scale_stage, "find_diameter", lambda *_: Diameter(10.0, 1.1))
    asks = info.model_copy(update={"find_diameter": True, "pixel_size": None})
    scaled = Scale(asks, Options())(image)
    assert (scaled.image.zoom, scaled.image.diameter) == (2.0, 10.0)
    assert Scale(asks, Options(diameter="native"))(image).image.zoom == 1.0
    given = Scale(asks, Options(diameter=40))(image).image
    assert (given.zoom, given.diameter) == (0.5, 40.0)
    assert Scale(info, Options(diameter="auto"))(image).image.zoom == 2.0
    assert Scale(info, Options())(image).image.diameter is None
    sized = replace(image, pixel_size=1.0)
    known = info.model_copy(update={"find_diameter": True})
    assert Scale(known, Options())(sized).image.zoom == 2.0  # by pixel size: the model has one
    assert Scale(known, Options())(sized).image.diameter is None
    monkeypatch.setattr(scale_stage, "find_diameter", lambda *_: None)
    assert Scale(asks, Options())(image).image.zoom == 1.0
    monkeypatch.setattr(scale_stage, "find_diameter", lambda *_: Diameter(900.0, 1.1))
    assert Scale(asks, Options())(image).image.zoom == 1 / 8


def test_the_family_is_told_where_nuclei_have_the_size_that_it_knows(image, toy_family):
    seen = []

    class Told(type(toy_family)):
        def at_scale(self, thresholds):
            return "at scale"

    def run(pixels, tile, tta, thresholds):
        seen.append(thresholds)
        return pixels.pixels[..., None]

    network = Network(Told(), run, Options(), "any")
    pixels = Plain(np.ones((72, 96), np.float32))
    network(Scaled(image, pixels))
    network(Scaled(replace(image, diameter=20.0), pixels))
    network(Scaled(replace(image, diameter=20.0), pixels, (Level(1.0, pixels),), REGIONS))
    assert seen == ["any", "at scale", "at scale", "at scale"]


REGIONS = Regions((10.0, 40.0), (0.3, 0.7), np.log2(np.array([[40.0, 10.0], [40.0, 10.0]])))


def test_regions_of_other_sizes_are_brought_to_the_model_each(image, info, monkeypatch):
    found = Diameter(12.0, 2.0, REGIONS)
    monkeypatch.setattr(scale_stage, "find_diameter", lambda *_: found)
    scaled = Scale(info, Options(diameter="auto"))(image)
    assert (scaled.image.zoom, scaled.image.diameter) == (0.5, 40.0)  # what is most comes first
    assert scaled.pixels.shape == (36, 48)
    assert [(level.zoom, level.data.shape) for level in scaled.further] == [(2.0, (144, 192))]
    assert scaled.regions is REGIONS
    plain = Scale(info, Options(diameter="native"))(image)
    assert (plain.further, plain.regions) == ((), None)


def test_each_region_takes_its_nuclei_from_its_own_zoom(image, toy_family):
    """The toy sees all that is bright at any zoom; each nucleus is taken once, and says where."""
    bright = np.zeros((128, 128), np.float32)
    bright[20:60, 10:50] = bright[100:110, 100:110] = 1
    field = replace(image, pixels=bright, zoom=0.5, diameter=40.0)
    levels = [Plain(cv2.resize(bright, None, fx=zoom, fy=zoom)) for zoom in (0.5, 2)]
    scaled = Scaled(field, levels[0], (Level(2.0, levels[1]),), REGIONS)
    thresholds = toy_family.thresholds(bright=0.5)
    network = Network(
        toy_family, lambda source, *_: source.pixels[..., None], Options(), thresholds
    )
    found = Decode(toy_family, thresholds, 20.0)(network(scaled))
    assert found.zooms.tolist() == [0.5, 2.0]
    table = Measure()(found).table
    assert table["zoom"].tolist() == [0.5, 2.0]
    assert table["diameter"].tolist() == [40.0, 10.0]
    assert table["area_px"].tolist() == pytest.approx([1600, 100], rel=0.1)


@pytest.mark.parametrize(
    ("pixel_size", "diameter", "zoom"),
    [(None, None, 1), (1.0, None, 2), (1.0, 40, 0.5), (0.505, None, 1), (None, 2.5, 8)],
)
def test_zoom_by_diameter_or_pixel_size(info, pixel_size, diameter, zoom):
    assert find_zoom(info, pixel_size, diameter) == zoom


@pytest.mark.parametrize("wrong", [(0.0, None), (None, -1.0), (None, float("nan")), (None, 2.0)])
def test_zooms_that_make_no_sense(info, wrong):
    with pytest.raises(UsageError, match=r"--diameter|--pixel-size"):
        find_zoom(info, *wrong)


def test_network_undoes_the_zoom_and_spares_an_empty_image(image, toy_family):
    calls = []

    def run(pixels, tile, tta, thresholds):
        calls.append((pixels.shape, tile, tta))
        return np.ones((*pixels.shape, 1), np.float32)

    network = Network(toy_family, run, Options(tile=512, tta=2), toy_family.thresholds())
    seen = Plain(np.ones((144, 192), np.float32))
    predicted = network(Scaled(replace(image, zoom=2.0), seen))
    whole = Window.whole((72, 96))
    assert toy_family.maps_of(predicted.raw, whole).shape == (72, 96, 1)
    assert calls == [((144, 192), 512, 2)]
    empty = network(Scaled(replace(image, zoom=2.0), None))
    maps = toy_family.maps_of(empty.raw, whole)
    assert maps.shape == (72, 96, 1)
    assert not maps.any()
    assert len(calls) == 1


def test_decode_measure_and_write(image, toy_family, tmp_path, caplog):
    bright = (image.pixels > 70).astype(np.float32)[..., None]
    network = Network(toy_family, lambda *_: bright, Options(), toy_family.thresholds())
    decode = Decode(toy_family, toy_family.thresholds(), 20.0)
    found = decode(network(Scaled(image, Plain(bright[..., 0]))))
    assert isinstance(found, Found)
    measured = Measure()(found)
    assert isinstance(measured, Measured)
    assert len(measured.table) == found.instances.labels.max() >= 3
    assert [*measured.table.columns][:4] == ["image", "diameter", "zoom", "label"]
    assert set(measured.table["image"]) == {"drawn.tif"}
    assert np.isnan(measured.table["diameter"]).all()
    assert set(measured.table["zoom"]) == {1.0}
    written = Write(tmp_path, ["geojson"])(measured)
    assert written.shape == (72, 96)
    assert {file.name for file in tmp_path.iterdir()} == {"drawn_labels.tif", "drawn.geojson"}
    stored = read_labels(tmp_path / "drawn_labels.tif")
    np.testing.assert_array_equal(stored, found.instances.labels)
    remove_results(tmp_path, image.path.stem)
    assert not list(tmp_path.iterdir())


def test_confidence_replaces_scores_wherever_they_go(image, toy_family, tmp_path):
    fitted = Confidence(
        iou=0.7,
        intercept=0.5,
        weights={"size": -3.0, "evenness": 0.1},
        fields=9,
        nuclei=99,
        raw={"auc": 0.5, "ece": 0.5},
        cross_validated={"auc": 0.9, "ece": 0.1},
    )
    bright = (image.pixels > 70).astype(np.float32)[..., None]
    thresholds = toy_family.thresholds()
    raw = Decode(toy_family, thresholds, 20.0)(Predicted(image, bright))
    found = Decode(toy_family, thresholds, 20.0, fitted)(Predicted(image, bright))
    np.testing.assert_array_equal(found.instances.labels, raw.instances.labels)
    measured, before = Measure()(found), Measure()(raw)
    area = before.table["area_px"]
    size = np.minimum(np.abs(np.log(area / np.median(area))), 1)
    number = np.arange(1, len(area) + 1)
    expected = 1 / (1 + np.exp(-(0.5 - 3 * size + 0.1 * number)))
    np.testing.assert_allclose(found.instances.scores, expected, rtol=1e-5)
    np.testing.assert_allclose(measured.table["score"], expected, rtol=1e-5)
    for name, column in before.table.columns.items():
        if name != "score":
            np.testing.assert_array_equal(measured.table[name], column)
    Write(tmp_path, ["geojson"])(measured)
    features = json.loads((tmp_path / "drawn.geojson").read_text())["features"]
    stored = [feature["properties"]["measurements"]["score"] for feature in features]
    np.testing.assert_allclose(stored, expected, atol=1e-4)
    nothing = Decode(toy_family, thresholds, 20.0, fitted)(Predicted(image, 0 * bright))
    assert len(nothing.instances.scores) == 0


def test_rows_have_the_diameter_and_the_zoom_of_their_image(image):
    one = Instances(np.ones(image.pixels.shape, np.int32), np.ones(1, np.float32))
    scaled = replace(image, diameter=23.456, zoom=0.71234567)
    table = Measure()(Found(scaled, one)).table
    assert (table["diameter"].tolist(), table["zoom"].tolist()) == ([23.5], [0.7123])


def test_limits_of_area_are_meant_at_the_scale_of_the_network(image, toy_family):
    bright = np.zeros((72, 96, 1), np.float32)
    bright[10:13, 10:13] = bright[40:46, 40:46] = 1  # 9 and 36 px, 36 and 144 at a zoom of 2
    limits = toy_family.thresholds(min_area=40, max_area=0)
    decode = Decode(toy_family, limits, 20.0)
    assert len(decode(Predicted(image, bright)).instances.scores) == 0
    assert len(decode(Predicted(replace(image, zoom=2.0), bright)).instances.scores) == 1
    assert len(decode(Predicted(replace(image, zoom=4.0), bright)).instances.scores) == 2


@pytest.mark.parametrize(
    ("limits", "zoom", "expected"),
    [((20, 0), 2.0, (5, 0)), ((20, 900), 0.5, (80, 3600)), ((0, 3), 8.0, (0, 1))],
)
def test_areas_in_px_of_the_image(toy_family, limits, zoom, expected):
    at = toy_family.thresholds(min_area=limits[0], max_area=limits[1]).at(zoom)
    assert (at.min_area, at.max_area) == expected


def test_an_image_without_nuclei_is_a_warning(image, caplog):
    none = Instances(np.zeros(image.pixels.shape, np.int32), np.zeros(0, np.float32))
    assert len(Measure()(Found(image, none)).table) == 0
    assert "drawn.tif: no nucleus found" in caplog.text


def test_an_unknown_writer_is_refused_before_anything_is_done(tmp_path):
    with pytest.raises(UsageError, match="no writer 'overly'; did you mean 'overlay'"):
        Write(tmp_path, ["overly"])
