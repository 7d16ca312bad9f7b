from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from skimage.measure import label as connected
from skimage.measure import regionprops

from nucseg_tf.errors import LabelError
from nucseg_tf.inference.measure import measure

SAME = {
    "area_px": "area",
    "eccentricity": "eccentricity",
    "mean_intensity": "intensity_mean",
    "solidity": "solidity",
}


def blobs(seed: int, sigma: float, shape: tuple[int, int] = (180, 240)) -> np.ndarray:
    """Smooth random shapes of all sizes, those at the edge and single pixels included."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), sigma)
    return connected(noise > 0.4 * noise.std(), connectivity=1).astype(np.int32)


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
    row, corner = measure(labels, image, np.array([0.5, 0.25]), pixel_size=0.5).to_dict("records")
    assert row == {
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
    }
    assert corner["touches_edge"]
    assert (corner["score"], corner["area_px"], corner["integrated_intensity"]) == (0.25, 1, 238)
    assert (corner["eccentricity"], corner["solidity"]) == (0, 1)


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
    far = np.pad(labels, ((3000, 0), (5000, 0)))
    for column in ("eccentricity", "solidity", "area_px"):
        np.testing.assert_allclose(measure(far)[column], measure(labels)[column], atol=1e-9)


def test_what_is_not_known_is_nan():
    frame = measure(np.ones((2, 2), np.int32))
    unknown = ["score", "area_um2", "mean_intensity", "integrated_intensity"]
    assert frame.columns[frame.isna().any()].tolist() == unknown


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
