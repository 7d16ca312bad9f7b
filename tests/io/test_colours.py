"""Masks in colour as labels."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image
from reference.drawn import draw, drawn_nuclei, random_labels
from reference.sets import colour_file

from nucseg_tf.errors import LabelError
from nucseg_tf.io.any_labels import read_any_labels
from nucseg_tf.io.colours import FEW
from nucseg_tf.io.labels import is_binary, read_labels, split_pieces

PATCHES = draw("""
    11122..33..2
    11122..33..2
    ............
    22..11..2211
    22..11..2211
""")
SHADES = np.array([(1, 0, 0), (2, 0, 0), (0, 0, 9)], np.uint8)


def many(count):
    return np.random.default_rng(1).permutation(np.arange(1, 256))[:count, np.newaxis] * [1, 0, 0]


def same(one, other):
    """Whether labels are the same but for their numbers."""
    pairs = np.unique(np.stack([one.ravel(), other.ravel()]), axis=1)
    return len(pairs[0]) == len(np.unique(one)) == len(np.unique(other))


def test_pieces_of_equal_colour_are_nuclei(tmp_path):
    """As in BBBC039: its red channel keeps apart what touches, and a number comes again."""
    path = colour_file(tmp_path / "a.png", PATCHES, SHADES)
    found = read_labels(path)
    expected = draw("""
        11122..33..4
        11122..33..4
        ............
        55..66..7788
        55..66..7788
    """)
    np.testing.assert_array_equal(found, expected)


def test_corners_connect(tmp_path):
    labels = draw("11....\n11..2.\n..11.2\n..11..")
    found = read_labels(colour_file(tmp_path / "a.png", labels, SHADES))
    np.testing.assert_array_equal(found, labels)


@pytest.mark.parametrize("seed", range(3))
def test_a_colour_for_each_nucleus_comes_back(tmp_path, seed):
    labels = random_labels(seed, (60, 70), range(1, 40))
    found = read_labels(colour_file(tmp_path / "a.png", labels, many(40).astype(np.uint8)))
    assert same(found, labels)


def test_many_colours_are_numbers_also_of_nuclei_in_two_pieces(tmp_path):
    """Otherwise few are: they come again."""
    grid = np.kron(np.arange(1, 37).reshape(6, 6), np.ones((4, 4), int))
    grid[::4] = 0
    grid[:, 5] = 0  # through six nuclei, of which each is in two pieces then
    assert len(np.unique(grid)) - 1 == 36 > FEW
    assert same(read_labels(colour_file(tmp_path / "a.png", grid, many(36).astype(np.uint8))), grid)
    few = np.where(grid > 0, grid % 5 + 1, 0)
    found = read_labels(colour_file(tmp_path / "b.png", few, many(6).astype(np.uint8)))
    assert found.max() == 42


def test_few_colours_are_no_numbers_even_if_one_alone_comes_again(tmp_path):
    labels = draw("""
        11.22.33.44
        11.22.33.44
        ...........
        55.66.11...
        55.66.11...
    """)
    found = read_labels(colour_file(tmp_path / "a.png", labels, many(6).astype(np.uint8)))
    assert found.max() == 7


def test_one_colour_is_a_binary_mask(tmp_path):
    labels = np.where(PATCHES > 0, 1, 0)
    path = colour_file(tmp_path / "a.png", labels, SHADES)
    assert is_binary(read_labels(path))
    found = read_any_labels(path, None, split_binary=True)
    np.testing.assert_array_equal(found, split_pieces(labels))


def test_equal_channels_are_grey_values(tmp_path):
    Image.fromarray(np.stack([PATCHES.astype(np.uint8) * 7] * 3, -1)).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_labels(tmp_path / "a.png"), PATCHES * 7)


def test_16_bits_and_tiff(tmp_path):
    wide = np.stack([PATCHES * 300, PATCHES * 0, PATCHES * 0], -1).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", wide, photometric="rgb")
    assert read_labels(tmp_path / "a.tif").max() == 8


def test_what_is_transparent_is_background(tmp_path):
    picture = np.full((*PATCHES.shape, 4), 255, np.uint8)
    picture[..., :3] -= PATCHES[..., np.newaxis].astype(np.uint8) * np.array([9, 0, 0], np.uint8)
    picture[..., 3] = np.where(PATCHES > 0, 255, 0)
    Image.fromarray(picture).save(tmp_path / "a.png")
    assert read_labels(tmp_path / "a.png").max() == 8


def blurred(picture):
    return cv2.GaussianBlur(picture, (3, 3), 0)


def through_jpeg(picture):
    return cv2.imdecode(cv2.imencode(".jpg", picture)[1], cv2.IMREAD_COLOR)


def enlarged(picture):
    return cv2.resize(picture, None, fx=1.7, fy=1.7, interpolation=cv2.INTER_LINEAR)


@pytest.mark.parametrize("change", [blurred, through_jpeg, enlarged])
def test_blurred_edges_are_refused(tmp_path, change):
    labels = drawn_nuclei()[1]
    table = np.array([(0, 0, 0), (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)], np.uint8)
    assert read_labels(colour_file(tmp_path / "a.png", labels, table[1:])).max() == 4
    Image.fromarray(change(table[labels])).save(tmp_path / "b.png")
    with pytest.raises(LabelError, match=r"b\.png: is a colour image, but no mask.*blurred"):
        read_labels(tmp_path / "b.png")


def test_a_picture_is_refused(tmp_path):
    grey = drawn_nuclei()[0]
    Image.fromarray(np.stack([grey // 9, grey // 5, grey], -1)).save(tmp_path / "a.png")
    with pytest.raises(LabelError, match=r"a\.png: is a colour image"):
        read_labels(tmp_path / "a.png")


def test_without_black_there_is_no_background(tmp_path):
    table = np.array([(255, 255, 255), (255, 0, 0), (0, 255, 0), (0, 0, 255)], np.uint8)
    Image.fromarray(table[PATCHES]).save(tmp_path / "a.png")
    with pytest.raises(LabelError, match=r"a\.png: is a colour image without black"):
        read_labels(tmp_path / "a.png")


def test_signed_and_two_samples_are_refused(tmp_path):
    for number, samples in enumerate((2, 3)):
        values = np.stack([PATCHES * n for n in range(1, samples + 1)], -1)
        kind = np.uint8 if samples == 2 else np.uint32
        path = tmp_path / f"{number}.tif"
        tifffile.imwrite(path, values.astype(kind), photometric="rgb" if samples == 3 else None,
                         planarconfig="contig")  # fmt: skip
        with pytest.raises(LabelError, match=rf"{number}\.tif: "):
            read_labels(path)


def test_a_mask_that_is_transparent_all_over_is_read_as_it_is_coloured(tmp_path):
    """Programs leave the fourth sample at 0 where they do not know what it is for."""
    path = colour_file(tmp_path / "a.png", PATCHES, SHADES)
    expected = read_labels(path)
    colours = np.array(Image.open(path).convert("RGBA"))
    colours[..., 3] = 0
    Image.fromarray(colours).save(path)
    np.testing.assert_array_equal(read_labels(path), expected)
