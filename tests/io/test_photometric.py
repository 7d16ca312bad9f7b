"""What is read of a TIFF is what it shows, whatever PhotometricInterpretation its values have."""

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow

from nucseg_tf.errors import ImageReadError, LabelError
from nucseg_tf.io import meaning
from nucseg_tf.io.images import read_image
from nucseg_tf.io.labels import read_labels

RAMP = np.arange(256)


@pytest.fixture
def picture():
    """(40, 30) uint8, in which all greys but the highest occur."""
    return (np.arange(1200).reshape(40, 30) * 7 % 251).astype(np.uint8)


def shuffled_map(factor):
    """Indices by grey, and the map (3, 256) that leads back to greys times a factor."""
    order = np.random.default_rng(0).permutation(256)
    indices = np.argsort(order).astype(np.uint8)
    return indices, np.stack([(order * factor).astype(np.uint16)] * 3)


@pytest.mark.parametrize("factor", [257, 256, 1])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_map_of_8_bits_is_applied(tmp_path, picture, factor, compression):
    indices, colours = shuffled_map(factor)
    tifffile.imwrite(tmp_path / "a.tif", indices[picture], photometric="palette", colormap=colours,
                     compression=compression)  # fmt: skip
    read = read_image(tmp_path / "a.tif").pixels
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, picture)


def test_a_map_of_16_bits_is_applied(tmp_path, picture):
    indices, colours = shuffled_map(257)
    finer = (colours + np.arange(256)).clip(0, 65535).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", indices[picture], photometric="palette", colormap=finer)
    read = read_image(tmp_path / "a.tif").pixels
    assert read.dtype == np.uint16
    np.testing.assert_array_equal(read, finer[0][indices[picture]])


def test_indices_of_16_bits(tmp_path, picture):
    colours = np.stack([np.arange(65536)[::-1].astype(np.uint16)] * 3)
    wide = picture.astype(np.uint16) * 200
    tifffile.imwrite(tmp_path / "a.tif", 65535 - wide, photometric="palette", colormap=colours)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif").pixels, wide)


def test_every_plane_of_a_stack_has_the_map(tmp_path, picture):
    indices, colours = shuffled_map(257)
    planes = np.stack([picture, picture[::-1], picture[:, ::-1]])
    tifffile.imwrite(tmp_path / "a.tif", indices[planes], photometric="palette", colormap=colours)
    for z in range(3):
        np.testing.assert_array_equal(read_image(tmp_path / "a.tif", z=z).pixels, planes[z])
    np.testing.assert_array_equal(
        read_image(tmp_path / "a.tif", z="max").pixels, planes.max(axis=0)
    )


@pytest.mark.parametrize("colour", [(0, 0, 1), (0, 1, 1), (1, 0, 1), (1, 1, 1)])
def test_a_map_of_one_colour_is_grey(tmp_path, picture, colour):
    indices, colours = shuffled_map(257)
    one = (colours * np.array(colour)[:, None]).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", indices[picture], photometric="palette", colormap=one)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif").pixels, picture)


def test_a_map_of_colours_gives_channels(tmp_path, picture):
    colours = np.random.default_rng(1).integers(0, 256, (3, 256)).astype(np.uint16) * 257
    tifffile.imwrite(tmp_path / "a.tif", picture, photometric="palette", colormap=colours)
    with pytest.raises(ImageReadError, match=r"S=3; channels red, green, blue.*--channel 0\.\.2"):
        read_image(tmp_path / "a.tif")
    for channel, name in enumerate(("red", "green", "blue")):
        read = read_image(tmp_path / "a.tif", channel=name).pixels
        np.testing.assert_array_equal(read, colours[channel][picture] // 257)


def test_a_map_that_gets_brighter_was_laid_over_intensities(tmp_path, picture):
    fire = np.stack([np.minimum(RAMP * 3, 255), RAMP, np.maximum(RAMP * 3 - 510, 0)]) * 257
    tifffile.imwrite(
        tmp_path / "a.tif", picture, photometric="palette", colormap=fire.astype(np.uint16)
    )
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif").pixels, picture)


@pytest.mark.parametrize("kind", ["png", "gif", "bmp", "tif"])
def test_palettes_that_pillow_writes(tmp_path, picture, kind):
    few = picture // 16 * 16
    Pillow.fromarray(few).quantize(16).save(tmp_path / f"a.{kind}")
    np.testing.assert_allclose(read_image(tmp_path / f"a.{kind}").pixels, few, atol=8)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "int16", "float32"])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_white_as_least_value_is_inverted(tmp_path, picture, dtype, compression):
    stored = picture.astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="miniswhite", compression=compression)
    read = read_image(tmp_path / "a.tif").pixels
    assert read.dtype == dtype
    kind = np.dtype(dtype)
    top = {"u": np.iinfo(dtype).max if kind.kind == "u" else 0, "i": -1, "f": 0}[kind.kind]
    np.testing.assert_array_equal(read, (top - picture.astype(float)).astype(dtype))
    assert read[0, 0] == read.max()  # what is stored as 0 is white


