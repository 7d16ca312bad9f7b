from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from reference.blobs import blobs
from skimage.measure import regionprops

from nucseg_tf.errors import LabelError, UsageError
from nucseg_tf.imaging import pieces
from nucseg_tf.imaging import scratch as store
from nucseg_tf.imaging.scratch import is_mapped, scratch
from nucseg_tf.inference.measure import Ring, measure, measure_columns, measure_instances
from nucseg_tf.types import Image, Instances

SAME = {
    "area_px": "area",
    "eccentricity": "eccentricity",
    "mean_intensity": "intensity_mean",
    "solidity": "solidity",
    "perimeter": "perimeter",
    "major_axis": "axis_major_length",
    "intensity_mean": "intensity_mean",
    "intensity_std": "intensity_std",
    "intensity_min": "intensity_min",
    "intensity_max": "intensity_max",
}

# Label 1 of the drawn case. Its ring: 17, 34 and 51 above, 85 on the left, 153 on the right, 187,
# 204 and 221 below. Of these, 153 and 221 are as near to label 2, and go to the lower label.
ROW = {
    "label": 1,
    "score": 0.5,
    "area_px": 3,
    "area_um2": 0.75,
    "centroid_row": 1.0,
    "centroid_col": 2.0,
    "bbox_y0": 1,
    "bbox_x0": 1,
    "bbox_y1": 2,
    "bbox_x1": 4,
    "mean_intensity": 119.0,
    "integrated_intensity": 357.0,
    "eccentricity": 1.0,
    "solidity": 1.0,
    "touches_edge": False,
    "centroid_y_um": 0.5,
    "centroid_x_um": 1.0,
    "perimeter": 1.0,
    "form_factor": 4 * np.pi * 3,
    "major_axis": 4 * np.sqrt(2 / 3),
    "minor_axis": 0.0,
    "orientation": np.pi / 2,
    "feret_max": 3.0,
    "ring_area_px": 8,
    "neighbours": 1,
    "intensity_mean": 119.0,
    "intensity_sum": 357.0,
    "intensity_std": 17 * np.sqrt(2 / 3),
    "intensity_min": 102.0,
    "intensity_max": 136.0,
    "intensity_median": 119.0,
    "intensity_background": 119.0,
    "intensity_ring_mean": 119.0,
}


@pytest.mark.parametrize("sigma", [0.6, 2, 6])
@pytest.mark.parametrize("seed", range(2))
def test_equals_regionprops(seed, sigma):
    labels = blobs(seed, sigma)
    image = np.random.default_rng(seed).integers(0, 60000, labels.shape).astype(np.uint16)
    regions = regionprops(labels, intensity_image=image)
    frame = measure(labels, image)
    assert len(frame) == len(regions)
    for column, name in SAME.items():
        expected = [getattr(region, name) for region in regions]
        np.testing.assert_allclose(frame[column], expected, atol=1e-6, err_msg=column)
    centroids = [region.centroid for region in regions]
    np.testing.assert_allclose(frame[["centroid_row", "centroid_col"]], centroids)
    boxes = frame[["bbox_y0", "bbox_x0", "bbox_y1", "bbox_x1"]].to_numpy()
    np.testing.assert_array_equal(boxes, [region.bbox for region in regions])
    totals = [image[labels == region.label].sum(dtype=float) for region in regions[:50]]
    np.testing.assert_allclose(frame["integrated_intensity"][:50], totals)


def test_a_drawn_case():
    labels = np.array([[0, 0, 0, 0, 0], [0, 1, 1, 1, 0], [0, 0, 0, 0, 2]])
    image = np.arange(15, dtype=np.uint8).reshape(3, 5) * 17  # 102, 119, 136 and 238
    frame = measure(labels, image, np.array([0.5, 0.25]), pixel_size=0.5, ring=Ring(0, 1))
    row, corner = frame.to_dict("records")
    assert list(row) == list(ROW)
    assert row == pytest.approx(ROW)
    assert corner["touches_edge"]
    assert (corner["score"], corner["area_px"], corner["integrated_intensity"]) == (0.25, 1, 238)
    assert (corner["eccentricity"], corner["solidity"], corner["perimeter"]) == (0, 1, 0)
    assert corner["ring_area_px"] == 0
    without = [name for name, value in corner.items() if value != value]
    assert without == ["form_factor", "intensity_background", "intensity_ring_mean"]


