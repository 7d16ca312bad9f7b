from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from nucseg_tf.config import Compose, make_config
from nucseg_tf.data import pipeline
from nucseg_tf.data.compose import compose
from nucseg_tf.data.compose.light import add_haze, brighten_one, compress
from nucseg_tf.data.compose.litter import add_debris, empty_field
from nucseg_tf.data.compose.nuclei import blur_behind, paste_beside
from nucseg_tf.data.sample import Sample, load_samples, median_diameter
from nucseg_tf.types import IGNORED, Field

SIDE = 96


def discs(*places: tuple[int, int], radius: int = 9) -> tuple[np.ndarray, np.ndarray]:
    labels = np.zeros((SIDE, SIDE), np.int32)
    rows, columns = np.indices(labels.shape)
    for index, (row, column) in enumerate(places, start=1):
        labels[(rows - row) ** 2 + (columns - column) ** 2 < radius**2] = index
    return np.where(labels > 0, 0.8, 0.02).astype(np.float32), labels


HOST, DONOR = discs((48, 48)), discs((20, 20), (60, 70), (70, 30), radius=7)


def pasted(seed: int):
    return paste_beside(*HOST, *DONOR, np.random.default_rng(seed))


def touching(labels: np.ndarray) -> bool:
    down = (labels[1:] != labels[:-1]) & (labels[1:] > 0) & (labels[:-1] > 0)
    right = (labels[:, 1:] != labels[:, :-1]) & (labels[:, 1:] > 0) & (labels[:, :-1] > 0)
    return bool(down.any() or right.any())


def test_copied_nuclei_touch_those_that_are_there():
    found = [pasted(seed)[1] for seed in range(10)]
    assert all(labels.max() > 1 for labels in found)
    assert sum(map(touching, found)) >= 8


@pytest.mark.parametrize("seed", range(5))
def test_copied_nuclei_are_bright_where_their_labels_are(seed):
    image, labels = pasted(seed)
    bright = ndimage.mean(image, labels, np.unique(labels[labels > 0]))
    assert min(bright) > 0.2
    far = ndimage.distance_transform_edt(labels == 0) > 6
    assert image[far].max() < 0.1


@pytest.mark.parametrize("seed", range(5))
def test_every_label_is_one_piece_and_hides_little_of_another(seed):
    _, labels = pasted(seed)
    for index in np.unique(labels[labels > 0]):
        assert ndimage.label(labels == index)[1] == 1
    assert (labels == 1).sum() > 0.5 * (HOST[1] == 1).sum()


def test_nothing_is_pasted_where_nothing_is_known_or_nobody_lives():
    unknown = np.where(HOST[1] > 0, HOST[1], IGNORED).astype(np.int32)
    _, labels = paste_beside(HOST[0], unknown, *DONOR, np.random.default_rng(0))
    np.testing.assert_array_equal(labels, unknown)
    empty = np.zeros_like(HOST[1])
    image, labels = paste_beside(HOST[0], empty, *DONOR, np.random.default_rng(0))
    assert image is HOST[0]
    assert not labels.any()


def test_the_roi_that_was_read_is_left_alone():
    before = [array.copy() for array in (*HOST, *DONOR)]
    everything = Compose(**dict.fromkeys(Compose.model_fields, 1.0))
    compose(*HOST, lambda _: DONOR, everything, 18.0, np.random.default_rng(0))
    without_empty = everything.model_copy(update={"empty": 0.0})
    compose(*HOST, lambda _: DONOR, without_empty, 18.0, np.random.default_rng(0))
    for array, kept in zip((*HOST, *DONOR), before, strict=True):
        np.testing.assert_array_equal(array, kept)


@pytest.mark.parametrize("name", Compose.model_fields)
def test_each_share_alone_changes_the_image_and_keeps_its_type(name):
    rng = np.random.default_rng(1)
    shares = Compose(**{name: 1.0})
    image, labels = compose(*HOST, lambda _: DONOR, shares, 18.0, rng)
    assert (image.dtype, labels.dtype, image.shape) == (np.float32, np.int32, HOST[0].shape)
    assert np.isfinite(image).all()
    assert not np.array_equal(image, HOST[0])
    if name == "empty":
        assert not labels.any()
    elif name != "touching":
        np.testing.assert_array_equal(labels, HOST[1])


def test_without_shares_nothing_changes():
    image, labels = compose(*HOST, lambda _: DONOR, Compose(), 18.0, np.random.default_rng(0))
    assert image is HOST[0]
    assert labels is HOST[1]


def test_light_and_litter_add_and_take_nothing_away():
    image = HOST[0]
    for seed in range(5):
        rng = np.random.default_rng(seed)
        assert (add_haze(image, rng) >= image - 1e-6).all()
        assert (add_debris(image, 18.0, rng) >= image - 1e-6).all()
        assert (blur_behind(image, *DONOR, 18.0, rng) >= image - 1e-6).all()


def test_one_nucleus_outshines_the_others():
    image, labels = discs((25, 25), (60, 60))
    bright = brighten_one(image, labels, np.random.default_rng(0))
    means = sorted(ndimage.mean(bright, labels, [1, 2]))
    assert means[1] > 1.8 * means[0]


def test_jpeg_changes_little_and_not_the_range():
    image = HOST[0]
    found = compress(image, np.random.default_rng(0))
    assert np.abs(found - image).mean() < 0.05
    flat = np.full((16, 16), 0.3, np.float32)
    assert compress(flat, np.random.default_rng(0)) is flat


def test_empty_fields_are_noise_about_a_level():
    field = empty_field((64, 64), np.random.default_rng(0))
    assert field.dtype == np.float32
    assert 0.03 < field.std() < 0.3


def samples(count: int = 3) -> list[Sample]:
    found = []
    for number in range(count):
        image, labels = discs((30, 30), (60 + number, 62), radius=8)
        found.append(Sample(image, labels, median_diameter(labels), f"g{number % 2}"))
    return found


def composed(**training):
    shares = {"touching": 1.0, "debris": 0.5}
    values = {
        "data": {"roi": 64, "shoulder": 4},
        "augment": {"compose": shares, "steps": []},
        "training": {"batch": 2, **training},
    }
    return make_config(values)


def test_stream_is_the_same_for_any_number_of_threads_and_from_any_start():
    def images(start: int = 0, **training):
        found = pipeline.training_dataset(samples(), composed(**training), start)
        return [image.numpy() for image, _ in found.take(4 - start)]

    one = images(threads=1)
    np.testing.assert_array_equal(one, images(threads=8))
    np.testing.assert_array_equal(one[2:], images(start=2, threads=2))


def test_roi_without_any_field_with_nuclei_is_composed_as_well():
    bare = Sample(HOST[0], np.zeros_like(HOST[1]), 0.0, "")
    image, wanted = next(iter(pipeline.training_dataset([bare], composed())))
    assert np.isfinite(image.numpy()).all()
    assert not wanted["maps"].numpy().any()


def test_diameter_that_is_found_goes_before_that_of_the_labels(tmp_path, monkeypatch):
    from nucseg_tf.data import sample as module

    image, labels = HOST
    monkeypatch.setattr(
        module, "load_field", lambda *_, **__: ((255 * image).astype(np.uint8), labels)
    )
    field = Field("a", Path("a.tif"), (), group="a")
    settings = make_config()
    (found,) = load_samples([field], settings, lambda _: 33.0)
    (unseen,) = load_samples([field], settings, lambda _: None)
    assert found.diameter == 33.0
    assert unseen.diameter == pytest.approx(median_diameter(labels))
