import h5py
import numpy as np
import pytest

from nucseg_tf.config import Config, make_config
from nucseg_tf.data.augment import LIMITS
from nucseg_tf.data.pipeline import roi_dataset, training_dataset
from nucseg_tf.data.roi_store import layout, read, write
from nucseg_tf.data.sample import Sample, median_diameter
from nucseg_tf.errors import DataError
from nucseg_tf.registry import FAMILIES
from nucseg_tf.types import IGNORED

TARGETS = FAMILIES["fpn2ws"].targets(make_config({"data": {"roi": 64, "shoulder": 2}}))

COUNT = 25


def sample(seed: int, group: str = "", shape=(90, 120)) -> Sample:
    rng = np.random.default_rng(seed)
    labels = np.zeros(shape, np.int32)
    rows, columns = np.indices(shape)
    for index in range(1, 20):
        y, x = rng.uniform(0, shape[0]), rng.uniform(0, shape[1])
        labels[(rows - y) ** 2 + (columns - x) ** 2 < 36] = 1000 * index
    image = np.where(labels > 0, 0.9, 0.1 * (group == "b")).astype(np.float16)
    return Sample(image, labels, median_diameter(labels), group)


SAMPLES = [sample(1, "a"), sample(2, "a"), sample(3, "b")]


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(write, "PART", 10)


def config(**training) -> Config:
    values = {"data": {"roi": 64, "shoulder": 4}, "training": {"batch": 5, **training}}
    return make_config(values)


def write_one(path, settings=None, **options) -> read.RoiStore:
    settings = settings or config()
    options = {"count": COUNT, **options}
    assert write.write_store(path, SAMPLES, settings, ["s1", "s2"], **options) == COUNT
    return read.RoiStore(path)


def same(one, other) -> bool:
    return all(np.array_equal(one.file[name], other.file[name]) for name in one.file)


def test_the_store_holds_what_training_would_see(tmp_path):
    store = write_one(tmp_path / "s.h5")
    direct = training_dataset(SAMPLES, config()).unbatch().take(COUNT)
    for number, (image, wanted) in enumerate(direct):
        found, maps, valid = store.read(number, TARGETS.planes)
        step = store.file["grey"].attrs["scale"]
        np.testing.assert_allclose(found, image, atol=0.51 * step)
        np.testing.assert_allclose(maps, wanted["maps"], atol=0.51 / 255)
        np.testing.assert_array_equal(valid, wanted["valid"])


def test_groups_have_equal_numbers(tmp_path):
    settings = config()
    settings = settings.model_copy(
        update={"augment": settings.augment.model_copy(update={"steps": []})}
    )
    grey = write_one(tmp_path / "s.h5", settings).file["grey"]
    black = round(-LIMITS[0] * 255 / (LIMITS[1] - LIMITS[0]))
    of_a = [number for number in range(COUNT) if (grey[number] == black).any()]
    assert set(range(0, COUNT, 2)) - set(of_a) == set()
    assert len(of_a) <= COUNT // 2 + 2  # blank ROIs apart


def test_a_stopped_run_goes_on_and_ends_the_same(tmp_path):
    whole = write_one(tmp_path / "whole.h5")
    path = tmp_path / "s.h5"
    seen = []

    def stop(done, total, name):
        seen.append(done)
        return False

    options = {"count": COUNT, "progress": stop}
    assert write.write_store(path, SAMPLES, config(), ["s1", "s2"], **options) == 10
    assert not path.exists()
    (tmp_path / ".s-0123abcd.h5").touch()  # as one that was killed while it joined the parts
    before = (tmp_path / "s.h5.parts" / "00000000.h5").stat().st_mtime_ns
    assert write.write_store(path, SAMPLES, config(), ["s1", "s2"], **options) == 20
    assert (tmp_path / "s.h5.parts" / "00000000.h5").stat().st_mtime_ns == before
    assert same(write_one(path), whole)
    assert seen == [10, 20]
    assert not (tmp_path / "s.h5.parts").exists()
    assert not (tmp_path / ".s-0123abcd.h5").exists()


