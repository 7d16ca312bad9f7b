import numpy as np
import pytest
import tifffile

from nucseg_tf.config import Config, Policy, make_config, policy_values
from nucseg_tf.data import pipeline
from nucseg_tf.data.manifest import find_fields
from nucseg_tf.data.regions import mark_unknown, write_regions
from nucseg_tf.data.roi import choose_region, read_roi, valid_mask, zoom_limits
from nucseg_tf.data.sample import Sample, load_samples, median_diameter
from nucseg_tf.data.validation import validation_dataset
from nucseg_tf.errors import ImageReadError, TrainingError
from nucseg_tf.families.fpn2ws.targets import roi_targets, targets
from nucseg_tf.imaging.normalise import normalise
from nucseg_tf.types import IGNORED, Field


def sample(shape=(90, 120), seed=0, group="") -> Sample:
    rng = np.random.default_rng(seed)
    labels = np.zeros(shape, np.int32)
    rows, columns = np.indices(shape)
    for index in range(1, 20):
        y, x = rng.uniform(0, shape[0]), rng.uniform(0, shape[1])
        labels[(rows - y) ** 2 + (columns - x) ** 2 < 36] = index
    image = ((labels > 0) * 0.9).astype(np.float32)
    return Sample(image, labels, median_diameter(labels), group)


def config(**training) -> Config:
    values = {"data": {"roi": 64, "shoulder": 4}, "training": {"batch": 2, **training}}
    return make_config(values)


def first(dataset, count: int) -> list[np.ndarray]:
    return [image.numpy() for image, _ in dataset.take(count)]


def test_stream_is_the_same_for_any_number_of_threads():
    samples = [sample(seed=n) for n in range(3)]
    one = first(pipeline.training_dataset(samples, config(threads=1)), 4)
    many = first(pipeline.training_dataset(samples, config(threads=8)), 4)
    np.testing.assert_array_equal(one, many)


def test_stream_resumed_at_a_step_goes_on_as_it_would_have():
    samples = [sample(seed=n) for n in range(3)]
    whole = first(pipeline.training_dataset(samples, config()), 5)
    rest = first(pipeline.training_dataset(samples, config(), start=3), 2)
    np.testing.assert_array_equal(whole[3:], rest)


def test_another_seed_gives_other_rois():
    samples = [sample()]
    one = first(pipeline.training_dataset(samples, config(seed=1)), 1)
    other = first(pipeline.training_dataset(samples, config(seed=2)), 1)
    assert not np.array_equal(one, other)


def test_batches_have_the_shapes_and_ranges_of_the_contract():
    image, wanted = next(iter(pipeline.training_dataset([sample()], config())))
    assert image.shape == (2, 64, 64, 1)
    assert wanted["maps"].shape == (2, 64, 64, 2)
    assert wanted["valid"].shape == (2, 64, 64, 1)
    assert 0 <= wanted["maps"].numpy().min() <= wanted["maps"].numpy().max() <= 1
    assert set(np.unique(wanted["valid"])) <= {0.0, 1.0}


def test_roi_at_zoom_one_is_a_plain_crop():
    field = sample()
    image, labels = read_roi(field, (1.0, 0.5), 1.0, 64)
    np.testing.assert_array_equal(image, field.image[26:90, 28:92])
    np.testing.assert_array_equal(labels, field.labels[26:90, 28:92])


@pytest.mark.parametrize("zoom", [0.5, 0.8, 1.3, 2.0])
def test_zoomed_image_and_labels_stay_on_each_other(zoom):
    image, labels = read_roi(sample((200, 220)), (0.4, 0.6), zoom, 64)
    assert image.shape == labels.shape == (64, 64)
    agreement = ((image > 0.45) == (labels > 0)).mean()
    assert agreement > 0.97


