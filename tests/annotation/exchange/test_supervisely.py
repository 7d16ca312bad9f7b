"""Supervisely's annotation files: written, read, and refused."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from reference.awkward import awkward, many
from reference.drawn import draw, random_labels

from nucseg_tf.annotation.exchange import supervisely
from nucseg_tf.annotation.exchange.bitmaps import Bitmap, encode_bitmap, place_bitmap
from nucseg_tf.annotation.exchange.drawn import MAX_OBJECTS, Drawn
from nucseg_tf.annotation.exchange.regions import cut, shown
from nucseg_tf.errors import DataError, LabelError
from nucseg_tf.io.archives import Source

# From the description of the format, developer.supervisely.com.
EXAMPLE = (
    "eJzrDPBz5+WS4mJgYOD19HAJAtLMIMwIInOeqf8BUmwBPiGuQPr///9Lb86/C2QxlgT5BTM4PLuRBuTwebo4hlTM"
    "Sa44cOHAB6DqY0yORgq8YkAZBk9XP5d1TglNANAFGzA="
)


def read(content: object, shape: tuple[int, int] = (12, 16)) -> list[Drawn]:
    """Read one annotation file."""
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    source = Source(Path("project"), ["ds/ann/a.png.json"], lambda name, limit: data[:limit])
    ((name, reader),) = supervisely.find(source)
    assert name == "a.png"
    return reader(shape)


def one(**figure: object) -> dict:
    """An annotation with a single object."""
    item = {"classTitle": "nucleus", "tags": [], **figure}
    return {"size": {"height": 12, "width": 16}, "objects": [item]}


def bitmap(data: str, origin: object = (0, 0)) -> dict:
    return one(geometryType="bitmap", bitmap={"data": data, "origin": origin})


def polygon(exterior: list, *interior: list) -> dict:
    return one(geometryType="polygon", points={"exterior": exterior, "interior": interior})


def paint(drawn: list[Drawn], shape: tuple[int, int]) -> np.ndarray:
    labels = np.zeros(shape, np.int32)
    for nucleus in drawn:
        rows, columns = np.nonzero(nucleus.mask)
        assert (labels[rows + nucleus.top, columns + nucleus.left] == 0).all()
        labels[rows + nucleus.top, columns + nucleus.left] = nucleus.label
    return labels


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
    content = supervisely.annotation(shown(labels, region), labels.shape, "", polygons)
    assert np.array_equal(paint(read(content, labels.shape), labels.shape), labels)


def test_ragged_shapes_come_back_exactly_as_polygons_or_bitmaps():
    rng = np.random.default_rng(0)
    kinds = set()
    for _ in range(200):
        mask = rng.random((9, 11)) < rng.uniform(0.2, 0.95)
        if mask.any():
            (region,) = cut(mask.astype(np.int32), 0)
            drawn = shown(mask.astype(np.int32), region)
            content = supervisely.annotation(drawn, mask.shape, "", True)
            kinds.add(content["objects"][0]["geometryType"])
            assert np.array_equal(paint(read(content, mask.shape), mask.shape) > 0, mask)
    assert kinds == {"polygon", "bitmap"}


def test_a_hole_whose_line_would_cut_too_much_off_makes_a_bitmap():
    mask = draw("1111111 1..1..1 1...1.1 1.....1 1111111") > 0
    (region,) = cut(mask.astype(np.int32), 0)
    content = supervisely.annotation(shown(mask.astype(np.int32), region), mask.shape, "", True)
    assert content["objects"][0]["geometryType"] == "bitmap"
    assert np.array_equal(paint(read(content, mask.shape), mask.shape) > 0, mask)


def test_the_files_are_as_the_format_says():
    labels = np.zeros((12, 16), np.int32)
    labels[3:6, 4:9] = 7
    labels[4, 6] = 0
    (region,) = cut(labels, 0)
    drawn = shown(labels, region)
    content = supervisely.annotation(drawn, labels.shape, "a field", True)
    assert content == {
        "description": "a field",
        "tags": [],
        "size": {"height": 12, "width": 16},
        "objects": [
            {
                "description": "",
                "geometryType": "polygon",
                "tags": [{"name": "nucleus_id", "value": 7}],
                "classTitle": "nucleus",
                "points": {
                    "exterior": [[4, 3], [4, 5], [8, 5], [8, 3]],  # x, y of pixels, not corners
                    "interior": [[[6, 4], [6, 4], [6, 4]]],
                },
            }
        ],
    }
    meta = supervisely.meta()
    assert [(c["title"], c["shape"]) for c in meta["classes"]] == [
        ("nucleus", "any"),
        ("neighbour", "any"),
    ]
    assert meta["tags"][0]["value_type"] == "any_number"
    figure = supervisely.annotation(drawn, labels.shape, "", False)["objects"][0]
    assert figure["geometryType"] == "bitmap"
    assert figure["bitmap"]["origin"] == [4, 3]


def test_the_example_of_the_format_is_read_and_written():
    expected = np.array([[1, 1, 1], [1, 0, 0], [1, 1, 1]], bool)
    top, left, mask = place_bitmap(Bitmap(data=EXAMPLE, origin=(5, 2)), (12, 16), "x")
    assert (top, left) == (2, 5)
    assert np.array_equal(mask, expected)
    ours = place_bitmap(Bitmap(data=encode_bitmap(expected), origin=(0, 0)), (12, 16), "x")[2]
    assert np.array_equal(ours, expected)


def test_a_polygon_holds_the_pixels_on_its_line_and_is_rounded_down():
    (drawn,) = read(polygon([[2.9, 1.2], [5.5, 1.5], [5.5, 4.99], [2.1, 4.5]]))
    assert (drawn.top, drawn.left, drawn.mask.shape) == (1, 2, (4, 4))
    assert drawn.mask.all()
    (drawn,) = read(polygon([[10, 5], [16, 5], [16, 12], [10, 12]]))  # drawn up to the very edge
    assert (drawn.top + drawn.mask.shape[0], drawn.left + drawn.mask.shape[1]) == (12, 16)


def test_corners_on_the_very_edge_are_the_last_pixels():
    (edge,), (last,) = (read(polygon([[x, 0], [x, y], [3, y]])) for x, y in ((16, 12), (15, 11)))
    assert np.array_equal(edge.mask, last.mask)


def test_a_polygon_is_cut_at_the_edge():
    (drawn,) = read(polygon([[-5, -5], [3, -5], [3, 2], [-5, 2]]))
    assert (drawn.top, drawn.left, drawn.mask.shape) == (0, 0, (3, 4))
    (drawn,) = read(polygon([[100, 100], [120, 100], [120, 130]]))
    assert drawn.mask.size == 0


def test_a_multipolygon_is_one_nucleus():
    square = {"exterior": [[1, 1], [2, 1], [2, 2], [1, 2]], "interior": []}
    far = {"exterior": [[9, 9], [10, 9], [10, 10], [9, 10]], "interior": []}
    (drawn,) = read(one(geometryType="multipolygon", parts=[square, far]))
    assert drawn.mask.sum() == 8
    assert drawn.mask.shape == (10, 10)


@pytest.mark.parametrize(
    ("value", "label"),
    [(7, 7), ("7", 7), (7.0, 7), (7.5, None), (0, None), (-3, None), ("x", None), (2**31, None)],
)
def test_a_tag_is_a_label_or_none(value, label):
    content = polygon([[1, 1], [5, 1], [5, 5]])
    content["objects"][0]["tags"] = [{"name": "other"}, {"name": "nucleus_id", "value": value}]
    assert read({"annotation": content})[0].label == label


def far_png(width: int, height: int) -> str:
    """A bitmap whose head claims a size."""
    png = zlib.decompress(base64.b64decode(EXAMPLE))
    return base64.b64encode(
        zlib.compress(png[:16] + struct.pack(">II", width, height) + png[24:])
    ).decode()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is no JSON"),
        (b'{"size": ', "is no JSON"),
        (b"[" * 100_000, "is no JSON"),
        (b"\xff\xfe\x00", "is no JSON"),
        ([], "top level"),
        ({"size": {"height": 12, "width": 16}}, "objects: Field required"),
        ({"size": {"height": 12, "width": 17}, "objects": []}, "in the size they were exported"),
        (one(geometryType="rectangle", points={"exterior": [[0, 0], [3, 3]]}), "is a rectangle"),
        (one(classTitle="cell"), "class 'cell'; expected 'nucleus'"),
        (bitmap(EXAMPLE, [14, 0]), "columns 14 to 17, beyond the image of 12 x 16 px"),
        (bitmap(EXAMPLE, [0, -1]), "rows -1 to 2"),
        (bitmap(EXAMPLE, [10**30, 0]), "beyond the image"),
        (bitmap(EXAMPLE, [1]), "origin"),
        (bitmap("%%%"), "cannot be read"),
        (bitmap(EXAMPLE[:40]), "cannot be read"),
        (bitmap(base64.b64encode(zlib.compress(b"x" * 100)).decode()), "no PNG"),
        (bitmap(base64.b64encode(zlib.compress(bytes(10**7))).decode()), "no PNG"),
        (bitmap(far_png(50_000, 50_000)), "50000 x 50000 px, beyond the image"),
        (bitmap(far_png(16, 12)), "cannot be read"),
        (polygon([]), "no points"),
        (polygon([[1e300, 0], [3, 0], [3, 3]]), "far beyond"),
        (polygon([["a", 0]]), "exterior"),
        (b'{"size": {"height": 12, "width": 16}, "objects": [{"classTitle": "nucleus", '
         b'"geometryType": "polygon", "points": {"exterior": [[NaN, 0], [1, 1], [2, 2]]}}]}',
         "far beyond"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_names_file_and_remedy(content, message):
    with pytest.raises(DataError, match=message.replace("(", r"\(")) as error:
        read(content)
    assert str(error.value).startswith("project: ds/ann/a.png.json: ")


def test_masks_that_would_fill_the_memory_are_refused():
    whole = bitmap(encode_bitmap(np.ones((12, 16), bool)))
    whole["objects"] *= 9
    with pytest.raises(LabelError, match="more than 8 times"):
        read(whole)
    dots = bitmap(encode_bitmap(np.ones((1, 1), bool)))
    dots["objects"] *= MAX_OBJECTS + 1
    with pytest.raises(DataError, match="at most 20000 items"):
        read(dots)