def test_parts_of_a_store_that_nobody_knows_are_not_mixed_in(tmp_path):
    """As a run leaves them that was killed while it removed them."""
    whole = write_one(tmp_path / "whole.h5")
    path = tmp_path / "s.h5"
    options = {"count": COUNT, "progress": lambda done, total, name: False}
    write.write_store(path, SAMPLES[:1], config(), ["s1"], **options)
    (tmp_path / "s.h5.parts" / "made_of.json").unlink()
    assert same(write_one(path), whole)


def test_a_run_told_to_stop_after_its_last_part_is_done(tmp_path):
    path = tmp_path / "s.h5"
    done = write.write_store(
        path, SAMPLES, config(), [], count=COUNT, progress=lambda done, total, name: done < COUNT
    )
    assert done == COUNT
    assert path.exists()


def test_a_damaged_part_is_named(tmp_path):
    path = tmp_path / "s.h5"
    options = {"count": COUNT, "progress": lambda done, total, name: False}
    write.write_store(path, SAMPLES, config(), ["s1", "s2"], **options)
    part = tmp_path / "s.h5.parts" / "00000000.h5"
    part.write_bytes(part.read_bytes()[:3000])
    with pytest.raises(DataError, match=r"00000000\.h5: is damaged.*Remove it"):
        write_one(path)


def test_parts_of_another_store_are_not_mixed_in(tmp_path):
    path = tmp_path / "s.h5"
    write.write_store(
        path, SAMPLES, config(), [], count=COUNT, progress=lambda done, total, name: False
    )
    with pytest.raises(DataError, match=r"s\.h5\.parts: holds parts of a store with other"):
        write_one(path, config(seed=8))


def test_threads_change_nothing(tmp_path):
    one = write_one(tmp_path / "1.h5", config(threads=1))
    assert same(one, write_one(tmp_path / "4.h5", config(threads=4)))
    assert not same(one, write_one(tmp_path / "other.h5", config(seed=5)))


def test_contents_and_attributes(tmp_path):
    file = write_one(tmp_path / "s.h5", bits=16, masks=True).file
    assert {*file} == {"grey", "labels", "distance", "border", "valid", *layout.MASKS}
    assert file["grey"].dtype == np.uint16
    assert file["labels"].dtype == np.uint16
    for number in range(COUNT):
        labels = file["labels"][number]
        assert [*np.unique(labels)] == [*range(labels.max() + 1)]
        np.testing.assert_array_equal(file["mask"][number], labels > 0)
        inner, boundary = file["erosion"][number], file["boundary"][number]
        np.testing.assert_array_equal(inner + boundary, labels > 0)
        np.testing.assert_array_equal(file["background"][number], labels == 0)
    assert file["boundary"][:].any()
    assert '"seed": 1' in file.attrs["made_of"]
    assert '"s1"' in file.attrs["made_of"]


def test_unknown_places_are_background_that_does_not_count():
    labels = np.zeros((32, 32), np.int32)
    labels[:, :10], labels[12:20, 16:24] = IGNORED, 7
    arrays = write.roi_arrays(np.zeros((32, 32, 1), np.float32), labels, TARGETS, shoulder=2)
    assert {*np.unique(arrays["labels"])} == {0, 1}
    assert not arrays["valid"][:, :12].any()
    assert arrays["valid"][16, 20] == 1


def test_a_field_without_nuclei_is_kept():
    arrays = write.roi_arrays(
        np.zeros((32, 32, 1), np.float32), np.zeros((32, 32), int), TARGETS, 2
    )
    assert not arrays["labels"].any()
    assert arrays["valid"].any()


