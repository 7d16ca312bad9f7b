"""Files as Cellpose's np.save(STEM_seg.npy, dictionary) writes them, and what must not be run."""

import os
import pickle
from datetime import datetime
from pathlib import Path, PurePosixPath

import numpy as np
import pytest

from nucseg_tf.errors import LabelError
from nucseg_tf.io.cellpose import read_seg
from nucseg_tf.io.labels import read_labels


def masks(dtype="uint16"):
    labels = np.zeros((20, 30), dtype)
    labels[2:9, 3:12], labels[11:18, 15:29] = 1, 2
    return labels


def content(**others):
    """What the program keeps beside the masks, of which nothing is needed."""
    return {
        "outlines": np.zeros((20, 30), np.uint16),
        "masks": masks(),
        "chan_choose": [0, 0],
        "ismanual": np.zeros(2, bool),
        "filename": "/data/a.tif",
        "flows": [np.zeros((1, 20, 30, 3), np.uint8), None, np.zeros((2, 20, 30), np.float32)],
        "diameter": np.float64(17.5),
        "model_path": PurePosixPath("/models/cyto3"),
        "manual_changes": [[datetime(2024, 1, 2), "added mask", [1]]],
        "normalize_params": {"lowhigh": None, "percentile": [1.0, 99.0]},
    } | others


@pytest.mark.parametrize(
    "dtype", ["uint8", "uint16", "uint32", "int32", "int64", "float32", ">u2", ">i4"]
)
@pytest.mark.parametrize("order", ["C", "F"])
def test_masks_are_read(tmp_path, dtype, order):
    np.save(tmp_path / "a_seg.npy", content(masks=np.array(masks(dtype), order=order)))
    np.testing.assert_array_equal(read_seg(tmp_path / "a_seg.npy"), masks())
    read = read_labels(tmp_path / "a_seg.npy")
    assert read.dtype == np.int32
    np.testing.assert_array_equal(read, masks())


class Evil:
    """Whoever unpickles it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_nothing_of_it_is_run(tmp_path):
    np.save(tmp_path / "a_seg.npy", content(evil=Evil(tmp_path / "made")))
    np.testing.assert_array_equal(read_seg(tmp_path / "a_seg.npy"), masks())
    assert not (tmp_path / "made").exists()
    pickle.loads(pickle.dumps(Evil(tmp_path / "made")))  # so it would be
    assert (tmp_path / "made").exists()


def save_bytes(path: Path, text: bytes):
    """A pickle where one array of objects is announced."""
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "|O", "fortran_order": False, "shape": ()}
        )
        file.write(text)


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"cos\nsystem\n(S'false'\ntR.",
        b"\x80\x04N.",
        b"\x80\x04]\x94.",
        pickle.dumps({"masks": 1}),
        pickle.dumps(np.zeros((), object)),
        pickle.dumps(np.array({"outlines": 1}, object)),
        pickle.dumps(np.array({"masks": np.array([None])}, object)),
        pickle.dumps(np.array({"masks": np.array(["a"])}, object)),
        pickle.dumps(np.array({"masks": "a"}, object)),
    ],
)
def test_what_is_none_is_refused(tmp_path, bad):
    save_bytes(tmp_path / "a_seg.npy", bad)
    with pytest.raises(LabelError, match=r"a_seg\.npy: cannot be read.*Save the masks as TIFF"):
        read_seg(tmp_path / "a_seg.npy")


def test_a_shape_that_its_bytes_do_not_fill_is_refused(tmp_path):
    text = pickle.dumps(np.array({"masks": masks("uint8")}, object), protocol=4)
    assert text.count(b"K\x14K\x1e\x86") == 1  # the tuple 20, 30
    save_bytes(tmp_path / "a_seg.npy", text.replace(b"K\x14K\x1e\x86", b"K\xffK\xff\x86"))
    with pytest.raises(LabelError, match="cannot reshape"):
        read_seg(tmp_path / "a_seg.npy")


@pytest.mark.parametrize("share", [0.01, 0.3, 0.9])
def test_cut_short(tmp_path, share):
    np.save(tmp_path / "a_seg.npy", content())
    whole = (tmp_path / "a_seg.npy").read_bytes()
    (tmp_path / "a_seg.npy").write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(LabelError, match=r"a_seg\.npy: cannot be read"):
        read_seg(tmp_path / "a_seg.npy")


def test_plain_arrays_and_stacks_are_refused(tmp_path):
    np.save(tmp_path / "a_seg.npy", masks())
    with pytest.raises(LabelError, match="an array, not a dictionary"):
        read_seg(tmp_path / "a_seg.npy")
    np.save(tmp_path / "b_seg.npy", content(masks=np.zeros((3, 20, 30), np.uint16)))
    with pytest.raises(LabelError, match=r"b_seg\.npy: labels of shape \(3, 20, 30\)"):
        read_labels(tmp_path / "b_seg.npy")


def test_large_files_are_refused_before_they_are_read(tmp_path, monkeypatch):
    np.save(tmp_path / "a_seg.npy", content())
    monkeypatch.setattr("nucseg_tf.io.cellpose.MOST", 100)
    with pytest.raises(LabelError, match="larger than"):
        read_seg(tmp_path / "a_seg.npy")


def test_a_pickle_that_would_take_all_memory(tmp_path):
    """Ten bytes that make Python remember something at place 2**31 - 1 take 32 GiB."""
    np.save(tmp_path / "a_seg.npy", content())
    head = (tmp_path / "a_seg.npy").read_bytes()[:128]
    (tmp_path / "a_seg.npy").write_bytes(head + b"\x80\x02Nr\xff\xff\xff\x7f.")
    with pytest.raises(LabelError, match=r"it remembers 3 things at most"):
        read_seg(tmp_path / "a_seg.npy")