def test_what_lies_outside_a_small_field_is_mirrored_and_ignored():
    image, labels = read_roi(sample((40, 100)), (0.5, 0.0), 1.0, 64)
    assert (labels[:12] == IGNORED).all()
    assert (labels[52:] == IGNORED).all()
    assert (labels[12:52] >= 0).all()
    np.testing.assert_array_equal(image[11], image[12])
    _, valid = roi_targets(labels, 4)
    assert valid[:16].sum() == 0
    assert valid[16:48, 4:60].all()


def test_shoulder_is_not_valid():
    valid = valid_mask(np.zeros((20, 20), np.int32), 3)
    expected = np.zeros((20, 20))
    expected[3:17, 3:17] = 1
    np.testing.assert_array_equal(valid, expected)


def test_zoom_keeps_nuclei_within_their_limits():
    field = sample((400, 400))  # median diameter about 12 px
    low, high = zoom_limits(field, (0.25, 4.0), (9.0, 24.0), 64)
    assert low * field.diameter == pytest.approx(9)
    assert high * field.diameter == pytest.approx(24)


def test_zoom_does_not_leave_its_range_for_nuclei_out_of_all_bounds():
    field = sample((400, 400))
    assert zoom_limits(field, (0.5, 2.0), (100.0, 200.0), 64) == (2.0, 2.0)


def test_groups_take_turns():
    def flat(value: float, shape, group: str) -> Sample:
        return Sample(np.full(shape, value), np.zeros(shape, np.int32), 0.0, group)

    samples = [*(flat(0.5, (200, 200), "b") for _ in range(5)), flat(1.0, (90, 90), "a")]
    settings = config(seed=3).model_copy(update={"augment": Policy(zoom=1.0)})
    settings = settings.model_copy(update={"data": settings.data.model_copy(update={"blank": 0.0})})
    rois = pipeline.roi_dataset(samples, settings).take(40)
    assert [float(image[0, 0, 0]) for image, _ in rois] == [1.0, 0.5] * 20


def test_large_fields_are_drawn_more_often_by_the_root_of_their_area():
    samples = [sample((100, 100)), sample((300, 300))]
    _, ends, lasts = pipeline._by_group(samples)
    np.testing.assert_allclose(ends, [0.25, 1.0])
    assert [*lasts] == [1]


def test_validation_covers_the_field_and_is_not_augmented():
    field = sample((64, 128))
    images = [
        image.numpy() for batch, _ in validation_dataset([field], config()) for image in batch
    ]
    np.testing.assert_array_equal(np.concatenate(images, axis=1)[..., 0], field.image)


def test_validation_is_at_the_scale_of_prediction():
    settings = make_config(
        {"data": {"roi": 64, "find_diameter": True, "diameter": [10, 40]}, "training": {"batch": 1}}
    )
    field = sample((128, 128))
    assert settings.data.middle == 20
    larger = Sample(field.image, field.labels, 10.0, "")  # so it says, and is enlarged twofold
    assert len(list(validation_dataset([larger], settings))) == 16
    assert len(list(validation_dataset([larger], make_config({"data": {"roi": 64}})))) == 1


def test_validation_maps_are_the_targets():
    field = sample((64, 64))
    _, wanted = next(iter(validation_dataset([field], config())))
    np.testing.assert_allclose(wanted["maps"][0], targets(field.labels), atol=1e-6)


def test_training_without_fields_is_an_error():
    with pytest.raises(TrainingError, match="nucseg validate"):
        pipeline.training_dataset([], config())


def test_the_chosen_channel_and_plane_are_read(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 9, (3, 2, 20, 30), np.uint8)  # Z, C, H, W
    tifffile.imwrite(tmp_path / "a.tif", pixels, imagej=True, metadata={"axes": "ZCYX"})
    tifffile.imwrite(tmp_path / "a_masks.tif", np.ones((20, 30), np.uint8))
    field = find_fields(tmp_path)
    settings = make_config({"data": {"channel": 1, "z": "max"}})
    found = load_samples(field, settings)[0].image
    expected = normalise(pixels[:, 1].max(axis=0), 1.0, 99.8)
    np.testing.assert_allclose(found, expected, atol=1e-3)
    with pytest.raises(ImageReadError, match="--channel"):
        load_samples(field, make_config())


