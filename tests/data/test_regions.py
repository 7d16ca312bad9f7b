import json

import numpy as np
import pytest
import tifffile

from nucseg_tf.data.fields import field_hash, load_field, read_masks
from nucseg_tf.data.manifest import find_fields, scan
from nucseg_tf.data.regions import (
    format_regions,
    mark_unknown,
    parse_regions,
    read_known_labels,
    read_regions,
    regions_path,
    write_regions,
)
from nucseg_tf.data.validate import validate
from nucseg_tf.errors import DataError, LabelError

BOXES = ((0, 0, 4, 5), (2, 3, 8, 9))
# Nuclei of which the first lies inside, the second half inside, the third mostly, the fourth out.
FIELD = """
    11...4...
    11...4...
    ..222....
    .......33
    ....333..
"""


def draw(text):
    rows = text.split()
    return np.array([[0 if c == "." else -1 if c == "?" else int(c) for c in r] for r in rows])


def naive(labels, boxes):
    """Pixel by pixel, nucleus by nucleus."""
    finished = np.zeros(labels.shape, bool)
    for y0, x0, y1, x1 in boxes:
        for y in range(y0, y1):
            for x in range(x0, x1):
                finished[y, x] = True
    out = np.where(finished & (labels == 0), 0, -1)
    for label in np.unique(labels[labels > 0]):
        inside = (labels == label) & finished
        if inside.sum() > ((labels == label) & ~finished).sum():
            out[labels == label] = label
    return out


def save(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, array.astype(np.uint16), photometric="minisblack")


@pytest.fixture
def folder(tmp_path):
    """A data set of one field, 8 x 9 px."""
    save(tmp_path / "images" / "g" / "a.tif", np.arange(72).reshape(8, 9))
    labels = np.zeros((8, 9), int)
    labels[1:3, 1:3], labels[5:7, 5:8] = 7, 2
    save(tmp_path / "masks" / "g" / "a.tif", labels)
    return tmp_path


def mask_of(folder):
    return folder / "masks" / "g" / "a.tif"


def test_nuclei_are_known_whole_or_not_at_all():
    # 1: inside; 2: one of three in; 3: three of five in, and so its two outside too; 4: outside.
    expected = """
        11?????..
        11?????..
        ..?????..
        ???????33
        ????333..
    """
    boxes = [(0, 0, 3, 2), (0, 7, 5, 9), (2, 0, 3, 3), (4, 6, 5, 7)]
    assert mark_unknown(draw(FIELD), boxes).tolist() == draw(expected).tolist()


def test_half_a_nucleus_is_too_little():
    labels = draw("..1122").astype(np.uint16)
    assert mark_unknown(labels, [(0, 0, 1, 3)]).tolist() == [[0, 0, -1, -1, -1, -1]]


def test_naive_twin():
    rng = np.random.default_rng(0)
    for _ in range(50):
        labels = rng.choice([0, 0, 3, 900_000_000, 41], (9, 12)).astype(np.int32)
        corners = [np.sort(rng.choice(n + 1, (2, 2), False).reshape(2, -1), 1) for n in (9, 9)]
        boxes = [
            (int(r[0]), int(c[0]), int(r[1]), int(c[1])) for r, c in zip(*corners, strict=True)
        ]
        expected = naive(labels, boxes)
        if (expected < 0).all():
            continue
        found = mark_unknown(labels, boxes)
        assert found.dtype == np.int32
        np.testing.assert_array_equal(found, expected)


def test_a_region_of_the_whole_is_as_none():
    labels = draw(FIELD)
    assert mark_unknown(labels, [(0, 0, *labels.shape)]).tolist() == labels.tolist()
    assert mark_unknown(labels, []).tolist() == labels.tolist()


@pytest.mark.parametrize(("box", "message"), [((0, 0, 6, 9), "edge"), ((0, 2, 1, 3), "nothing")])
def test_regions_that_do_not_fit(box, message):
    labels = np.ones((5, 9), int)
    with pytest.raises(LabelError, match=message):
        mark_unknown(labels, [box])


