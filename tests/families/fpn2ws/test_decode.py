import cv2
import numpy as np
import pytest
from scipy import ndimage
from skimage.segmentation import watershed

from nucseg_tf.evaluation.scores import score_image
from nucseg_tf.families.fpn2ws import FAMILY
from nucseg_tf.families.fpn2ws.config import Decode
from nucseg_tf.families.fpn2ws.decode import decode, find_seeds, flood
from nucseg_tf.families.fpn2ws.targets import targets
from nucseg_tf.imaging.components import fill_holes, keep_areas
from nucseg_tf.imaging.window import Window

SETTINGS = Decode(seed=0.5, background=0.05, ridge=0.3, min_area=1)


def discs(*circles, shape=(60, 90)) -> np.ndarray:
    labels = np.zeros(shape, np.int32)
    rows, columns = np.indices(shape)
    for index, (y, x, r) in enumerate(circles, start=1):
        labels[((rows - y) ** 2 + (columns - x) ** 2 <= r**2) & (labels == 0)] = index
    return labels


def test_decode_inverts_the_targets_for_nuclei_of_all_sizes():
    labels = discs((20, 20, 14), (20, 47, 13), (45, 60, 9), (50, 15, 6), (10, 75, 4))
    found = decode(targets(labels), SETTINGS).labels
    score = score_image(labels, found, (0.85,))
    assert score.counts["0.85"].tp == 5
    assert score.counts["0.85"].fp == 0


def test_touching_nuclei_are_split_where_the_border_is():
    labels = np.zeros((40, 60), np.int32)
    labels[10:30, 8:28], labels[10:30, 28:50] = 1, 2
    found = decode(targets(labels), SETTINGS).labels
    assert found.max() == 2
    assert (found[15:25, 12:27] == 1).all()
    assert (found[15:25, 30:46] == 2).all()


def test_lobes_without_a_border_between_them_are_one_nucleus():
    labels = (discs((30, 30, 12), (30, 52, 12)) > 0).astype(np.int32)
    labels[27:34, 38:46] = 1  # a neck, wide enough that borders leave its middle free
    assert decode(targets(labels), SETTINGS).labels.max() == 2
    joined = SETTINGS.model_copy(update={"join": 0.3})
    assert decode(targets(labels), joined).labels.max() == 1


def test_touching_nuclei_are_not_joined_across_their_border():
    labels = np.zeros((40, 60), np.int32)
    labels[10:30, 8:28], labels[10:30, 28:50] = 1, 2
    joined = SETTINGS.model_copy(update={"join": 0.3})
    assert decode(targets(labels), joined).labels.max() == 2


def test_slope_lets_nuclei_win_ties_on_the_crest():
    labels = discs((30, 30, 8), (30, 70, 8))
    areas = [
        (decode(targets(labels), SETTINGS.model_copy(update={"slope": slope})).labels > 0).sum()
        for slope in (0.0, 0.2)
    ]
    assert areas[0] <= areas[1]
    assert abs(areas[1] - (labels > 0).sum()) <= abs(areas[0] - (labels > 0).sum())


def test_no_nucleus():
    instances = decode(np.zeros((30, 20, 2), np.float32), SETTINGS)
    assert instances.labels.shape == (30, 20)
    assert instances.labels.dtype == np.int32
    assert instances.labels.max() == 0
    assert instances.scores.shape == (0,)


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (5, 3)])
def test_all_foreground_is_one_label(shape):
    maps = np.zeros((*shape, 2), np.float32)
    maps[..., 0] = 1
    assert (decode(maps, SETTINGS).labels == 1).all()


def test_scores_belong_to_their_labels():
    labels = discs((15, 15, 9), (40, 60, 12))
    maps = targets(labels)
    maps[:30, :30, 0] *= 0.7
    instances = decode(maps, SETTINGS)
    np.testing.assert_allclose(instances.scores, [0.7, 1.0], atol=1e-6)


def plain_decode(maps: np.ndarray, settings: Decode) -> tuple[np.ndarray, list[float]]:
    """Labels and scores, step by step over whole images, with scikit-image's watershed."""
    distance, border = maps[..., 0], maps[..., 1]
    kernel = np.outer([1, 2, 1], [1, 2, 1]).astype(np.float32) / 16
    smooth = cv2.filter2D(distance.copy(), -1, kernel)
    height = smooth - settings.seed_border * border
    seeds, count = ndimage.label(height > settings.seed)
    for seed in range(1, count + 1):
        if height[seeds == seed].max() < settings.seed + settings.peak:
            seeds[seeds == seed] = 0
    if settings.join:
        inside = (border < settings.join) & (smooth >= settings.background)
        seeds = np.where(seeds > 0, ndimage.label(inside | (seeds > 0))[0], 0)
    ridge = border >= settings.ridge
    background = (smooth < settings.background) & ~ridge & (seeds == 0)
    pieces, count = ndimage.label((~ridge & ~background) | (seeds > 0))
    markers = np.where(background, -1, seeds)
    for piece in range(1, count + 1):
        values = np.unique(seeds[(pieces == piece) & (seeds > 0)])
        if len(values) == 1:
            markers[pieces == piece] = values[0]
    labels = np.maximum(watershed(border - settings.slope * smooth, markers), 0)
    labels = keep_areas(fill_holes(labels.astype(np.int32)), settings.min_area, settings.max_area)
    return labels, [distance[labels == label].max() for label in range(1, labels.max() + 1)]


