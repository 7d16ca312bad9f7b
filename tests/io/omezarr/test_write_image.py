import numpy as np
import pytest
import zarr
from reference.ome import check_valid

from nucseg_tf.errors import DataError, OutputError
from nucseg_tf.imaging.scratch import scratch
from nucseg_tf.io.omezarr import pyramid
from nucseg_tf.io.omezarr.pyramid import halved
from nucseg_tf.io.omezarr.write_image import write_image
from nucseg_tf.io.readers.base import Stack


def means_of_cells(plane: np.ndarray) -> np.ndarray:
    """Naive twin of a level: the mean of each 2 x 2 pixels, rounded; odd ends are left out."""
    height, width = (side // 2 for side in plane.shape)
    out = np.zeros((height, width), plane.dtype)
    for row in range(height):
        for column in range(width):
            cell = plane[2 * row : 2 * row + 2, 2 * column : 2 * column + 2].astype(float)
            out[row, column] = np.rint(cell.sum() / 4)
    return out


def test_an_image_is_valid(image, version):
    check_valid(image, "image", version)


def test_levels_are_means(image, pixels):
    group = zarr.open_group(str(image), mode="r")
    expected = pixels[1, 2]
    for level in range(3):
        np.testing.assert_array_equal(group[str(level)][1, 2], expected)
        expected = means_of_cells(expected)


@pytest.mark.parametrize("dtype", ["uint8", "float32", ">u2"])
def test_other_types(tmp_path, dtype):
    data = np.arange(12).reshape(3, 4).astype(dtype)
    write_image(tmp_path / "a.zarr", data, levels=2)
    group = zarr.open_group(str(tmp_path / "a.zarr"), mode="r")
    np.testing.assert_array_equal(group["0"][:], data)
    np.testing.assert_array_equal(
        group["1"][:], np.array([[2.5, 4.5]]).round(8 * (dtype[0] == "f"))
    )


def test_blocks_are_as_the_whole(tmp_path, pixels, monkeypatch):
    write_image(tmp_path / "whole.zarr", pixels, "CZYX", levels=3)
    monkeypatch.setattr(pyramid, "CHUNK", 16)
    monkeypatch.setattr(pyramid.tiles, "__defaults__", (32,))
    lazy = Stack(pixels.shape, pixels.dtype, lambda place: pixels[place])
    write_image(tmp_path / "blocks.zarr", lazy, "CZYX", levels=3)
    whole, blocks = (zarr.open_group(str(tmp_path / f"{n}.zarr")) for n in ("whole", "blocks"))
    assert blocks["0"].chunks == (1, 1, 16, 16)
    for level in "012":
        np.testing.assert_array_equal(blocks[level][:], whole[level][:])


def test_a_mapped_image_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr("nucseg_tf.imaging.scratch.SMALL", 0)
    data = scratch((9, 8), np.uint8)
    data[:] = 7
    write_image(tmp_path / "a.zarr", data)
    assert zarr.open_group(str(tmp_path / "a.zarr"))["0"][:].min() == 7


def test_halved():
    assert halved((2, 513, 3)) == [(2, 513, 3), (2, 256, 1)]
    assert halved((512, 512)) == [(512, 512)]
    assert halved((1, 5000)) == [(1, 5000)]
    assert halved((8, 8), 9) == [(8, 8), (4, 4), (2, 2), (1, 1)]


def test_what_is_there_is_kept(image, pixels, version):
    with pytest.raises(OutputError, match=r"a\.zarr: is there already"):
        write_image(image, pixels, "CZYX", version=version)
    write_image(image, pixels[0], "ZYX", version=version, overwrite=True)
    assert zarr.open_group(str(image))["0"].ndim == 3
    assert [path.name for path in image.parent.iterdir()] == ["a.zarr"]


def test_nothing_is_left_of_a_failure(tmp_path):
    def fail(place):
        raise ValueError("no plane")

    with pytest.raises(ValueError, match="no plane"):
        write_image(tmp_path / "a.zarr", Stack((4, 5), np.uint8, fail))
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match=r"file/a\.zarr: cannot be written"):
        write_image(tmp_path / "file" / "a.zarr", np.eye(3))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"axes": "XY"}, "axes"),
        ({"axes": "CYX"}, "axes"),
        ({"channels": ["DAPI"]}, "names"),
        ({"version": "0.3"}, "0.3"),
    ],
)
def test_what_makes_no_sense(tmp_path, options, message):
    with pytest.raises(DataError, match=message):
        write_image(tmp_path / "a.zarr", np.eye(3), **options)
