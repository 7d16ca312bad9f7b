"""COCO instances: written, read, and refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from reference.awkward import awkward, many
from reference.drawn import random_labels

from nucseg_tf.annotation.exchange import coco
from nucseg_tf.annotation.exchange.drawn import Drawn
from nucseg_tf.annotation.exchange.regions import cut, shown
from nucseg_tf.annotation.exchange.rle import encode_runs, unpack_counts
from nucseg_tf.errors import DataError
from nucseg_tf.io.archives import Source

# Of pycocotools: the run lengths of an image of (9, 10), and their compressed form.
RUNS, COMPRESSED = [6, 1, 40, 4, 5, 4, 5, 4, 21], "61X13mN000`0"


def read(content: object, shape: tuple[int, int]) -> list[Drawn]:
    """Read the only image of an export."""
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    source = Source(Path("x.zip"), ["annotations/instances_a.json"], lambda name, limit: data)
    ((name, reader),) = coco.find(source)
    assert name == "a.png"
    return reader(shape)


def one(segmentation: object, **fields: object) -> dict:
    """An export of one image of (9, 10) and one annotation."""
    entry = {"id": 3, "image_id": 1, "category_id": 5, "segmentation": segmentation, **fields}
    return {
        "images": [{"id": 1, "file_name": "images\\default/a.png", "width": 10, "height": 9}],
        "categories": [{"id": 5, "name": "nucleus"}, {"id": 6, "name": "cell"}],
        "annotations": [entry],
    }


def rle(counts: object, size: object = (9, 10)) -> dict:
    return one({"size": size, "counts": counts})


def to_mask(drawn: Drawn, shape: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(shape, bool)
    height, width = drawn.mask.shape
    mask[drawn.top : drawn.top + height, drawn.left : drawn.left + width] = drawn.mask
    return mask


def naive_mask(counts: list[int], shape: tuple[int, int]) -> np.ndarray:
    """Run lengths pixel by pixel, down the columns."""
    values = [number % 2 for number, count in enumerate(counts) for _ in range(count)]
    return np.array(values, bool).reshape(shape[::-1]).T


@pytest.mark.parametrize("polygons", [False, True])
@pytest.mark.parametrize(
    "labels",
    [
        awkward(),
        many(60),
        np.zeros((9, 7), np.int32),
        *(random_labels(seed, (40, 50), range(1, 30)) for seed in range(12)),
    ],
)
def test_labels_come_back_exactly(labels, polygons):
    (region,) = cut(labels, 0)
    content = coco.instances([("a.png", labels.shape, shown(labels, region))], polygons)
    result = np.zeros(labels.shape, np.int32)
    for nucleus in read(content, labels.shape):
        result[to_mask(nucleus, labels.shape)] = nucleus.label
    assert np.array_equal(result, labels)


def test_runs_are_those_of_a_naive_reading():
    rng = np.random.default_rng(0)
    for _ in range(50):
        mask = rng.random((5, 7)) < 0.5
        (region,) = cut(mask.astype(np.int32), 0)
        (drawn,) = shown(mask.astype(np.int32), region)
        counts = encode_runs(drawn, mask.shape)
        assert all(counts[1:])
        assert np.array_equal(naive_mask(counts, mask.shape), mask)
        (back,) = read(rle(counts, mask.shape) | {"images": [image(mask.shape)]}, mask.shape)
        assert np.array_equal(to_mask(back, mask.shape), mask)


def image(shape: tuple[int, int]) -> dict:
    return {"id": 1, "file_name": "a.png", "height": shape[0], "width": shape[1]}


def test_compressed_runs_are_read():
    assert unpack_counts(COMPRESSED) == RUNS
    (packed,), (plain,) = read(rle(COMPRESSED), (9, 10)), read(rle(RUNS), (9, 10))
    assert np.array_equal(packed.mask, plain.mask)
    assert np.array_equal(to_mask(plain, (9, 10)), naive_mask(RUNS, (9, 10)))


def test_polygons_run_along_the_edges_of_pixels():
    (drawn,) = read(one([[2, 1, 5, 1, 5, 4, 2, 4]]), (9, 10))
    assert (drawn.top, drawn.left, drawn.mask.shape) == (1, 2, (3, 3))
    assert drawn.mask.all()
    (drawn,) = read(one([[2, 1, 5, 1, 5, 4, 2, 4], [8, 7, 20, 7, 20, 20, 8, 20]]), (9, 10))
    assert drawn.mask.sum() == 9 + 4  # of several, and no further than the image
    (drawn,) = read(one([[50, 50, 60, 50, 60, 60]]), (9, 10))
    assert drawn.mask.sum() == 0


def test_the_file_is_as_cvat_writes_it():
    labels = awkward()
    (region,) = cut(labels, 0)
    content = coco.instances([("a.png", labels.shape, shown(labels, region))], True)
    assert content["images"] == [
        {"id": 1, "file_name": "a.png", "license": 0, "width": 16, "height": 12}
    ]
    assert [c["name"] for c in content["categories"]] == ["nucleus", "neighbour"]
    by_label = {entry["attributes"]["nucleus_id"]: entry for entry in content["annotations"]}
    assert sorted(e["id"] for e in content["annotations"]) == list(range(1, len(by_label) + 1))
    square = by_label[14]
    assert square["segmentation"] == [[3, 0, 5, 0, 5, 2, 3, 2]]
    assert (square["area"], square["bbox"], square["iscrowd"]) == (4, [3, 0, 2, 2], 0)
    for label in (7, 21, 28, 49):  # of one pixel at a corner, with a hole, in pieces, at a corner
        assert by_label[label]["iscrowd"] == 1
        assert by_label[label]["segmentation"]["size"] == [12, 16]
    assert by_label[35]["segmentation"] == [[4, 3, 5, 3, 5, 4, 4, 4]]


def test_neighbours_and_labels_are_told():
    content = one([[0, 0, 2, 0, 2, 2]], attributes={"nucleus_id": "12", "occluded": False})
    content["categories"][0]["name"] = "neighbour"
    (drawn,) = read(content, (9, 10))
    assert (drawn.label, drawn.neighbour) == (12, True)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "is no JSON"),
        ({"images": []}, "categories: Field required"),
        (rle([90], (10, 9)), "the image has 9 x 10"),
        (rle([80, 11]), "of 91 pixels"),
        (rle([-1, 91]), "counts"),
        (rle([2**62, 2**62]), "counts"),
        (rle("61X13mN000`"), "cut short"),
        (rle("zzzzzzzzzzzzzzzzzz"), "run lengths contain"),
        (rle("é"), "run lengths contain"),
        (rle("0O"), "out of range"),
        (one([]), "has no outline, only a box"),
        (one([[]]), "a polygon of 0 numbers"),
        (one([[1, 1, 2, 2, 3]]), "a polygon of 5 numbers"),
        (one([[1, 1, 2, 2, 3, 1e99]]), "segmentation"),
        (one([list(range(10)) * 10**6]), "a polygon of 10000000 numbers"),
        (one([[1, 1, 5, 1, 5, 5]], category_id=6), "category 'cell'"),
        (one([[1, 1, 5, 1, 5, 5]], category_id=9), "category None"),
        (one([[1, 1, 5, 1, 5, 5]], image_id=8), "does not list"),
        (one([[1, 1, 5, 1, 5, 5]], image_id={}), "does not list"),
    ],
)
def test_what_cannot_be_read_names_file_and_remedy(content, message):
    with pytest.raises(DataError, match=message) as error:
        read(content, (9, 10))
    assert str(error.value).startswith("x.zip: annotations/instances_a.json: ")


def test_another_size_is_refused():
    with pytest.raises(DataError, match="is 9 x 10 px, but was exported with 18 x 20"):
        read(one([[1, 1, 5, 1, 5, 5]]), (18, 20))
