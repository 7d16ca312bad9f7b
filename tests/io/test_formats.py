"""A format that this package has never heard of works once its reader and writer are registered."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from nucseg_tf.data.manifest import scan
from nucseg_tf.errors import ImageReadError, UsageError
from nucseg_tf.evaluation.pairs import label_files
from nucseg_tf.io.files import atomic_path
from nucseg_tf.io.formats import image_suffixes, label_suffixes, reader_for, result_endings
from nucseg_tf.io.images import images_in, list_images, read_image
from nucseg_tf.io.labels import read_labels
from nucseg_tf.io.readers.base import RawImage, Reader
from nucseg_tf.io.writers.base import Writer
from nucseg_tf.registry import READERS, WRITERS
from nucseg_tf.types import Image, Instances


class DigitsReader(Reader):
    """A digit a pixel, a line a row, an empty line between planes."""

    suffixes = (".digits", ".guess")
    lossy_suffixes = (".guess",)

    def recognises(self, head: bytes) -> bool:
        return head.strip(b"0123456789\n") == b""

    def read(self, path: Path) -> RawImage:
        planes = path.read_text().strip().split("\n\n")
        data = np.array([[[*map(int, line)] for line in plane.split()] for plane in planes])
        return RawImage(data.astype(np.uint8), "ZYX", lossy=path.suffix == ".guess")


class DigitsWriter(Writer):
    """Labels in the same format."""

    ending = "_found.digits"
    help = "also write STEM_found.digits"

    def write(self, path: Path, image: Image, found: Instances) -> None:
        rows = ("".join(map(str, row)) for row in found.labels.tolist())
        with atomic_path(path) as temporary:
            temporary.write_text("\n".join(rows))


@pytest.fixture
def digits(monkeypatch) -> Writer:
    """The toy format registered, for the time of a test."""
    for known in (READERS, WRITERS):
        monkeypatch.setattr(known, "_entries", dict(known._entries))
    READERS.register("digits", DigitsReader())
    WRITERS.register("digits", DigitsWriter())
    return WRITERS["digits"]


def test_what_comes_with_the_package():
    assert image_suffixes() == (
        ".tif", ".tiff", ".png", ".jpg", ".jpeg", ".bmp", ".gif", ".zarr", ".h5", ".hdf5", ".czi",
        ".nd2", ".lif",
    )  # fmt: skip
    assert set(image_suffixes()) - set(label_suffixes()) == {".jpg", ".jpeg"}
    assert set(result_endings()) == {
        "_labels.tif", "_labels.tiff", "_masks.tif", "_masks.tiff", "_overlay.png",
        "_thumbnail.jpg", "_cp_masks.png", "_cp_output.png", "_cp_flows.tif",
    }  # fmt: skip
    assert reader_for(Path("A.TIF")) is READERS["tiff"]
    assert reader_for(Path("a.digits")) is None


@pytest.mark.parametrize("reader", list(READERS))
def test_suffixes_are_as_the_protocol_says(reader):
    assert reader.suffixes
    assert all(s == s.lower() and s.startswith(".") for s in reader.suffixes)
    assert set(reader.lossy_suffixes) <= set(reader.suffixes)


def test_a_registered_reader_reads(digits, tmp_path):
    (tmp_path / "a.digits").write_text("012\n345\n\n678\n901")
    with pytest.raises(ImageReadError, match=r"a\.digits.*Z=2.*--z 0\.\.1"):
        read_image(tmp_path / "a.digits")
    assert read_image(tmp_path / "a.digits", z=1).pixels.tolist() == [[6, 7, 8], [9, 0, 1]]
    (tmp_path / "bad.digits").write_text("01x")
    with pytest.raises(ImageReadError, match=r"bad\.digits: damaged.*invalid literal"):
        read_image(tmp_path / "bad.digits")


def test_its_suffix_is_an_image_everywhere(digits, tmp_path):
    for name in ("b.digits", "a.tif", "c.guess", "a_found.digits"):
        (tmp_path / name).write_text("1")
    assert [file.name for file in list_images([tmp_path])] == ["a.tif", "b.digits", "c.guess"]
    assert len(images_in(tmp_path)) == 4
    # c.guess is lossy, so it cannot hold labels.
    assert label_files(tmp_path, ("_found", "")) == {
        "a": tmp_path / "a_found.digits", "b": tmp_path / "b.digits"
    }  # fmt: skip
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"\.bmp, .*\.digits, \.guess"):
        list_images([tmp_path / "empty"])


def test_a_data_set_of_it(digits, tmp_path):
    for kind in ("images", "masks"):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / "a.digits").write_text("012\n345")
    fields, problems = scan(tmp_path)
    assert [(field.name, field.image.suffix) for field in fields] == [("a", ".digits")]
    assert problems == []
    assert read_labels(fields[0].masks[0]).tolist() == [[0, 1, 2], [3, 4, 5]]


def test_a_registered_writer_writes_what_the_reader_reads(digits, tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.eye(3, dtype=np.uint8))
    image = read_image(tmp_path / "a.tif")
    found = Instances(np.diag(np.array([1, 2, 3], np.int32)), np.ones(3, np.float32))
    path = tmp_path / f"{image.path.stem}{digits.ending}"
    digits.write(path, image, found)
    np.testing.assert_array_equal(read_labels(path), found.labels)
    assert list_images([tmp_path]) == [tmp_path / "a.tif"]  # a result is no image