def test_one_bit_is_a_mask_that_stays_as_it_is(tmp_path, picture):
    tifffile.imwrite(tmp_path / "a.tif", picture > 99, photometric="miniswhite")
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif").pixels, picture > 99)


@pytest.mark.parametrize("small", [True, False])
def test_large_files_are_read_the_same(tmp_path, picture, small, monkeypatch):
    if not small:
        monkeypatch.setattr("nucseg_tf.imaging.scratch.SMALL", 0)
        monkeypatch.setattr(meaning, "STRIP", 7)
    tifffile.imwrite(tmp_path / "a.tif", 255 - picture, photometric="miniswhite")
    read = read_image(tmp_path / "a.tif").pixels
    np.testing.assert_array_equal(read, picture)


def test_without_the_tag_values_are_as_they_are(tmp_path, picture):
    tifffile.imwrite(tmp_path / "a.tif", picture, photometric="miniswhite", metadata=None)
    content = (tmp_path / "a.tif").read_bytes()
    tag, other = (number.to_bytes(2, "little") for number in (262, 60000))
    assert content.count(tag + b"\x03\0") == 1
    (tmp_path / "a.tif").write_bytes(content.replace(tag + b"\x03\0", other + b"\x03\0"))
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif").pixels, picture)


@pytest.mark.parametrize(
    ("kind", "samples", "told"),
    [
        ("separated", 4, "CMYK"),
        ("ycbcr", 3, "YCbCr"),
        ("cielab", 3, "CIE L"),
        ("icclab", 3, "ICC L"),
        ("itulab", 3, "ITU L"),
        ("cfa", 1, "filter array"),
        ("logl", 1, "LogL"),
        ("logluv", 3, "LogLuv"),
    ],
)
def test_other_spaces_are_refused_for_images(tmp_path, picture, kind, samples, told):
    options = {"planarconfig": "contig"} if samples > 1 else {}
    values = np.stack([picture] * samples, axis=-1) if samples > 1 else picture
    tifffile.imwrite(tmp_path / "a.tif", values, photometric=kind, **options)
    with pytest.raises(ImageReadError, match=rf"a\.tif: its values are .*{told}.*Save it as"):
        read_image(tmp_path / "a.tif")


@pytest.mark.parametrize("kind", ["minisblack", "mask"])
def test_others_are_as_they_are(tmp_path, picture, kind):
    tifffile.imwrite(tmp_path / "a.tif", picture, photometric=kind)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif").pixels, picture)


def test_ycbcr_of_jpeg_is_decoded_to_rgb(tmp_path):
    smooth = cv2.GaussianBlur(np.eye(64, dtype=np.uint8) * 255, (0, 0), 9) * 9
    Pillow.fromarray(np.stack([smooth] * 3, axis=-1)).save(
        tmp_path / "a.tif", compression="jpeg", quality=95
    )
    read = read_image(tmp_path / "a.tif", channel=1).pixels
    np.testing.assert_allclose(read, smooth, atol=6)


@pytest.mark.parametrize("kind", ["miniswhite", "palette"])
def test_labels_are_what_is_stored(tmp_path, picture, kind):
    _, colours = shuffled_map(257)
    options = {"colormap": colours} if kind == "palette" else {}
    tifffile.imwrite(tmp_path / "a.tif", picture, photometric=kind, **options)
    np.testing.assert_array_equal(read_labels(tmp_path / "a.tif"), picture)


@pytest.mark.parametrize("colour", [False, True])
def test_jpeg_inside_a_tiff_changes_values(tmp_path, colour):
    smooth = cv2.GaussianBlur(np.eye(64, dtype=np.uint8) * 255, (0, 0), 9) * 9
    stored = np.stack([smooth] * 3, axis=-1) if colour else smooth
    Pillow.fromarray(stored).save(tmp_path / "a.tif", compression="jpeg", quality=95)
    np.testing.assert_allclose(read_image(tmp_path / "a.tif").pixels, smooth, atol=6)
    with pytest.raises(LabelError, match=r"a\.tif: JPEG compression changes values"):
        read_labels(tmp_path / "a.tif")