@pytest.mark.parametrize(("row", "column"), [(0, 2), (2, 0), (4, 2), (2, 6), (2, 2)])
def test_edges(row, column):
    labels = np.zeros((5, 7), np.int32)
    labels[row, column] = 1
    assert measure(labels)["touches_edge"].tolist() == [(row, column) != (2, 2)]


def test_labels_that_meet_at_the_end_of_a_row_stay_apart():
    labels = np.array([[0, 1], [1, 0]])
    frame = measure(labels)
    assert frame[["bbox_y0", "bbox_x0", "bbox_y1", "bbox_x1"]].to_numpy().tolist() == [[0, 0, 2, 2]]
    assert frame["area_px"].tolist() == [2]


def test_far_from_the_origin_nothing_cancels():
    labels = blobs(0, 4)
    far = measure(np.pad(labels, ((3000, 0), (5000, 0))))
    near = measure(labels)
    for column in ("eccentricity", "orientation", "minor_axis", "solidity", "area_px"):
        np.testing.assert_allclose(far[column], near[column], atol=1e-9)


def test_what_is_not_known_is_nan():
    frame = measure(np.pad(np.ones((2, 2), np.int32), 4))
    unknown = ["score", "area_um2", "mean_intensity", "integrated_intensity"]
    unknown += ["centroid_y_um", "centroid_x_um"]
    unknown += [name for name in ROW if name.startswith("intensity_")]
    assert frame.columns[frame.isna().any()].tolist() == unknown
    assert list(frame.columns) == list(ROW)


@pytest.mark.parametrize("shape", [(0, 0), (4, 0), (3, 5)])
def test_no_nucleus(shape):
    empty = np.zeros(shape, np.int32)
    frame = measure(empty, empty, np.zeros(0), 0.3)
    assert len(frame) == 0
    full = measure(np.ones((2, 2), np.int32), np.ones((2, 2)), np.ones(1), 0.3)
    assert frame.dtypes.to_dict() == full.dtypes.to_dict()


def test_bad_input_is_refused():
    labels = np.ones((2, 3), np.int32)
    with pytest.raises(LabelError, match=r"\(2, 3\).*\(3, 2\)"):
        measure(labels, labels.T)
    with pytest.raises(LabelError, match=r"each of 1 labels.*Received: 2"):
        measure(labels, scores=np.zeros(2))
    with pytest.raises(LabelError, match="float64"):
        measure(labels.astype(float))
    with pytest.raises(LabelError, match=r"\(1, 3\) \(channel GFP\)"):
        measure(labels, {"DAPI": labels, "GFP": labels[:1]})
    with pytest.raises(LabelError, match=r"real numbers.*complex64 \(channel intensity\)"):
        measure(labels, labels.astype(np.complex64))
    for size in (0, -1.0, np.nan, np.inf, (0.5, 0), (1, 2, 3)):
        with pytest.raises(UsageError, match=r"pixel size: .*height and the width"):
            measure(labels, pixel_size=size)
    for distance in (-1, np.nan):
        with pytest.raises(UsageError, match="neighbour distance"):
            measure(labels, neighbour_distance=distance)


def channels(shape: tuple[int, int]) -> dict[str, np.ndarray]:
    """Images of several types by name."""
    rng = np.random.default_rng(3)
    return {
        "DAPI": rng.integers(0, 60000, shape).astype(np.uint16),
        "EGFP (488)": rng.normal(size=shape),
        "mask": rng.random(shape) < 0.5,
    }


