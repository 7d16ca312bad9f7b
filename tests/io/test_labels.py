import cv2
import h5py
import numpy as np
import pytest
import tifffile

from nucseg_tf.errors import ImageReadError, LabelError, OutputError
from nucseg_tf.io.images import read_image
from nucseg_tf.io.labels import read_labels, read_mask_stack, relabel, write_labels

LABELS = np.array([[0, 1, 1, 0], [0, 1, 0, 300], [2, 2, 0, 300]], np.int32)


@pytest.mark.parametrize(("highest", "dtype"), [(65_535, np.uint16), (65_536, np.uint32)])
def test_write_and_read_back(tmp_path, highest, dtype):
    labels = LABELS.copy()
    labels[0, 0] = highest
    write_labels(tmp_path / "a_labels.tif", labels)
    assert tifffile.imread(tmp_path / "a_labels.tif").dtype == dtype
    read = read_labels(tmp_path / "a_labels.tif")
    assert read.dtype == np.int32
    np.testing.assert_array_equal(read, labels)
    assert read_image(tmp_path / "a_labels.tif").pixel_size is None


@pytest.mark.parametrize("pixel_size", [0.0625, 0.65, 2.0])
def test_pixel_size_is_given_back(tmp_path, pixel_size):
    write_labels(tmp_path / "a.tif", LABELS, pixel_size=pixel_size)
    read = read_image(tmp_path / "a.tif").pixel_size
    assert read == pytest.approx(pixel_size, rel=1e-6)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (5, 1)])
def test_thin_and_empty_label_images(tmp_path, shape):
    write_labels(tmp_path / "a.tif", np.zeros(shape, np.int64))
    assert read_labels(tmp_path / "a.tif").shape == shape


def test_png_float_and_grey_colour_labels(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), LABELS.astype(np.uint16))
    tifffile.imwrite(tmp_path / "a.tif", LABELS.astype(np.float32))
    for name in ("a.png", "a.tif"):
        np.testing.assert_array_equal(read_labels(tmp_path / name), LABELS)
    mask = (LABELS > 0).astype(np.uint8) * 255
    cv2.imwrite(str(tmp_path / "rgb.png"), np.stack([mask] * 3, axis=-1))
    np.testing.assert_array_equal(read_labels(tmp_path / "rgb.png"), mask)


def test_what_is_no_label_image_is_named(tmp_path):
    def save(name, array, **options):
        tifffile.imwrite(tmp_path / name, array, **options)

    save("half.tif", LABELS + np.float32(0.5))
    save("nan.tif", np.where(LABELS == 1, np.nan, LABELS).astype(np.float32))
    save("negative.tif", LABELS - 1)
    save("huge.tif", LABELS.astype(np.uint32) + np.uint32(2**31))
    save("stack.tif", np.stack([LABELS] * 5), photometric="minisblack")
    colour = np.stack([LABELS + 1, LABELS * 2, LABELS * 3], axis=-1).astype(np.uint8)
    save("colour.tif", colour, photometric="rgb")
    cv2.imwrite(str(tmp_path / "lossy.jpg"), LABELS.astype(np.uint8))
    for name, reason in [
        ("half.tif", "not whole"),
        ("nan.tif", "not whole"),
        ("negative.tif", "negative"),
        ("huge.tif", "above 2,147,483,647"),
        ("stack.tif", "more than two dimensions"),
        ("colour.tif", "colour image without black"),
        ("lossy.jpg", "JPEG"),
    ]:
        with pytest.raises(LabelError, match=rf"{name}: .*{reason}"):
            read_labels(tmp_path / name)
    with pytest.raises(ImageReadError, match=r"gone\.tif"):
        read_labels(tmp_path / "gone.tif")


def test_mask_stack_first_mask_keeps_overlaps_and_empty_masks_take_no_number(tmp_path):
    first = np.array([[255, 255, 0, 0]], np.uint8)
    empty = np.zeros((1, 4), np.uint8)
    second = np.array([[0, 255, 255, 0]], np.uint8)
    last = np.array([[0, 0, 0, 255]], np.uint8)
    paths = []
    for i, mask in enumerate((empty, first, empty, first, second, last)):
        paths.append(tmp_path / f"{i}.png")
        cv2.imwrite(str(paths[-1]), mask)
    assert read_mask_stack(paths).tolist() == [[1, 1, 2, 3]]
    cv2.imwrite(str(tmp_path / "other.png"), np.zeros((2, 4), np.uint8))
    with pytest.raises(LabelError, match=r"other\.png: shape \(2, 4\) differs"):
        read_mask_stack([*paths, tmp_path / "other.png"])
    with pytest.raises(LabelError, match="no mask files"):
        read_mask_stack([])


def test_write_rejects_what_is_no_label_image(tmp_path):
    for bad in (LABELS.astype(float), LABELS[0], LABELS - 1):
        with pytest.raises(LabelError, match=r"a\.tif"):
            write_labels(tmp_path / "a.tif", bad)
    assert not list(tmp_path.iterdir())


def test_write_below_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"a\.tif: cannot be written"):
        write_labels(tmp_path / "file" / "a.tif", LABELS)


def test_relabel_closes_gaps_in_order():
    relabelled = relabel(LABELS.astype(np.uint32))
    assert relabelled.dtype == np.int32
    np.testing.assert_array_equal(relabelled, np.where(LABELS == 300, 3, LABELS))
    np.testing.assert_array_equal(relabel(np.zeros((2, 3), int)), np.zeros((2, 3)))


@pytest.mark.parametrize("axes", ["yx", "xy", "xyc", "cxy", None])
def test_labels_whose_columns_come_first_are_turned_not_reshaped(tmp_path, axes):
    stored = LABELS.T if axes and "xy" in axes else LABELS
    stored = np.expand_dims(stored, axes.index("c")) if axes and "c" in axes else stored
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = file.create_dataset("labels", data=stored)
        if axes:
            data.attrs["axes"] = axes
    np.testing.assert_array_equal(read_labels(tmp_path / "a.h5"), LABELS)


def test_one_channel_that_comes_last_without_a_name(tmp_path):
    labels = np.kron(LABELS, np.ones((4, 4), np.int32))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["labels"] = labels[:, :, np.newaxis]
    np.testing.assert_array_equal(read_labels(tmp_path / "a.h5"), labels)
    np.testing.assert_array_equal(read_image(tmp_path / "a.h5").pixels, labels)
