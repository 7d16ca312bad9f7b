from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile

from nucseg_tf.errors import ImageReadError, UsageError
from nucseg_tf.io.choices import parse
from nucseg_tf.io.images import read_image, read_raw
from nucseg_tf.io.planes import find_planes, select_plane


def blobs(shape=(40, 60)):
    """A smooth picture that JPEG keeps well."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return (120 + 100 * np.sin(rows / 9) * np.cos(columns / 11)).astype(np.uint8)


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif"])
def test_grey_stored_as_colour_with_alpha_reads_as_grey(tmp_path, suffix):
    image = blobs()
    alpha = np.arange(image.size, dtype=np.uint8).reshape(image.shape)
    colour = np.stack([image] * 3 + [alpha] * (suffix != ".bmp"), axis=-1)
    path = tmp_path / f"a{suffix}"
    if suffix == ".tif":
        tifffile.imwrite(path, colour, photometric="rgb", extrasamples=["unassalpha"])
    else:
        cv2.imwrite(str(path), colour)
    np.testing.assert_array_equal(read_image(path).pixels, image)


def test_grey_jpeg_stored_as_colour_reads_as_grey(tmp_path):
    image = blobs()
    cv2.imwrite(str(tmp_path / "a.jpg"), np.stack([image] * 3, axis=-1))
    read = read_image(tmp_path / "a.jpg").pixels
    assert read.shape == image.shape
    assert np.abs(read.astype(int) - image).max() < 10


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_the_only_channel_with_content_is_taken(tmp_path, suffix):
    colour = np.zeros((40, 60, 3), np.uint8)
    colour[..., 2] = blobs()  # blue, as DAPI often is
    path = tmp_path / f"a{suffix}"
    if suffix == ".png":
        cv2.imwrite(str(path), colour[..., ::-1])
    else:
        tifffile.imwrite(path, colour, photometric="rgb")
    np.testing.assert_array_equal(read_image(path).pixels, blobs())


def test_true_colour_needs_a_channel(tmp_path):
    colour = np.stack([blobs(), blobs().T.reshape(40, 60), 255 - blobs()], axis=-1)
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), colour[..., ::-1])
    with pytest.raises(ImageReadError, match=r"a\.png.*--channel 0\.\.2 \(or red, green, blue"):
        read_image(path)
    for channel in range(3):
        np.testing.assert_array_equal(
            read_image(path, channel=channel).pixels, colour[..., channel]
        )
    np.testing.assert_array_equal(read_image(path, channel="blue").pixels, colour[..., 2])
    np.testing.assert_array_equal(read_image(path, channel="max").pixels, colour.max(axis=-1))
    with pytest.raises(ImageReadError, match=r"--channel 3 is out of range; this file has 0\.\.2"):
        read_image(path, channel=3)


@pytest.mark.parametrize("kind", ["imagej", "ome"])
def test_stack_of_channels_needs_both_choices(tmp_path, kind):
    stack = np.random.default_rng(0).integers(0, 9999, (4, 2, 6, 7)).astype(np.uint16)
    path = tmp_path / "a.tif"
    metadata = {"axes": "ZCYX"}
    tifffile.imwrite(path, stack, imagej=kind == "imagej", ome=kind == "ome", metadata=metadata)
    with pytest.raises(ImageReadError, match=r"a\.tif.*Z=4, C=2.*--z 0\.\.3.*--channel 0\.\.1"):
        read_image(path)
    np.testing.assert_array_equal(read_image(path, channel=1, z=2).pixels, stack[2, 1])
    np.testing.assert_array_equal(read_image(path, channel="0", z="max").pixels, stack[:, 0].max(0))


def test_unnamed_axis_answers_to_z_or_channel(tmp_path):
    pages = np.random.default_rng(0).integers(0, 99, (5, 6, 7)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", pages, photometric="minisblack", metadata=None)
    with pytest.raises(ImageReadError, match=r"a\.tif.*--z 0\.\.4 \(or max, mean, focus, each\)"):
        read_image(tmp_path / "a.tif")
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif", z=3).pixels, pages[3])
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif", channel=3).pixels, pages[3])


def test_time_answers_to_t_and_to_z_where_there_is_no_z(tmp_path):
    movie = np.random.default_rng(0).integers(0, 99, (3, 2, 6, 7)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "t.tif", movie[:, 0], imagej=True, metadata={"axes": "TYX"})
    np.testing.assert_array_equal(read_image(tmp_path / "t.tif", z=1).pixels, movie[1, 0])
    tifffile.imwrite(tmp_path / "tz.tif", movie, imagej=True, metadata={"axes": "TZYX"})
    with pytest.raises(ImageReadError, match=r"tz.tif.*T=3, Z=2.*--t 0..2 \(or each"):
        read_image(tmp_path / "tz.tif", z=1)


@pytest.mark.parametrize("value", ["median", -1, 1.5, "-2"])
def test_malformed_choices(tmp_path, value):
    with pytest.raises(UsageError, match="--z: expected an index from 0, max"):
        read_image(tmp_path / "a.tif", z=value)


def test_a_channel_by_name(tmp_path):
    stack = np.random.default_rng(0).integers(0, 9999, (3, 6, 7)).astype(np.uint16)
    path = tmp_path / "a.ome.tif"
    metadata = {"axes": "CYX", "Channel": {"Name": ["GFP", "DAPI", "405"]}}
    tifffile.imwrite(path, stack, ome=True, metadata=metadata, photometric="minisblack")
    for channel, index in (("DAPI", 1), ("dapi", 1), (405, 2), ("405", 2), (0, 0), ("GFP", 0)):
        found = read_image(path, channel=channel).pixels
        np.testing.assert_array_equal(found, stack[index])
    with pytest.raises(
        ImageReadError, match=r"--channel 'RFP' is unknown.*0\.\.2 \(GFP, DAPI, 405"
    ):
        read_image(path, channel="RFP")
    with pytest.raises(ImageReadError, match=r"channels GFP, DAPI, 405.*--channel 0\.\.2 \(or GFP"):
        read_image(path)


@pytest.mark.parametrize("packed", [False, True])
def test_t_z_and_projections(tmp_path, packed, monkeypatch):
    stack = np.random.default_rng(0).integers(0, 9999, (3, 4, 6, 7)).astype(np.uint16)
    stack[1] //= 100
    stack[1, 2] *= 90  # the sharpest
    path = tmp_path / "a.tif"
    options = {"compression": "zlib"} if packed else {}
    metadata = {"axes": "TZYX"}
    tifffile.imwrite(path, stack, ome=True, metadata=metadata, photometric="minisblack", **options)
    monkeypatch.setattr("nucseg_tf.imaging.scratch.SMALL", 100)
    raw = read_raw(path)

    def found(**choice):
        return select_plane(path, raw, parse(**choice))

    np.testing.assert_array_equal(found(t=2, z=3), stack[2, 3])
    np.testing.assert_array_equal(found(t=1, z="max"), stack[1].max(0))
    np.testing.assert_allclose(found(t=1, z="mean"), stack[1].mean(0), rtol=1e-6)
    np.testing.assert_array_equal(found(t=1, z="focus"), stack[1, 2])
    with pytest.raises(ImageReadError, match=r"--t 3 is out of range; this file has 0\.\.2"):
        found(t=3, z=0)
    with pytest.raises(ImageReadError, match=r"Choose with --t 0\.\.2 \(or each\) and --z 0\.\.3"):
        found()


def test_names_that_are_numbers(tmp_path):
    path = tmp_path / "a.ome.tif"
    pixels = np.stack([np.full((4, 5), 7), *np.arange(40).reshape(2, 4, 5)]).astype(np.uint16)
    for names, given in ((["1", "2", "01"], "2"), (["x", "01", "2"], "01"), (["x", "y", "z"], 1)):
        tifffile.imwrite(path, pixels, metadata={"axes": "CYX", "Channel": {"Name": names}})
        np.testing.assert_array_equal(read_image(path, channel=given).pixels, pixels[1])
    pixels[2] = 0  # only in the second there is something to be seen, so it needs no choice
    tifffile.imwrite(path, pixels, metadata={"axes": "CYX", "Channel": {"Name": ["1", "2", "3"]}})
    np.testing.assert_array_equal(read_image(path).pixels, pixels[1])


def test_a_file_that_is_read_page_by_page_is_closed_between(tmp_path, monkeypatch):
    stack = np.random.default_rng(0).integers(0, 9999, (4, 6, 7)).astype(np.uint16)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, stack, ome=True, metadata={"axes": "TYX"}, compression="zlib")
    monkeypatch.setattr("nucseg_tf.imaging.scratch.SMALL", 100)
    raw = read_raw(path)
    np.testing.assert_array_equal(raw.read_all(), stack)
    np.testing.assert_array_equal(raw.data[1:3, :, 2], stack[1:3, :, 2])
    open_files = [link.readlink() for link in Path("/proc/self/fd").iterdir() if link.exists()]
    assert path not in open_files


def test_all_channels_at_the_place_chosen(tmp_path):
    stack = np.random.default_rng(0).integers(0, 9999, (2, 3, 6, 7)).astype(np.uint16)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, stack, imagej=True, metadata={"axes": "ZCYX"})
    choice = parse(channel=1, z="max")
    planes = find_planes(path, read_raw(path), choice)
    channels = planes.channels(planes.settle(choice))
    assert list(channels) == ["c1", "c0", "c2"]
    for name, pixels in channels.items():
        np.testing.assert_array_equal(pixels, stack[:, int(name[1])].max(0))


def test_a_name_that_lies(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), blobs())
    (tmp_path / "a.png").rename(tmp_path / "a.tif")
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif").pixels, blobs())


def test_pixels_that_are_not_square(tmp_path):
    metadata = {"axes": "YX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 1.0}
    tifffile.imwrite(tmp_path / "a.ome.tif", blobs(), metadata=metadata)
    image = read_image(tmp_path / "a.ome.tif")
    assert (image.pixel_size, image.aspect, image.spacing) == (0.5, 2.0, (1.0, 0.5))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
@pytest.mark.parametrize("z", [0, 2, "max", "mean", "focus"])
def test_inverted_planes_are_planes_of_the_inverted_image(tmp_path, dtype, z):
    stack = np.random.default_rng(0).integers(0, 99, (3, 20, 30)).astype(dtype)
    top = {"u": float(np.iinfo(dtype).max) if dtype[0] == "u" else 0.0, "i": -1.0, "f": 0.0}
    other = (top[np.dtype(dtype).kind] - stack.astype(float)).astype(dtype)
    for name, data in (("a", stack), ("b", other)):
        tifffile.imwrite(tmp_path / f"{name}.tif", data, photometric="minisblack")
    read = read_image(tmp_path / "a.tif", z=z, invert=True).pixels
    np.testing.assert_array_equal(read, read_image(tmp_path / "b.tif", z=z).pixels)


def test_two_inversions_are_none(tmp_path):
    image = blobs()
    tifffile.imwrite(tmp_path / "a.tif", image, photometric="miniswhite")
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif", invert=True).pixels, image)


def test_a_name_that_several_channels_have(tmp_path):
    stack = np.stack([blobs(), blobs() // 2])
    metadata = {"axes": "CYX", "Channel": {"Name": ["DAPI", "DAPI"]}}
    tifffile.imwrite(tmp_path / "a.ome.tif", stack, metadata=metadata)
    with pytest.raises(ImageReadError, match=r"'DAPI' is the name of several; choose by index"):
        read_image(tmp_path / "a.ome.tif", channel="DAPI")