def test_channels_are_measured_one_as_the_other():
    labels = blobs(1, 3)
    images = channels(labels.shape)
    table = measure_columns(labels, images)
    alone = {name: measure_columns(labels, {name: image}) for name, image in images.items()}
    old = list(ROW)[: list(ROW).index("intensity_mean")]
    assert list(table)[: len(old)] == old
    assert len(table) == len(old) + 8 * len(images)
    for columns in alone.values():
        for column in columns.keys() - {"mean_intensity", "integrated_intensity"}:
            np.testing.assert_array_equal(table[column], columns[column], err_msg=column)
    np.testing.assert_array_equal(table["mean_intensity"], table["DAPI_mean"])
    np.testing.assert_array_equal(table["integrated_intensity"], table["DAPI_sum"])
    assert "EGFP_488_ring_mean" in table


@pytest.mark.parametrize("ring", [Ring(), Ring(0, 1), Ring(3, 14)])
@pytest.mark.parametrize("mapped", [False, True])
def test_pieces_do_not_show(ring, mapped, monkeypatch):
    labels = blobs(2, 3, (150, 210))
    images = channels(labels.shape)
    whole = pd.DataFrame(measure_columns(labels, images, ring=ring))
    monkeypatch.setattr(pieces.pieces, "__defaults__", (0, 40))
    if mapped:
        monkeypatch.setattr(store, "SMALL", 0)
        arrays = {"labels": labels, **images}
        for name, array in arrays.items():
            arrays[name] = scratch(array.shape, array.dtype)
            arrays[name][:] = array
        labels = arrays.pop("labels")
        assert is_mapped(labels)
        images = arrays
    cut = pd.DataFrame(measure_columns(labels, images, ring=ring))
    pd.testing.assert_frame_equal(cut, whole, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", ["u1", "i2", "u2", "u4", "i8", "u8", ">u2"])
def test_labels_of_any_integer_type(kind):
    labels = blobs(4, 4, (60, 80))
    image = np.random.default_rng(0).random(labels.shape)
    pd.testing.assert_frame_equal(measure(labels.astype(kind), image), measure(labels, image))


def test_numbers_may_be_missing():
    labels = blobs(5, 3, (60, 80))
    labels[labels == 2] = 0
    frame = measure(labels, scores=np.arange(labels.max()) / 100)
    assert frame["label"].tolist() == [n for n in range(1, labels.max() + 1) if n != 2]
    np.testing.assert_allclose(frame["score"], (frame["label"] - 1) / 100)
    expected = [region.perimeter for region in regionprops(labels)]
    np.testing.assert_allclose(frame["perimeter"], expected)


def test_pixels_need_not_be_square():
    labels = np.zeros((9, 9), np.int32)
    labels[2:4, 5:8] = 1
    row = measure(labels, pixel_size=(0.5, 0.25)).iloc[0]
    assert (row["area_um2"], row["centroid_y_um"], row["centroid_x_um"]) == (0.75, 1.25, 1.5)
    pd.testing.assert_frame_equal(measure(labels, pixel_size=2), measure(labels, pixel_size=(2, 2)))


def test_instances_are_measured_with_their_image():
    labels = blobs(6, 3, (50, 60))
    pixels = np.random.default_rng(0).random(labels.shape)
    scores = np.linspace(0, 1, labels.max(), dtype=np.float32)
    table = measure_instances(Image(pixels, 0.5, Path("a.tif")), Instances(labels, scores))
    expected = measure(labels, pixels, scores, 0.5)
    pd.testing.assert_frame_equal(pd.DataFrame(dict(table.columns)), expected)


def test_the_documentation_lists_the_columns():
    page = Path(__file__).parents[3] / "docs" / "measurements.md"
    found = re.findall(r"^\| `([^|]*)` \|", page.read_text(encoding="utf-8"), re.MULTILINE)
    named = [name for cell in found for name in cell.split("`, `")]
    assert named == [name.replace("intensity_", "NAME_") for name in ROW]
