import struct
import zlib

import cv2
import numpy as np
import pytest
import tifffile

from nucseg_tf.errors import ImageReadError, UsageError
from nucseg_tf.io.images import check_finite, list_images, read_image


@pytest.fixture
def grey():
    """(6, 5) uint16 that needs all 16 bits and differs along rows and columns."""
    return (np.arange(30, dtype=np.uint16).reshape(6, 5) * 2003) + 17


def blobs(shape=(40, 60)):
    """A smooth picture that JPEG keeps well."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return (120 + 100 * np.sin(rows / 9) * np.cos(columns / 11)).astype(np.uint8)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "uint32", "float32", "float64"])
def test_tiff_keeps_dtype_and_pixels(tmp_path, grey, dtype):
    image = grey.astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", image, compression="zlib")
    read = read_image(tmp_path / "a.tif")
    assert read.pixels.dtype == dtype
    np.testing.assert_array_equal(read.pixels, image)
    assert read.pixel_size is None
    assert read.path == tmp_path / "a.tif"


def test_png_16_bit_is_exact(tmp_path, grey):
    cv2.imwrite(str(tmp_path / "a.png"), grey)
    read = read_image(tmp_path / "a.png").pixels
    assert read.dtype == np.uint16
    np.testing.assert_array_equal(read, grey)


def test_bool_tiff_becomes_uint8(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.eye(4, dtype=bool))
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif").pixels, np.eye(4, dtype=np.uint8))


def test_one_pixel_and_constant_images_read(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.full((1, 1), 7, np.uint16))
    assert read_image(tmp_path / "a.tif").pixels.tolist() == [[7]]
    cv2.imwrite(str(tmp_path / "b.png"), np.full((3, 4, 3), 9, np.uint8))
    np.testing.assert_array_equal(read_image(tmp_path / "b.png").pixels, np.full((3, 4), 9))


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
    with pytest.raises(ImageReadError, match=r"a\.png.*S=3.*--channel 0\.\.2 or --channel max"):
        read_image(path)
    for channel in range(3):
        np.testing.assert_array_equal(
            read_image(path, channel=channel).pixels, colour[..., channel]
        )
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
    with pytest.raises(ImageReadError, match=r"a\.tif.*--z 0\.\.4 or --z max"):
        read_image(tmp_path / "a.tif")
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif", z=3).pixels, pages[3])
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif", channel=3).pixels, pages[3])


def test_time_answers_to_z_only_where_there_is_no_z(tmp_path):
    movie = np.random.default_rng(0).integers(0, 99, (3, 2, 6, 7)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "t.tif", movie[:, 0], imagej=True, metadata={"axes": "TYX"})
    np.testing.assert_array_equal(read_image(tmp_path / "t.tif", z=1).pixels, movie[1, 0])
    tifffile.imwrite(tmp_path / "tz.tif", movie, imagej=True, metadata={"axes": "TZYX"})
    with pytest.raises(ImageReadError, match=r"tz\.tif.*T=3, Z=2.*file of its own"):
        read_image(tmp_path / "tz.tif", z=1)


@pytest.mark.parametrize("value", ["mean", -1, 1.5, "-2"])
def test_malformed_choices(tmp_path, value):
    with pytest.raises(UsageError, match="--z must be an index"):
        read_image(tmp_path / "a.tif", z=value)


@pytest.mark.parametrize(
    ("size", "unit", "expected"), [(0.65, "µm", 0.65), (325, "nm", 0.325), (0.5, "pixel", None)]
)
def test_pixel_size_of_ome(tmp_path, grey, size, unit, expected):
    metadata = {"axes": "YX", "PhysicalSizeX": size, "PhysicalSizeXUnit": unit}
    tifffile.imwrite(tmp_path / "a.ome.tif", grey, metadata=metadata)
    assert read_image(tmp_path / "a.ome.tif").pixel_size == pytest.approx(expected)


@pytest.mark.parametrize(
    ("unit", "expected"),
    [("micron", 0.5), ("um", 0.5), ("\\u00B5m", 0.5), ("mm", 500), ("pixel", None), (None, None)],
)
def test_pixel_size_of_imagej(tmp_path, grey, unit, expected):
    metadata = {"unit": unit} if unit else {}
    tifffile.imwrite(tmp_path / "a.tif", grey, imagej=True, resolution=(2, 2), metadata=metadata)
    assert read_image(tmp_path / "a.tif").pixel_size == pytest.approx(expected)


@pytest.mark.parametrize(
    ("resolution", "unit", "expected"),
    [
        (20_000, "CENTIMETER", 0.5),
        (50_800, "INCH", 0.5),
        (72, "INCH", None),
        (96, "INCH", None),
        (300, "INCH", None),
        (118.11, "CENTIMETER", None),  # 300 dpi
        (10, "CENTIMETER", None),  # 1 mm per pixel: no microscope
        (20_000, "NONE", None),
    ],
)
def test_pixel_size_of_resolution_tags(tmp_path, grey, resolution, unit, expected):
    tifffile.imwrite(
        tmp_path / "a.tif", grey, resolution=(resolution, resolution), resolutionunit=unit
    )
    assert read_image(tmp_path / "a.tif").pixel_size == pytest.approx(expected)


def test_given_pixel_size_wins_and_is_checked(tmp_path, grey):
    tifffile.imwrite(tmp_path / "a.tif", grey, resolution=(2e4, 2e4), resolutionunit="CENTIMETER")
    assert read_image(tmp_path / "a.tif", pixel_size=0.3).pixel_size == 0.3
    for bad in (0, -1, float("nan"), float("inf")):
        with pytest.raises(UsageError, match="pixel size"):
            read_image(tmp_path / "a.tif", pixel_size=bad)


def test_bad_files_are_named_with_the_reason(tmp_path):
    (tmp_path / "empty.tif").write_bytes(b"")
    (tmp_path / "text.tif").write_text("this is no image")
    (tmp_path / "text.png").write_text("this is no image")
    (tmp_path / "notes.txt").write_text("this is no image")
    (tmp_path / "folder.tif").mkdir()
    tifffile.imwrite(tmp_path / "complex.tif", np.ones((3, 3), np.complex64))
    for name, reason in [
        ("missing.tif", "no such file"),
        ("empty.tif", "empty"),
        ("text.tif", "not the format"),
        ("text.png", "not the format"),
        ("notes.txt", r"unsupported format; expected one of \.tif"),
        ("folder.tif", "folder"),
        ("complex.tif", "complex64"),
    ]:
        with pytest.raises(ImageReadError, match=rf"{name}: .*{reason}"):
            read_image(tmp_path / name)


@pytest.mark.parametrize("suffix", [".tif", ".png", ".jpg"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_truncated_files(tmp_path, capfd, suffix, share):
    path = tmp_path / f"cut{suffix}"
    image = np.random.default_rng(0).integers(0, 255, (64, 64)).astype(np.uint8)
    tifffile.imwrite(path, image) if suffix == ".tif" else cv2.imwrite(str(path), image)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(ImageReadError, match=rf"cut\{suffix}: "):
        read_image(path)
    assert capfd.readouterr().err == ""  # decoders must not talk to the terminal themselves


@pytest.mark.parametrize("options", [{"imagej": True}, {"metadata": None}])
def test_truncated_stack_does_not_pass_as_a_single_plane(tmp_path, options):
    # tifffile only logs that it found 1 page of 5, and returns that page.
    path = tmp_path / "cut.tif"
    stack = np.ones((5, 64, 64), np.uint16)
    tifffile.imwrite(path, stack, photometric="minisblack", **options)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ImageReadError, match=r"cut\.tif: "):
        read_image(path)


def test_png_that_declares_no_pixels(tmp_path):
    header = b"IHDR" + struct.pack(">IIBBBBB", 0, 0, 8, 0, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    (tmp_path / "zero.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk)
    with pytest.raises(ImageReadError, match=r"zero\.png"):
        read_image(tmp_path / "zero.png")


def test_check_finite_counts_bad_pixels(tmp_path, grey):
    image = grey.astype(np.float32)
    tifffile.imwrite(tmp_path / "a.tif", image)
    check_finite(read_image(tmp_path / "a.tif"))
    image[0, 0], image[2, 3] = np.nan, np.inf
    tifffile.imwrite(tmp_path / "a.tif", image)
    with pytest.raises(ImageReadError, match=r"a\.tif: 2 of 30 pixels are not finite"):
        check_finite(read_image(tmp_path / "a.tif"))


def test_list_images_expands_folders_once(tmp_path):
    for name in ("b.png", "a.TIF", ".hidden.png", "a_labels.tif", "a_masks.tiff", "a_overlay.png"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "c.png").write_bytes(b"x")
    found = list_images([tmp_path / "b.png", tmp_path, tmp_path / "sub" / ".." / "b.png"])
    assert [path.name for path in found] == ["b.png", "a.TIF"]


def test_list_images_names_what_is_missing(tmp_path):
    with pytest.raises(UsageError, match="nowhere: no such file or folder"):
        list_images([tmp_path / "nowhere"])
    with pytest.raises(UsageError, match="no images"):
        list_images([tmp_path])
