"""COCO data sets of others as masks."""

from __future__ import annotations

import json

import numpy as np
import pytest
from reference.drawn import random_labels

from nucseg_tf.annotation.exchange import coco, sets
from nucseg_tf.annotation.exchange.coco_sets import read_set
from nucseg_tf.annotation.exchange.drawn import Drawn, tight
from nucseg_tf.commands.convert import convert
from nucseg_tf.errors import DataError, SomeImagesFailed, UsageError
from nucseg_tf.io.labels import read_labels


def bring(file, folder):
    return sets.bring(read_set(file), file, folder, lambda done, total, name: True)


def square(x, y, **fields):
    """A square of 2 px whose first corner is (x, y)."""
    ring = [x, y, x + 2, y, x + 2, y + 2, x, y + 2]
    return {"id": x, "image_id": 1, "category_id": 1, "segmentation": [ring], **fields}


@pytest.fixture
def write(tmp_path):
    def write(*annotations, categories=("cell",), **image):
        path = tmp_path / "set.json"
        images = [{"id": 1, "file_name": "train/a.png", "height": 4, "width": 6, **image}]
        named = [{"id": number, "name": name} for number, name in enumerate(categories, start=1)]
        content = {"images": images, "categories": named, "annotations": annotations}
        path.write_text(json.dumps(content))
        return path

    return write


@pytest.mark.parametrize("polygons", [False, True])
def test_what_is_written_comes_back_to_the_pixel(tmp_path, polygons):
    labels = random_labels(1, (40, 50))
    drawn = [Drawn(*tight(labels == label)) for label in np.unique(labels[labels > 0])]
    path = tmp_path / "set.json"
    path.write_text(json.dumps(coco.instances([("a.png", labels.shape, drawn)], polygons)))
    outcome = bring(path, tmp_path)
    assert outcome.done == ["a"]
    found = read_labels(tmp_path / "masks" / "a.tif")
    pairs = np.unique(np.stack([labels.ravel(), found.ravel()]), axis=1)
    assert len(pairs[0]) == len(np.unique(labels)) == len(np.unique(found))


def test_polygons_by_hand(write, tmp_path):
    two = square(0, 0)
    two["segmentation"] += [[4, 2, 6, 2, 6, 4, 4, 4]]
    bring(write(two, square(1, 1)), tmp_path)
    expected = [[1, 1, 0, 0, 0, 0], [1, 1, 2, 0, 0, 0], [0, 2, 2, 0, 1, 1], [0, 0, 0, 0, 1, 1]]
    np.testing.assert_array_equal(read_labels(tmp_path / "masks" / "a.tif"), expected)


def test_of_several_categories_nuclei_are_taken(write, tmp_path):
    path = write(square(0, 0), square(3, 0, category_id=2), categories=("cell", "Nuclei"))
    bring(path, tmp_path)
    labels = read_labels(tmp_path / "masks" / "a.tif")
    assert labels[0].tolist() == [0, 0, 0, 1, 1, 0]


def test_there_may_be_any_number_of_nuclei(write, tmp_path):
    many = [square(3 * (n % 200), 3 * (n // 200), id=n) for n in range(20_200)]
    bring(write(*many, height=304, width=600), tmp_path)
    assert len(np.unique(read_labels(tmp_path / "masks" / "a.tif"))) == 20_201


def test_polygons_that_cover_the_image_again_and_again_are_refused(write, tmp_path):
    whole = [0, 0, 6, 0, 6, 4, 0, 4]
    outcome = bring(write(square(0, 0, segmentation=[whole] * 9)), tmp_path)
    assert "a.png: covers the image more than 8 times" in outcome.failures[0][1]


def test_an_image_that_cannot_be_drawn_is_told_of(write, tmp_path):
    with pytest.raises(SomeImagesFailed, match="1 of 1"):
        convert(write(square(0, 0), height=None), tmp_path / "out", to="labels")
    assert "height and width are not given" in (tmp_path / "out" / "failures.csv").read_text()


def test_masks_are_not_replaced(write, tmp_path):
    path = write(square(0, 0))
    assert convert(path, tmp_path, to="labels") == tmp_path
    with pytest.raises(UsageError, match="exists already"):
        convert(path, tmp_path, to="labels")
    with pytest.raises(UsageError, match="--partial says nothing of"):
        convert(path, tmp_path, to="labels", partial=True)


def test_what_is_no_data_set_is_refused(tmp_path):
    path = tmp_path / "set.json"
    with pytest.raises(UsageError, match="no such file"):
        bring(path, tmp_path)
    path.write_text('{"images": 3}')
    with pytest.raises(DataError, match=r"set\.json"):
        bring(path, tmp_path)
    twice = [{"id": n, "file_name": f"{n}/a.png"} for n in (1, 2)]
    path.write_text(json.dumps({"images": twice, "categories": [], "annotations": []}))
    with pytest.raises(DataError, match="several images are called 'a'"):
        bring(path, tmp_path)


def test_other_categories_are_told_of(write, tmp_path, caplog):
    path = write(square(0, 0), square(2, 0, category_id=2), categories=("cell", "Nuclei"))
    bring(path, tmp_path)
    assert read_labels(tmp_path / "masks" / "a.tif")[0].tolist() == [0, 0, 1, 1, 0, 0]
    assert "1 of 'cell'" in caplog.text


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (
            {"shapes": [], "imageHeight": 3},
            "is of labelme, and of one image. Put it into masks/, where",
        ),
        ({"items": []}, "is no COCO, which has images, annotations and categories"),
        ([], "is no COCO"),
    ],
)
def test_json_of_others_is_told_apart(tmp_path, content, told):
    path = tmp_path / "set.json"
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match=told):
        read_set(path)