@pytest.mark.data
def test_real_fields_load_and_are_normalised(dsb2018):
    fields = [field for field in find_fields(dsb2018) if field.split == "val"][:5]
    samples = load_samples(fields, make_config())
    assert all(5 < s.diameter < 60 for s in samples)
    for s in samples:
        low, high = np.percentile(s.image, (1, 99.8))
        assert low == pytest.approx(0, abs=1e-3)
        assert high == pytest.approx(1, abs=1e-3)


def detector_config(**training) -> Config:
    values = config(**training).model_dump()
    values["model"] = {"family": "mask_rcnn", "filters": 8, "detector": {"most_nuclei": 30}}
    return make_config(values)


def test_mask_rcnn_gets_boxes_labels_and_noise():
    samples, settings = [sample(seed=n) for n in range(3)], detector_config()
    for image, found in pipeline.training_dataset(samples, settings).take(4):
        assert image.shape == (2, 64, 64, 1)
        assert found["noise"].shape[1] >= 3 * (16**2 + 8**2 + 4**2 + 2**2 + 1)
        assert 0 <= found["noise"].numpy().min() < found["noise"].numpy().max() < 1
        rois = zip(*(found[name].numpy() for name in ("boxes", "ids", "labels")), strict=True)
        for boxes, ids, labels in rois:
            present = np.unique(labels)
            assert {*ids} - {0} == {*present[present > 0]}
            for box, number in zip(boxes, ids, strict=True):
                where = np.argwhere(labels == number) if number else np.zeros((1, 2))
                low, high = where.min(0), where.max(0) + (number > 0)
                np.testing.assert_array_equal(box, [*low, *high])


def test_mask_rcnn_sees_the_same_after_a_resumption():
    samples = [sample(seed=n) for n in range(3)]
    whole = [*pipeline.training_dataset(samples, detector_config()).take(3)]
    ((image, found),) = pipeline.training_dataset(samples, detector_config(), start=2).take(1)
    np.testing.assert_array_equal(image, whole[2][0])
    for name, value in found.items():
        np.testing.assert_array_equal(value, whole[2][1][name])
        assert not np.array_equal(value, whole[1][1][name])


def test_mask_rcnn_validates_on_fixed_rois():
    data = validation_dataset([sample()], detector_config())
    assert {*next(iter(data))[1]} == {"boxes", "ids", "labels", "noise"}


def test_a_field_without_nuclei_teaches_background(tmp_path):
    tifffile.imwrite(tmp_path / "image.tif", np.arange(9000, dtype=np.uint16).reshape(90, 100))
    tifffile.imwrite(tmp_path / "mask.tif", np.zeros((90, 100), np.uint16))
    field = Field("image", tmp_path / "image.tif", (tmp_path / "mask.tif",))
    settings = config().model_copy(update={"augment": Policy(**policy_values("full"))})
    (empty,) = load_samples([field], settings)
    assert empty.diameter == 0
    for image, labels in pipeline.roi_dataset([empty], settings).take(8):
        assert np.isfinite(image).all()
        assert labels.numpy().max() == 0


# --- fields of which only regions are known --------------------------------------------------

REGIONS = ((8, 10, 60, 70), (100, 90, 190, 150))


def partly(labels: np.ndarray, **others) -> Sample:
    return Sample(np.zeros(labels.shape, np.float16), labels, 12.0, "", **others)


@pytest.mark.parametrize("side", [20, 52, 75])
def test_windows_lie_in_a_region_or_around_it(side):
    field = partly(np.zeros((200, 160), np.int32), regions=REGIONS)
    marked = mark_unknown(field.labels, REGIONS).astype(np.int16)
    field = partly(marked, regions=REGIONS)
    shares = []
    for place in np.random.default_rng(0).random((200, 2)):
        region, _ = choose_region(field, tuple(place))
        _, labels = read_roi(field, tuple(place), 1.0, side)
        fits = [min(side, end - start) for start, end in zip(region[:2], region[2:], strict=True)]
        assert (labels == 0).sum() >= fits[0] * fits[1]
        shares.append(region == REGIONS[0])
    area = 52 * 60
    assert np.mean(shares) == pytest.approx(area / (area + 90 * 60), abs=0.08)