def test_written_and_read(tmp_path):
    mask = tmp_path / "a_masks.ome.tif"
    assert regions_path(mask).name == "a_masks.regions.json"
    assert read_regions(mask) == ()
    write_regions(mask, [list(box) for box in BOXES])
    assert json.loads(regions_path(mask).read_text()) == {"boxes": [list(box) for box in BOXES]}
    assert read_regions(mask) == BOXES == parse_regions(format_regions(BOXES))
    write_regions(mask, [])
    write_regions(mask, [])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "boxes",
    [[[0, 0, 4]], [[0, 0, 4, 5.5]], [[0, 0, True, 1]], [[3, 0, 3, 5]], [[-1, 0, 3, 5]], [5]],
)
def test_what_is_no_box_is_not_written_nor_read(tmp_path, folder, boxes):
    with pytest.raises((ValueError, TypeError)):
        write_regions(tmp_path / "b.tif", boxes)
    assert not (tmp_path / "b.regions.json").exists()
    path = regions_path(mask_of(folder))
    for content in (json.dumps({"boxes": boxes}), '{"boxes": []}', "[]", "{", "null", '{"a": 1}'):
        path.write_text(content)
        with pytest.raises(DataError, match=r"a\.regions\.json: expected"):
            read_regions(mask_of(folder))
        fields, (problem,) = scan(folder)
        assert (fields, problem.path) == ([], path)


def test_regions_of_a_field(folder):
    (whole,) = find_fields(folder)
    assert (read_masks(whole) == -1).sum() == 0
    write_regions(mask_of(folder), [(0, 0, 4, 5)])
    (field,) = find_fields(folder)
    assert field.regions == ((0, 0, 4, 5),)
    assert field_hash(field) != field_hash(whole)
    _, labels = load_field(field)
    np.testing.assert_array_equal(labels, naive(read_masks(whole), field.regions))
    np.testing.assert_array_equal(read_known_labels(mask_of(folder)), labels)


def test_regions_in_a_flat_folder(folder):
    save(folder / "flat" / "a.tif", np.arange(72).reshape(8, 9))
    save(folder / "flat" / "a_masks.tif", np.eye(8, 9))
    write_regions(folder / "flat" / "a_masks.tif", [(0, 0, 8, 9)])
    write_regions(folder / "flat" / "a.tif", [(0, 0, 1, 1)])
    (field,), (problem,) = scan(folder / "flat")
    assert field.regions == ((0, 0, 8, 9),)
    assert (problem.path.name, "no mask" in problem.reason) == ("a.regions.json", True)


def test_regions_in_a_manifest(folder):
    manifest = folder / "m.csv"
    row = "images/g/a.tif,masks/g/a.tif"
    manifest.write_text(f"image,mask,regions\n{row},0:0:4:5 2:3:8:9\n")
    assert find_fields(manifest)[0].regions == BOXES
    write_regions(mask_of(folder), [(0, 0, 1, 1)])
    assert find_fields(manifest)[0].regions == BOXES
    manifest.write_text(f"image,mask,regions\n{row},\n")
    assert find_fields(manifest)[0].regions == ((0, 0, 1, 1),)
    for text in ("0:0:4", "0:0:4:x", "4:0:4:5", "-1:0:4:5"):
        manifest.write_text(f"image,mask,regions\n{row},{text}\n")
        with pytest.raises(DataError, match=r"m\.csv, line 2: regions must"):
            find_fields(manifest)


def test_validate_names_what_is_wrong(folder):
    write_regions(mask_of(folder), [(0, 0, 9, 5)])
    write_regions(folder / "masks" / "g" / "gone.tif", [(0, 0, 1, 1)])
    report = validate(folder)
    assert (report.images, report.usable) == (1, 0)
    first, second = map(str, report.problems)
    assert "gone.regions.json: names finished regions, but there is no mask" in first
    assert f"{mask_of(folder)}: region [0, 0, 9, 5] reaches over the edge of (8, 9)" in second
    write_regions(mask_of(folder), [(3, 3, 5, 5)])
    regions_path(folder / "masks" / "g" / "gone.tif").unlink()
    report = validate(folder)
    assert report.usable == 1
    assert [problem.usable for problem in report.problems] == [True]  # no nucleus there
