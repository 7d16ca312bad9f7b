"""Label arrays in .npy and .npz."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
from reference.drawn import random_labels

from nucseg_tf.errors import DataError, LabelError, TooLargeError
from nucseg_tf.io.any_labels import holds_labels, read_any_labels
from nucseg_tf.io.labels import read_labels

LABELS = random_labels(4)


@pytest.mark.parametrize("kind", [np.uint8, ">u2", np.int32, np.int64, np.float32])
@pytest.mark.parametrize("order", ["C", "F"])
def test_what_is_saved_comes_back(tmp_path, kind, order):
    array = np.asarray(LABELS, kind, order=order)
    np.save(tmp_path / "a.npy", array)
    np.savez_compressed(tmp_path / "b.npz", array)
    np.savez(tmp_path / "c.npz", image=np.zeros((2, 3)), masks=array, labels_of_cells=array * 0)
    for name in ("a.npy", "b.npz", "c.npz"):
        assert holds_labels(tmp_path / name)
        found = read_any_labels(tmp_path / name, None)
        assert found.dtype == np.int32
        np.testing.assert_array_equal(found, LABELS)


def test_axes_of_length_one_are_dropped(tmp_path):
    for number, array in enumerate((LABELS[np.newaxis], LABELS[..., np.newaxis], LABELS[:1])):
        np.save(tmp_path / f"{number}.npy", array)
        assert read_labels(tmp_path / f"{number}.npy").shape in (LABELS.shape, (1, LABELS.shape[1]))


def test_true_and_false_are_a_binary_mask(tmp_path):
    np.save(tmp_path / "a.npy", LABELS > 0)
    assert np.unique(read_labels(tmp_path / "a.npy")).tolist() == [0, 1]
    assert read_any_labels(tmp_path / "a.npy", None, split_binary=True).max() > 1


class Evil:
    def __reduce__(self):
        return (open, ("ran", "w"))


def npy(array, **options):
    stream = io.BytesIO()
    np.save(stream, array, **options)
    return stream.getvalue()


def header(shape, descr="<i4"):
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        stream, {"descr": descr, "fortran_order": False, "shape": shape}
    )
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "cannot be read as an array"),
        (b"none", "cannot be read as an array"),
        (npy(LABELS)[:300], "cannot be read as an array"),
        (npy(LABELS)[:20], "cannot be read as an array"),
        (header((-4, 5)), "cannot be read as an array"),
        (npy(np.stack([LABELS] * 3)), r"shape \(3, 28, 35\).*save each image of a stack"),
        (npy(LABELS[0]), r"of shape \(35,\), expected \(H, W\)\. Save"),
        (npy(LABELS[:0]), r"of shape \(0, 35\), expected"),
        (npy(LABELS.astype(complex)), "complex128, no labels"),
        (npy(np.array(["a"])), "no labels"),
        (npy(np.zeros(3, [("a", "i4")])), "no labels"),
        (npy(LABELS + 0.5), "not whole numbers"),
        (npy(LABELS - 1), "negative"),
        (npy(np.array(Evil(), object)), "a pickle, which is not read.*STEM_seg.npy"),
    ],
)
def test_what_is_no_label_array_is_told(tmp_path, monkeypatch, content, told):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(LabelError, match=rf"a\.npy: .*{told}"):
        read_labels(tmp_path / "a.npy")
    with zipfile.ZipFile(tmp_path / "b.npz", "w") as archive:
        archive.writestr("arr_0.npy", content)
    with pytest.raises(LabelError, match=rf"b\.npz: .*{told}"):
        read_labels(tmp_path / "b.npz")
    assert {path.name for path in tmp_path.iterdir()} == {"a.npy", "b.npz"}


def test_claims_are_checked_before_memory_is_taken(tmp_path):
    (tmp_path / "a.npy").write_bytes(header((10**6, 10**6)))
    with zipfile.ZipFile(tmp_path / "b.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("arr_0.npy", header((2**13, 2**13)) + b"0")
    for name in ("a.npy", "b.npz"):
        with pytest.raises(TooLargeError, match=name):
            read_labels(tmp_path / name)


def test_which_array_must_be_clear(tmp_path):
    np.savez(tmp_path / "a.npz", x=LABELS, z=LABELS)
    np.savez(tmp_path / "b.npz")
    (tmp_path / "c.npz").write_bytes(b"PK\3\4 no zip")
    for name, told in (
        ("a", "which array.*x.npy, z.npy"),
        ("b", "It has none"),
        ("c", "cannot be read"),
    ):
        with pytest.raises(DataError, match=rf"{name}\.npz: .*{told}"):
            read_labels(tmp_path / f"{name}.npz")