@pytest.mark.parametrize(
    "changes",
    [{}, {"join": 0.3, "slope": 0.2}, {"seed_border": 0.3, "peak": 0.2}, {"min_area": 60}],
)
@pytest.mark.parametrize("seed", range(3))
def test_decode_equals_its_steps_over_whole_images(seed, changes):
    rng = np.random.default_rng(seed)
    shape = (90, 120)
    labels = discs(
        *zip(*rng.uniform((4, 4, 4), (86, 116, 16), (22, 3)).T, strict=True), shape=shape
    )
    noise = ndimage.gaussian_filter(rng.normal(size=(*shape, 2)), (1, 1, 0)) * 0.3
    maps = np.clip(targets(labels) + noise, 0.001, 0.999).astype(np.float32)
    maps += rng.uniform(0, 1e-4, maps.shape).astype(np.float32)  # no two pixels alike
    settings = SETTINGS.model_copy(update=changes)
    found = decode(maps, settings)
    expected, scores = plain_decode(maps, settings)
    assert expected.max() > 3
    np.testing.assert_array_equal(found.labels, expected)
    np.testing.assert_array_equal(found.scores, np.array(scores, np.float32))


def test_flood_of_pixels_in_question_equals_flood_of_all():
    rng = np.random.default_rng(1)
    labels = discs((20, 20, 14), (20, 47, 13), (45, 60, 12), (45, 36, 9))
    maps = np.clip(targets(labels) + rng.normal(0, 0.02, (*labels.shape, 2)), 0, 1)
    distance, border = maps[..., 0].astype(np.float32), maps[..., 1].astype(np.float32)
    seeds = np.where(distance > 0.6, labels, 0).astype(np.int32)
    background = (distance < 0.05) & (border < 0.3)
    interior = (border < 0.3) & ~background
    fast = flood(border, seeds, background, interior)
    slow = watershed(border, np.where(background, 99, seeds))
    slow[slow == 99] = 0
    assert (fast != slow).mean() < 0.005
    assert (fast > 0).mean() > 0.2


def test_holes_of_one_label_are_filled_and_gaps_between_labels_are_not():
    labels = np.zeros((12, 20), np.int32)
    labels[1:8, 1:8] = 1
    labels[3:5, 3:6] = 0  # a hole
    labels[1:8, 10:13], labels[1:8, 15:18] = 2, 3
    labels[1, 13:15], labels[7, 13:15] = 2, 3  # encloses a gap that belongs to neither
    filled = fill_holes(labels)
    assert (filled[1:8, 1:8] == 1).all()
    assert (filled[2:7, 13:15] == 0).all()
    assert filled[0].max() == 0


def test_hole_at_the_image_edge_is_open():
    labels = np.ones((8, 8), np.int32)
    labels[0, 3] = 0
    labels[4, 4] = 0
    filled = fill_holes(labels)
    assert filled[0, 3] == 0
    assert filled[4, 4] == 1


def test_area_limits_and_numbering_in_reading_order():
    labels = np.zeros((10, 12), np.int32)
    labels[6:9, 0:3], labels[0:2, 8:10], labels[0, 0], labels[2:5, 2:7] = 3, 9, 5, 7
    kept = keep_areas(labels, 4, 12)
    assert sorted(np.unique(kept)) == [0, 1, 2]
    assert kept[0, 8] == 1
    assert kept[6, 0] == 2
    assert kept[0, 0] == kept[3, 3] == 0


def test_islands_beside_a_seed_are_no_seeds():
    height = np.zeros((8, 20), np.float32)
    height[2:6, 2:8] = 0.9
    height[3, 9:11] = 0.52  # a ripple on the slope
    height[3, 14:18] = 0.61
    seeds = find_seeds(height, 0.5, 0.1)
    assert len(np.unique(seeds)) == 3
    assert not seeds[3, 9:11].any()
    assert seeds[3, 14] > 0
    assert len(np.unique(find_seeds(height, 0.5, 0.0))) == 4


def test_maps_of_a_reduced_image_are_decoded_small_and_nuclei_come_out_smooth_and_large():
    large = discs((80, 80, 56), (80, 186, 48), (180, 240, 36), (200, 60, 24), shape=(240, 360))
    small = cv2.resize(large, (90, 60), interpolation=cv2.INTER_NEAREST)
    found = FAMILY.decode(targets(small), Window.whole(large.shape), SETTINGS)
    assert found.labels.dtype == np.int32
    assert len(found.scores) == 4
    assert score_image(large, found.labels, (0.85,)).counts["0.85"].tp == 4


@pytest.mark.parametrize(("zoom", "seen"), [(0.8, 1), (1.0, 1), (2.0, 1), (0.5, 0.75), (0.1, 0.15)])
def test_scale_at_which_maps_are_decoded(zoom, seen, monkeypatch):
    """At full size, or 1.5 times what the network saw."""
    shapes = []

    def spy(maps, settings):
        shapes.append(maps.shape)
        return decode(maps, settings)

    monkeypatch.setattr("nucseg_tf.families.fpn2ws.decode.decode", spy)
    raw = np.zeros((round(zoom * 60), round(zoom * 100), 2), np.float32)
    FAMILY.decode(raw, Window.whole((60, 100)), SETTINGS)
    assert shapes == [(round(60 * seen), round(100 * seen), 2)]


def test_limits_of_area_stay_those_of_the_image():
    labels = discs((20, 20, 10), (40, 70, 20), shape=(60, 90))  # some 314 and 1257 px
    large = cv2.resize(labels, (360, 240), interpolation=cv2.INTER_NEAREST)  # 16 times as many
    raw, whole = targets(labels), Window.whole(large.shape)
    settings = SETTINGS.model_copy(update={"min_area": 10000})
    assert len(FAMILY.decode(raw, whole, settings).scores) == 1
    settings = SETTINGS.model_copy(update={"max_area": 10000})
    assert len(FAMILY.decode(raw, whole, settings).scores) == 1
