"""Files of labelme."""

from __future__ import annotations

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image
from reference.drawn import random_labels
from reference.sets import labelme_file, png_text

from nucseg_tf.errors import DataError, LabelError
from nucseg_tf.io.any_labels import read_any_labels
from nucseg_tf.io.labelme import is_labelme, read_labelme

SHAPE = (24, 32)


@pytest.fixture
def write(tmp_path):
    def write(*shapes, **others):
        content = {"version": "5.5.0", "flags": {}, "shapes": shapes, "imagePath": "a.png",
                   "imageData": None, "imageHeight": 24, "imageWidth": 32, **others}  # fmt: skip
        path = tmp_path / "a.json"
        path.write_text(json.dumps(content))
        return path

    return write


def shape(points, kind="polygon", **others):
    return {"label": "cell", "points": points, "group_id": None, "shape_type": kind,
            "flags": {}, **others}  # fmt: skip


def box(x, y, side=4):
    return [[x, y], [x + side, y], [x + side, y + side], [x, y + side]]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("masks", [False, True])
def test_what_is_written_comes_back_to_the_pixel(tmp_path, seed, masks):
    labels = random_labels(seed, (40, 50))
    path = labelme_file(tmp_path / "a.json", labels, masks)
    found = read_any_labels(path, None)
    assert found.dtype == np.int32
    pairs = np.unique(np.stack([labels.ravel(), found.ravel()]), axis=1)
    assert len(pairs[0]) == len(np.unique(labels)) == len(np.unique(found))
    assert is_labelme(path)


def test_shapes_by_hand(write):
    rows, columns = np.mgrid[:24, :32] + 0.5
    found = read_labelme(
        write(
            shape(box(1, 2)),
            shape([[12, 8], [8, 3]], "rectangle"),
            shape([[20, 12], [20, 17]], "circle"),
            shape([[30, 20], [30, 23]], "circle"),  # over the edge, where it is cut
        )
    )
    expected = np.zeros(SHAPE, np.int32)
    expected[2:6, 1:5], expected[3:8, 8:12] = 1, 2
    expected[(rows - 12) ** 2 + (columns - 20) ** 2 < 25] = 3
    expected[(rows - 20) ** 2 + (columns - 30) ** 2 < 9] = 4
    np.testing.assert_array_equal(found, expected)


def test_a_group_is_one_nucleus_and_the_last_lies_on_top(write):
    found = read_labelme(
        write(
            shape(box(0, 0), group_id=1),
            shape(box(3, 0)),
            shape(box(10, 0), group_id=1),
            shape(box(20, 0), group_id=0),
            shape(box(20, 8), group_id=0),
        )
    )
    assert found[0].tolist()[:16] == [1, 1, 1, 2, 2, 2, 2, 0, 0, 0, 1, 1, 1, 1, 0, 0]
    assert found[1, 21] == found[9, 21] == 3


def test_a_group_is_of_one_label(write):
    """As labelme tells instances apart."""
    found = read_labelme(
        write(
            shape(box(0, 0), group_id=1),
            shape(box(8, 0), group_id=1, label="debris"),
            shape(box(16, 0), group_id=1),
        )
    )
    assert found[0, ::8].tolist() == [1, 2, 1, 0]


def test_a_group_that_covers_the_image_again_and_again_is_refused_before_it_is_held(write):
    whole = shape([[0, 0], [32, 24]], "rectangle", group_id=1)
    with pytest.raises(LabelError, match="cover the image more than 30 times"):
        read_labelme(write(*[whole] * 31, shape([[1, 1]], "point", group_id=1)))


@pytest.mark.parametrize("last", [0, 1])  # the last pixel of the box, or the one after it
def test_masks_lie_in_their_box(write, last):
    mask = np.array([[1, 0, 1], [1, 1, 1]], bool)
    found = read_labelme(write(shape([[5, 7], [7 + last, 8 + last]], "mask", mask=png_text(mask))))
    expected = np.zeros(SHAPE, np.int32)
    expected[7:9, 5:8] = mask
    np.testing.assert_array_equal(found, expected)


def test_of_several_classes_nuclei_are_taken_and_others_told_of(write, caplog):
    path = write(
        shape(box(0, 0), label="cell"),
        shape(box(10, 0), label="Nucleus"),
        shape(box(20, 0), label="_background_"),
    )
    assert np.unique(read_labelme(path)).tolist() == [0, 1]
    assert "shapes left out" in caplog.text
    assert "1 of 'cell', 1 of '_background_'" in caplog.text


def test_old_files_have_polygons_alone(write):
    old = {"label": "cell", "line_color": None, "points": box(0, 0)}
    assert read_labelme(write(old)).sum() == 16


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (shape([[1, 1], [5, 5]], "line"), "a line of 2 points has no area. Delete it in labelme"),
        (shape(box(1, 1), "linestrip"), "a linestrip of 4 points has no area"),
        (shape([[3, 3]], "point"), "a point of 1 points has no area"),
        (shape([[3, 3], [4, 4]]), "a polygon of 2 points has no area"),
        (shape([[3, 3], [3, 3]], "circle"), "a circle of 2 points has no area"),
        (shape([[3, 3], [4, 4]], "mask"), "a mask of 2 points has no area"),
        (shape(box(60, 1)), "lies beyond the image of 24 x 32 px"),
        (shape([[1, 2], [3]]), r"shapes\.0\.points\.1"),
        (shape([[1, 2], [3, float("nan")], [1, 1]]), r"shapes\.0\.points\.1\.1"),
        (shape([[3, 3], [4, 4]], "mask", mask="%"), "its mask cannot be read"),
        (shape([[3, 3], [4, 4]], "mask", mask="aGVsbG8="), "its mask cannot be read: no PNG"),
        (shape([[3, 3], [9, 9]], "mask", mask=png_text(np.ones((2, 2), bool))), "does not fit"),
        (shape([[31, 3], [32, 4]], "mask", mask=png_text(np.ones((2, 2), bool))), "does not fit"),
    ],
)
def test_what_is_no_outline_is_told(write, wrong, told):
    with pytest.raises(DataError, match=rf"a\.json: .*{told}"):
        read_labelme(write(wrong, shape(box(9, 9))))


def test_a_mask_larger_than_the_image_is_not_inflated(write):
    buffer = io.BytesIO()
    Image.new("1", (5000, 5000)).save(buffer, "PNG")
    text = base64.b64encode(buffer.getvalue()).decode()
    with pytest.raises(LabelError, match="5000 x 5000 px, beyond the image"):
        read_labelme(write(shape([[0, 0], [4999, 4999]], "mask", mask=text)))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{no", "is no JSON"),
        ("[]", "is no file of labelme"),
        ('{"images": [], "annotations": []}', "nucseg convert SET.json DATA"),
        ('{"shapes": [], "imageHeight": null, "imageWidth": 3}', "imageHeight"),
        ('{"shapes": [], "imageHeight": -1, "imageWidth": 3}', "imageHeight"),
        ('{"shapes": [], "imageHeight": 10000000, "imageWidth": 10000000}', "GB"),
    ],
)
def test_what_is_no_file_of_labelme(tmp_path, content, told):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(DataError, match=rf"a\.json: .*{told}"):
        read_labelme(tmp_path / "a.json")


def test_one_group_for_all_is_warned_of(write, caplog):
    square = [[0, 0], [2, 0], [2, 2], [0, 2]]
    read_labelme(write(*({"points": square, "group_id": 1} for _ in range(3))))
    assert "all 3 shapes have the same group_id" in caplog.text