def test_training_reads_every_roi_once_a_cycle_and_resumes(tmp_path):
    store = write_one(tmp_path / "s.h5")
    batches = [x.numpy() for x, _ in read.store_dataset(store, config()).take(10)]
    for cycle in (batches[:5], batches[5:]):
        rois = {roi.tobytes() for batch in cycle for roi in batch}
        assert rois == {store.read(number, TARGETS.planes)[0].tobytes() for number in range(COUNT)}
    assert batches[0].tobytes() != batches[5].tobytes()
    later = [x.numpy() for x, _ in read.store_dataset(store, config(), start=7).take(3)]
    np.testing.assert_array_equal(later, batches[7:])


def test_files_that_are_no_store(tmp_path):
    store = write_one(tmp_path / "s.h5")
    whole = (tmp_path / "s.h5").read_bytes()
    (tmp_path / "cut.h5").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"cut\.h5: is no ROI store, or cut short"):
        read.RoiStore(tmp_path / "cut.h5")
    with pytest.raises(DataError, match=r"none\.h5: is no ROI store"):
        read.RoiStore(tmp_path / "none.h5")
    with h5py.File(tmp_path / "old.h5", "w") as old:
        old.attrs.update({**store.file.attrs, "format": 0})
    with pytest.raises(DataError, match=r"old\.h5: format 0; this version reads format 1"):
        read.RoiStore(tmp_path / "old.h5")
    store.file.close()
    with h5py.File(tmp_path / "s.h5", "a") as file:
        file["grey"].id.write_direct_chunk((3, 0, 0), b"damage")
    with pytest.raises(DataError, match="ROI 3 is damaged"):
        read.RoiStore(tmp_path / "s.h5").read_labels(3)


def test_a_store_that_does_not_fit_is_refused(tmp_path):
    store = write_one(tmp_path / "s.h5")
    store.check(config(seed=9), ["s3"])
    with pytest.raises(DataError, match="1 of the fields that validate are in it"):
        store.check(config(), ["s2"])
    other = config().data.model_copy(update={"channel": 1})
    with pytest.raises(DataError, match=r"was made with data.channel None, .* says 1"):
        store.check(config().model_copy(update={"data": other}), [])
    with pytest.raises(DataError, match=r"was made with data.roi 64, the configuration says 96"):
        store.check(
            config().model_copy(update={"data": config().data.model_copy(update={"roi": 96})}), []
        )


def test_rois_come_from_everywhere_in_a_field():
    """The crops overlap at random: each pixel is about as likely as the others, edges apart."""
    settings = config()
    plain = settings.model_copy(
        update={
            "augment": settings.augment.model_copy(update={"steps": [], "zoom": (1.0, 1.0)}),
            "data": settings.data.model_copy(update={"blank": 0.0}),
        }
    )
    ramp = np.indices((200, 200)).sum(0).astype(np.float16) / 400
    field = Sample(ramp, np.zeros((200, 200), np.int32), 0.0, "")
    corners = [float(image[0, 0, 0]) for image, _ in roi_dataset([field], plain).take(300)]
    assert min(corners) < 0.1
    assert max(corners) > 0.55  # of 272 / 400 at most
    assert np.mean(corners) == pytest.approx(0.34, abs=0.03)


def test_mask_rcnn_trains_from_a_store_too(tmp_path):
    store = write_one(tmp_path / "s.h5")
    settings = make_config(config().model_dump() | {"model": {"family": "mask_rcnn"}})
    image, targets = next(iter(read.store_dataset(store, settings)))
    assert image.shape == (5, 64, 64, 1)
    first = np.random.default_rng((settings.training.seed, 0)).permutation(COUNT)[0]
    stored, valid = store.file["labels"][first], store.file["valid"][first]
    labels = targets["labels"][0].numpy()
    np.testing.assert_array_equal(labels == IGNORED, (stored == 0) & (valid == 0))
    np.testing.assert_array_equal(labels > 0, stored > 0)
    assert (targets["ids"][0].numpy() > 0).sum() == stored.max()
