"""What is written is what is read again, for small labels and texts of all kinds."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn

from nucseg_tf.annotation.editor.patches import LabelMap
from nucseg_tf.annotation.editor.planes import PlaneChoice, read_choice, write_choice
from nucseg_tf.annotation.exchange import coco, supervisely
from nucseg_tf.annotation.exchange.bitmaps import Bitmap, encode_bitmap, place_bitmap
from nucseg_tf.annotation.exchange.drawn import Drawn, tight
from nucseg_tf.annotation.exchange.polygons import Polygon, place_polygons, to_points
from nucseg_tf.annotation.exchange.regions import Region
from nucseg_tf.annotation.exchange.rle import Runs, encode_runs, place_runs
from nucseg_tf.annotation.exchange.sidecar import ExportedField, pack
from nucseg_tf.data.regions import format_regions, parse_regions, read_regions, write_regions
from nucseg_tf.io.boxes import find_nuclei
from nucseg_tf.io.choices import parse
from nucseg_tf.io.labels import read_labels, relabel, write_labels
from nucseg_tf.io.names import stem_of
from nucseg_tf.io.outlines import nested, outlines, signed_area
from nucseg_tf.io.plates.wells import SIZES, parse_well, well_name
from nucseg_tf.io.polygons import polygon_mask
from nucseg_tf.io.runs import from_runs, to_runs
from nucseg_tf.io.shapes import read_shapes
from nucseg_tf.io.writers.geojson import write_geojson
from nucseg_tf.io.writers.imagej import write_imagej_rois

SHAPES = stn.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=9)
LABELS = stn.arrays(np.int32, SHAPES, elements=st.integers(0, 4))
MASKS = stn.arrays(bool, SHAPES)
BOXES = st.lists(
    st.tuples(*[st.integers(0, 40)] * 2, *[st.integers(41, 90)] * 2), min_size=1, max_size=4
)


def drawn(mask: np.ndarray, shape: tuple[int, int] = (14, 15)) -> Drawn | None:
    """A mask as a nucleus at (3, 2); None without pixels."""
    top, left, inner = tight(mask, 3, 2)
    return Drawn(top, left, inner) if inner.size else None


def same(nucleus: Drawn, place: tuple[int, int, np.ndarray]) -> None:
    assert place[:2] == (nucleus.top, nucleus.left)
    np.testing.assert_array_equal(place[2], nucleus.mask)


@given(LABELS)
def test_runs(labels):
    np.testing.assert_array_equal(from_runs(to_runs(labels), labels.shape), labels)


@given(LABELS)
def test_exported_labels(labels):
    nuclei = tuple(find_nuclei(labels))
    box = (0, 0, *labels.shape)
    field = ExportedField(
        "", "a", None, labels.shape, pack(labels), {"a": Region(box, box, nuclei)}
    )
    np.testing.assert_array_equal(field.labels(), labels)


@given(MASKS)
def test_masks_of_tools(mask):
    nucleus, shape = drawn(mask), (14, 15)
    if nucleus is None:
        return
    same(nucleus, place_runs(Runs(size=shape, counts=encode_runs(nucleus, shape)), shape, "a"))
    bitmap = Bitmap(data=encode_bitmap(nucleus.mask), origin=(nucleus.left, nucleus.top))
    same(nucleus, place_bitmap(bitmap, shape, "a"))
    points = to_points(nucleus)
    if points is not None:
        same(nucleus, place_polygons([Polygon(**points)], shape, "a"))
    for polygons in (False, True):
        entry = coco.instances([("a", shape, [nucleus])], polygons)["annotations"][0]
        assert entry["area"] == mask.sum()
        item = supervisely.annotation([nucleus], shape, "", polygons)["objects"][0]
        json.dumps(item)


@given(LABELS)
def test_outlines_fill_what_they_were_traced_around(labels):
    for label, rings in outlines(labels).items():
        filled = np.zeros(labels.shape, int)
        for ring in rings:
            box, mask = polygon_mask(ring.astype(float), labels.shape)
            filled[box[0] : box[2], box[1] : box[3]] += mask
        np.testing.assert_array_equal(filled % 2 == 1, labels == label)
        assert sum(map(signed_area, rings)) == (labels == label).sum()
        assert sum(1 + len(holes) for _, holes in nested(rings)) == len(rings)


@given(LABELS)
def test_geojson_and_rois(tmp_path_factory, labels):
    folder = tmp_path_factory.getbasetemp()
    labels = relabel(labels)
    write_geojson(folder / "a.geojson", labels)
    np.testing.assert_array_equal(read_shapes(folder / "a.geojson", labels.shape), labels)
    if not labels.any():
        return
    write_imagej_rois(folder / "a.zip", labels)
    np.testing.assert_array_equal(read_shapes(folder / "a.zip", labels.shape), labels)


@given(LABELS, st.sampled_from([1, 60_000, 2**20]), st.none() | st.floats(0.01, 100))
def test_label_images(tmp_path_factory, labels, factor, pixel_size):
    path = tmp_path_factory.getbasetemp() / "labels.tif"
    write_labels(path, labels * factor, pixel_size)
    np.testing.assert_array_equal(read_labels(path), labels * factor)


@given(LABELS, LABELS)
def test_a_patch_there_and_back(before, after):
    height, width = (min(sides) for sides in zip(before.shape, after.shape, strict=True))
    before, after = before[:height, :width], after[:height, :width]
    labels = LabelMap(before)
    patch = labels.patch((0, 0, height, width), after)
    if patch is None:
        np.testing.assert_array_equal(before, after)
        return
    for values, expected in ((patch.after, after), (patch.before, before)):
        labels.apply(patch.box, values)
        np.testing.assert_array_equal(labels.pixels, expected)
        assert labels.nuclei == find_nuclei(expected)
    assert labels.next_label > max(before.max(), after.max())


@given(BOXES)
def test_regions(tmp_path_factory, boxes):
    assert parse_regions(format_regions(boxes)) == tuple(boxes)
    mask = tmp_path_factory.getbasetemp() / "mask.tif"
    write_regions(mask, boxes)
    assert read_regions(mask) == tuple(boxes)


@given(st.integers(1, SIZES[-1][0]), st.integers(1, SIZES[-1][1]))
def test_wells(row, column):
    assert parse_well(well_name(row, column)) == (row, column)


INDEX = st.none() | st.integers(0, 99) | st.sampled_from(["max", "each"])


@given(INDEX, INDEX, st.none() | st.text(min_size=1, max_size=5), st.booleans())
def test_choices(z, t, channel, invert):
    t = None if t == "max" else t
    choice = parse(channel, z, t, invert=invert)
    again = parse(*(None if v is None else str(v) for v in (choice.channel, choice.z, choice.t)))
    assert (again.channel, again.z, again.t) == (choice.channel, choice.z, choice.t)


@given(st.text(max_size=8), st.sampled_from([None, "0", "max", "focus"]), st.booleans())
def test_planes_of_a_project(tmp_path_factory, channel, z, invert):
    choice = PlaneChoice(channel or None, z, None, invert)
    try:
        channel.encode()
    except UnicodeEncodeError:
        return
    write_choice(tmp_path_factory.getbasetemp(), choice)
    assert read_choice(tmp_path_factory.getbasetemp()) == choice


@given(st.text("ab.é ", min_size=1, max_size=6), st.sampled_from([".tif", ".ome.tif", ".png"]))
def test_stems(tmp_path_factory, name, suffix):
    path = tmp_path_factory.getbasetemp() / f"x{name}{suffix}"
    stem = stem_of(path)
    assert f"x{name}{suffix}".startswith(stem)
    assert "/" not in stem