def test_a_region_at_the_edge_of_a_small_field_is_mirrored_as_that():
    labels = sample((40, 100)).labels
    whole = read_roi(partly(labels), (0.3, 0.2), 1.0, 64)
    same = read_roi(partly(labels, regions=((0, 0, 40, 100),)), (0.3, 0.2), 1.0, 64)
    np.testing.assert_array_equal(whole, same)
    _, found = read_roi(partly(labels, regions=((0, 80, 40, 100),)), (0.3, 0.0), 1.0, 64)
    np.testing.assert_array_equal(found[7:47], labels[:, 36:])


@pytest.fixture
def toy_set(tmp_path):
    """Writes a data set of one field from its labels; gives its samples."""

    def write(name: str, labels: np.ndarray, boxes, settings: Config) -> list[Sample]:
        folder = tmp_path / name
        for kind in ("images", "masks"):
            (folder / kind).mkdir(parents=True)
        image = np.random.default_rng(0).integers(0, 999, labels.shape).astype(np.uint16)
        tifffile.imwrite(folder / "images" / "a.tif", image)
        tifffile.imwrite(folder / "masks" / "a.tif", labels.astype(np.uint16))
        write_regions(folder / "masks" / "a.tif", boxes)
        return load_samples(find_fields(folder), settings)

    return write


def same(first, second) -> bool:
    """Whether two batches are equal, and their targets."""
    (image, targets), (other, others) = first, second
    return np.array_equal(image, other) and all(
        np.array_equal(targets[name], others[name]) for name in targets
    )


@pytest.mark.parametrize("family", ["fpn2ws", "mask_rcnn", "jacobkie"])
def test_what_stands_on_unknown_ground_teaches_nothing(family, toy_set):
    settings = make_config(
        {
            "model": {"family": family},
            "data": {"roi": 64, "shoulder": 4, "blank": 0.0},
            "augment": {"compose": {"touching": 0.5}},
            "training": {"batch": 2},
        }
    )
    labels, boxes = sample((150, 120)).labels, [(20, 10, 90, 80)]
    known = mark_unknown(labels, boxes)
    cut = np.unique(labels[20:90, 10:80][known[20:90, 10:80] < 0])  # these stay as they are
    outside = (known < 0) & ~np.isin(labels, cut)
    assert len(cut)
    rows = np.indices(labels.shape)[0]
    fillings = (labels, np.where(outside, 0, labels), np.where(outside, 900 + rows, labels))
    made = [toy_set(str(n), filling, boxes, settings) for n, filling in enumerate(fillings)]
    assert made[0][0].labels.dtype == np.int16
    np.testing.assert_array_equal(made[0][0].labels < 0, known < 0)
    for dataset in (pipeline.training_dataset, validation_dataset):
        first, *others = (list(dataset(samples, settings).take(3)) for samples in made)
        assert not any("valid" in t and (t["valid"] == 1).numpy().all() for _, t in first)
        for other in others:
            assert all(same(*pair) for pair in zip(first, other, strict=True))


def test_a_region_of_the_whole_field_is_as_none(toy_set):
    labels, settings = sample((150, 120)).labels, config()
    whole = toy_set("whole", labels, [], settings)
    region = toy_set("region", labels, [(0, 0, 150, 120)], settings)
    assert (region[0].labels.dtype, region[0].diameter) == (np.uint16, whole[0].diameter)
    for dataset in (pipeline.training_dataset, validation_dataset):
        pairs = zip(
            dataset(whole, settings).take(3), dataset(region, settings).take(3), strict=True
        )
        assert all(same(*pair) for pair in pairs)
