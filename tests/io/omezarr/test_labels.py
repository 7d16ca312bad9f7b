import json
import shutil

import numpy as np
import pytest
import zarr
from reference.ome import check_valid

from nucseg_tf.errors import ImageReadError, LabelError, OutputError, UsageError
from nucseg_tf.imaging.scratch import scratch
from nucseg_tf.io.omezarr import pyramid
from nucseg_tf.io.omezarr.labels import write_labels
from nucseg_tf.io.omezarr.multiscale import read_multiscale
from nucseg_tf.io.omezarr.write_image import write_image
from nucseg_tf.io.readers.omezarr import READER


@pytest.fixture
def labels(pixels):
    """(Z, H, W) int32 of the image of `pixels`, some beyond 16 bits."""
    return pixels[0].astype(np.int32) * 3


def naive_nearest(plane: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Each pixel is the one its middle lies in; on an edge, the later one."""
    out = np.zeros(shape, plane.dtype)
    for row in range(shape[0]):
        for column in range(shape[1]):
            y, x = (
                (row + 0.5) * plane.shape[0] / shape[0],
                (column + 0.5) * plane.shape[1] / shape[1],
            )
            out[row, column] = plane[int(y), int(x)]
    return out


def opened(path):
    return zarr.open_group(str(path), mode="r", use_consolidated=False)


def test_labels_are_valid(image, labels, version):
    assert write_labels(image, labels) == image / "labels" / "nuclei"
    check_valid(image / "labels", "labels", version)
    check_valid(image / "labels" / "nuclei", "image_label", version)
    check_valid(image, "image", version)


def test_what_a_killed_process_left_goes(image, labels):
    half, other = image / "labels" / ".nuclei-0123abcd", image / "labels" / ".cells-0123abcd"
    for folder in (half, other):
        (folder / "0").mkdir(parents=True)
    write_labels(image, labels)
    assert not half.exists()
    assert other.exists()


def test_metadata_that_zarr_was_killed_while_it_wrote_go(image, labels):
    names = [f"zarr.{32 * '0'}.partial", f".zattrs.{32 * 'a'}.partial"]
    (image / "labels").mkdir()
    left = [folder / name for folder in (image, image / "labels") for name in names]
    for path in left:
        path.touch()
    (image / "mine.partial").touch()
    write_labels(image, labels)
    assert not any(path.exists() for path in left)
    assert (image / "mine.partial").exists()


def test_levels_and_metadata_are_the_images(image, labels):
    group = opened(write_labels(image, iter(labels)))
    held, of_image = read_multiscale(group), read_multiscale(opened(image))
    assert (held.axes, held.levels) == ("zyx", ("0", "1", "2"))
    assert held.scales == tuple(scale[1:] for scale in of_image.scales)
    assert held.units == of_image.units[1:]
    plane = labels[1]
    for level in held.levels:
        array = group[level]
        assert (array.dtype, array.shape[1:]) == (np.uint32, opened(image)[level].shape[2:])
        plane = naive_nearest(plane, array.shape[1:])
        np.testing.assert_array_equal(array[1], plane)


def test_levels_of_any_ratio(tmp_path, version):
    """As other programs write them: planes are reduced, too, and not by halves."""
    write_image(tmp_path / "a.zarr", np.zeros((5, 30, 40), np.uint8), "ZYX", version=version)
    group = zarr.open_group(str(tmp_path / "a.zarr"), mode="r+")
    pyramid.create_level(group, "small", (2, 10, 13), np.uint8, "zyx")[:] = 1
    attributes = group.attrs.asdict()
    inner = attributes.get("ome", attributes)
    step = {"type": "scale", "scale": [2.5, 3.0, 40 / 13]}
    inner["multiscales"][0]["datasets"].append(
        {"path": "small", "coordinateTransformations": [step]}
    )
    group.attrs.put(attributes)
    labels = np.random.default_rng(0).integers(0, 99, (5, 30, 40))
    small = opened(write_labels(tmp_path / "a.zarr", labels))["small"]
    for place, source in ((0, 1), (1, 3)):  # middles of 2 along 5: 1.25 and 3.75
        np.testing.assert_array_equal(small[place], naive_nearest(labels[source], (10, 13)))


def test_blocks_are_as_the_whole(image, labels, monkeypatch):
    whole = opened(write_labels(image, labels))
    monkeypatch.setattr(pyramid, "CHUNK", 16)
    monkeypatch.setattr(pyramid.tiles, "__defaults__", (32,))
    monkeypatch.setattr("nucseg_tf.imaging.scratch.SMALL", 0)
    mapped = scratch(labels.shape, np.int32)
    mapped[:] = labels
    blocks = opened(write_labels(image, mapped, "blocks"))
    for level in "012":
        np.testing.assert_array_equal(blocks[level][:], whole[level][:])


def test_some_planes(image, labels):
    found = opened(write_labels(image, [labels[2]], places=[(2,)]))["0"]
    np.testing.assert_array_equal(found[2], labels[2])
    assert not found[:2].any()


def test_a_projection_stands_for_all_planes(image, labels, version):
    path = write_labels(image, labels[0], projected="z")
    check_valid(path, "image_label", version)
    held = read_multiscale(opened(path))
    assert opened(path)["0"].shape == (1, *labels.shape[1:])
    assert held.scales[0] == (4.5, 0.3, 0.3)  # three planes of 1.5
    assert held.translations[0] == (1.5, 0.0, 0.0)  # the middle one of 0, 1.5 and 3
    with pytest.raises(UsageError, match="'c'"):
        write_labels(image, labels[0], "other", projected="c")


def test_readers_see_them(image, labels):
    raw = READER.read(write_labels(image, labels * 0))
    assert (raw.axes, raw.pixel_size, raw.plane_distance) == ("ZYX", 0.3, 1.5)
    assert not raw.data[:, :, :].any()  # without a nucleus, and no error


def test_labels_are_listed_and_kept(image, labels, version):
    write_labels(image, labels, "a")
    write_labels(image, labels, "b")
    with pytest.raises(OutputError, match=r"labels/a: is there already"):
        write_labels(image, labels * 0, "a")
    assert opened(image / "labels" / "a")["0"][:].any()
    write_labels(image, labels * 0, "a", overwrite=True)
    assert not opened(image / "labels" / "a")["0"][:].any()
    said = opened(image / "labels").attrs.asdict()
    assert said.get("ome", said)["labels"] == ["a", "b"]
    names = {path.name for path in (image / "labels").iterdir() if path.is_dir()}
    assert names == {"a", "b"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda labels: labels[:2], "fewer came"),
        (lambda labels: [*labels, labels[0]], "more came"),
        (lambda labels: labels[:, :-1], "as large as the image"),
        (lambda labels: labels - 1 - labels.max(), "Received: -"),
        (lambda labels: labels.astype(float), "whole numbers"),
        (lambda labels: labels.astype(np.int64) + 2**32, "4294967295"),
    ],
)
def test_no_labels_leave_nothing(image, labels, change, message):
    with pytest.raises(LabelError, match=message):
        write_labels(image, change(labels))
    said = opened(image / "labels").attrs.asdict()
    assert "labels" not in said.get("ome", said)
    assert not [path for path in (image / "labels").iterdir() if path.is_dir()]


@pytest.mark.parametrize("name", ["", "a/b", ".a", "..", "__a"])
def test_names_that_are_none(image, labels, name):
    with pytest.raises(UsageError, match="cannot have the name"):
        write_labels(image, labels, name)


def test_consolidated_metadata_follow(image, labels):
    zarr.consolidate_metadata(str(image))
    write_labels(image, labels)
    assert zarr.open_consolidated(str(image))["labels/nuclei/0"].shape == labels.shape


def test_a_level_that_is_missing(image, labels):
    shutil.rmtree(image / "2")
    with pytest.raises(ImageReadError, match=r"a\.zarr/2: is missing"):
        write_labels(image, labels)


def test_json_is_what_others_read(image, labels, version):
    path = write_labels(image, labels)
    name = ".zattrs" if version == "0.4" else "zarr.json"
    said = json.loads((path / name).read_text())
    said = said["attributes"]["ome"] if version == "0.5" else said
    assert said["image-label"]["source"] == {"image": "../../"}
