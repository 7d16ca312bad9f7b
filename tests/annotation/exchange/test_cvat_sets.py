"""XML of CVAT for images as masks."""

from __future__ import annotations

import numpy as np
import pytest
from reference.drawn import random_labels
from reference.sets import cvat_file

from nucseg_tf.annotation.exchange import cvat_sets
from nucseg_tf.annotation.exchange.cvat_sets import read_set
from nucseg_tf.commands.convert import convert
from nucseg_tf.errors import DataError, SomeImagesFailed, UsageError
from nucseg_tf.io.labels import read_labels

SHAPE = (24, 32)
SQUARE = "0,0;4,0;4,4;0,4"


@pytest.fixture
def read(tmp_path):
    """Labels of one image with some shapes on it."""

    def read(*shapes, size='width="32" height="24"', root="annotations"):
        path = tmp_path / "set.xml"
        path.write_text(
            f"<{root}><version>1.1</version><meta><task><name>t</name></task></meta>"
            f'<image id="0" name="train/a.png" {size}>{"".join(shapes)}'
            f'<tag label="good"/></image></{root}>'
        )
        (draw,) = read_set(path).draw
        return draw()

    return read


def polygon(points=SQUARE, label="cell", **others):
    more = " ".join(f'{name}="{value}"' for name, value in others.items())
    return f'<polygon label="{label}" occluded="0" points="{points}" {more}><attribute name="a">b</attribute></polygon>'  # noqa: E501


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("masks", [False, True])
def test_what_is_written_comes_back_to_the_pixel(tmp_path, seed, masks):
    images = {"x/a.png": random_labels(seed, (40, 50)), "b.png": random_labels(seed + 9, (30, 20))}
    path = cvat_file(tmp_path / "set.xml", images, masks)
    assert convert(path, tmp_path, to="labels") == tmp_path
    for name, labels in zip("ab", images.values(), strict=True):
        found = read_labels(tmp_path / "masks" / f"{name}.tif")
        assert found.shape == labels.shape
        pairs = np.unique(np.stack([labels.ravel(), found.ravel()]), axis=1)
        assert len(pairs[0]) == len(np.unique(labels)) == len(np.unique(found))


def test_boxes_and_ellipses_by_hand(read):
    rows, columns = np.mgrid[:24, :32] + 0.5
    found = read(
        '<box label="cell" xtl="1" ytl="2" xbr="5" ybr="4"/>',
        '<box label="cell" xtl="10" ytl="2" xbr="16" ybr="4" rotation="90"/>',
        '<ellipse label="cell" cx="20" cy="12" rx="6" ry="3"/>',
        '<ellipse label="cell" cx="4" cy="14" rx="3" ry="8.3" rotation="30"/>',
    )
    expected = np.zeros(SHAPE, np.int32)
    expected[2:4, 1:5], expected[0:6, 12:14] = 1, 2
    expected[((columns - 20) / 6) ** 2 + ((rows - 12) / 3) ** 2 < 1] = 3
    x, y, cos, sin = columns - 4, rows - 14, np.cos(np.pi / 6), np.sin(np.pi / 6)
    expected[((x * cos + y * sin) / 3) ** 2 + ((y * cos - x * sin) / 8.3) ** 2 < 1] = 4
    np.testing.assert_array_equal(found, expected)
    assert not np.array_equal(found == 4, (found == 4)[::-1])  # the turn is to one side


def test_boxes_turn_clockwise(read):
    rows, columns = np.mgrid[:24, :32] + 0.5
    found = read('<box label="cell" xtl="10" ytl="9" xbr="24.4" ybr="13" rotation="30"/>')
    x, y, cos, sin = columns - 17.2, rows - 11, np.cos(np.pi / 6), np.sin(np.pi / 6)
    expected = (np.abs(x * cos + y * sin) < 7.2) & (np.abs(y * cos - x * sin) < 2)
    np.testing.assert_array_equal(found == 1, expected)


def test_groups_are_one_nucleus_and_order_is_z(read):
    found = read(
        polygon("0,0;4,0;4,1;0,1", z_order=1),
        polygon("2,0;8,0;8,1;2,1", z_order=0),
        polygon("10,0;12,0;12,1;10,1", group_id=3),
        polygon("14,0;16,0;16,1;14,1", group_id=3),
        polygon("11,0;13,0;13,1;11,1", group_id=0),
    )
    assert found[0, :18].tolist() == [4] * 4 + [1] * 4 + [0, 0, 2, 3, 3, 0, 2, 2, 0, 0]


def test_a_group_that_covers_the_image_again_and_again_is_refused_before_it_is_held(read):
    whole = '<box label="cell" xtl="0" ytl="0" xbr="32" ybr="24" group_id="1"/>'
    with pytest.raises(DataError, match="cover the image more than 30 times"):
        read(*[whole] * 31, '<points label="cell" points="1,1" group_id="1"/>')


def test_shapes_that_would_fill_the_memory_are_refused(read, monkeypatch):
    monkeypatch.setattr(cvat_sets, "MOST_SHAPES", 2)
    assert read(polygon(), polygon()).max() == 2
    with pytest.raises(DataError, match="an image with more than 2 shapes"):
        read(*[polygon()] * 3)


def test_run_lengths_begin_with_background_and_go_row_by_row(read):
    found = read('<mask label="cell" rle="1, 2, 2, 1" left="3" top="2" width="2" height="3"/>')
    assert found[2:5, 3:5].tolist() == [[0, 1], [1, 0], [0, 1]]
    assert found.sum() == 3


def test_of_several_labels_nuclei_are_taken_and_others_told_of(read, caplog):
    found = read(polygon(), polygon("10,0;12,0;12,1;10,1", label="Nuclei"))
    assert found[0, :12].tolist() == [0] * 10 + [1, 1]
    assert "1 of 'cell'" in caplog.text


@pytest.mark.parametrize(
    ("shape", "told"),
    [
        ('<polyline label="c" points="1,1;2,2"/>', "a polyline has no area. Delete it in CVAT"),
        ('<points label="c" points="1,1"/>', "a points has no area"),
        ('<skeleton label="c"><points points="1,1"/></skeleton>', "a skeleton has no area"),
        (polygon("1,1;2,2"), "three or more"),
        (polygon("1,1;2,2;3"), "three or more"),
        (polygon("1,1;2,2;a,b"), "three or more"),
        (polygon("99,1;120,2;99,20"), "beyond the image of 24 x 32 px"),
        (polygon("nan,1;120,2;99,20"), "beyond the image of 24 x 32 px"),
        (polygon(z_order="up"), "z_order is 'up'"),
        ('<box label="c" xtl="1" ytl="2" xbr="5"/>', "ybr is 'None'"),
        ('<ellipse label="c" cx="1" cy="2" rx="0" ry="5"/>', "has no area"),
        ('<mask label="c" rle="1,2" left="0" top="0" width="2" height="2"/>', "do not fill"),
        ('<mask label="c" rle="1,x" left="0" top="0" width="2" height="2"/>', "do not fill"),
        ('<mask label="c" rle="5,-1" left="0" top="0" width="2" height="2"/>', "do not fill"),
        ('<mask label="c" rle="4" left="31" top="0" width="2" height="2"/>', "does not lie in"),
    ],
)
def test_what_is_no_outline_is_told(read, shape, told):
    with pytest.raises(DataError, match=rf"set\.xml: train/a\.png: .*{told}"):
        read(polygon(), shape)


@pytest.mark.parametrize("size", ["", 'width="3"', 'width="0" height="3"', 'width="x" height="3"'])
def test_sizes_must_be_told(read, size):
    with pytest.raises(DataError, match=r"set\.xml: train/a\.png: .*CVAT for images"):
        read(size=size)


def test_an_image_that_claims_too_much_is_refused(read):
    with pytest.raises(DataError, match="would take"):
        read(size='width="10000000" height="10000000"')


def test_an_image_that_cannot_be_drawn_is_told_of(tmp_path):
    path = cvat_file(tmp_path / "set.xml", {n: random_labels(1) for n in ("a.png", "b.png")})
    path.write_text(path.read_text().replace('name="a.png" width', 'name="a.png" breadth'))
    with pytest.raises(SomeImagesFailed, match="1 of 2"):
        convert(path, tmp_path / "out", to="labels")
    assert [file.name for file in (tmp_path / "out" / "masks").iterdir()] == ["b.tif"]
    assert "height and width are not given" in (tmp_path / "out" / "failures.csv").read_text()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "cannot be read as XML"),
        ("<annotations>", "cannot be read as XML"),
        ("<annotation/>", "is no XML of CVAT, but of 'annotation'"),
        ("<annotations/>", "has no images"),
        ('<annotations><track id="0"><box frame="0"/></track></annotations>', "tracks of a video"),
        ('<!DOCTYPE a [<!ENTITY x "y">]><annotations>&x;</annotations>', "document type"),
    ],
)
def test_what_is_no_set_is_refused(tmp_path, text, told):
    path = tmp_path / "set.xml"
    with pytest.raises(UsageError, match="no such file"):
        read_set(path)
    path.write_text(text)
    with pytest.raises(DataError, match=rf"set\.xml: .*{told}"):
        read_set(path)


def test_masks_as_large_as_the_image_do_not_fill_it(tmp_path):
    """As Datumaro writes them: what covers an image more than 30 times is refused otherwise."""
    lines, expected = [], np.zeros((8, 8), np.int32)
    for number in range(40):
        start = number + number // 5  # a pixel of its own
        rest = f"{start}, 1, {63 - start}"
        lines.append(f'<mask label="n" rle="{rest}" left="0" top="0" width="8" height="8"/>')
        expected.ravel()[start] = number + 1
    path = tmp_path / "set.xml"
    images = f'<image name="a.png" width="8" height="8">{"".join(lines)}</image>'
    path.write_text(f"<annotations>{images}</annotations>")
    (draw,) = read_set(path).draw
    np.testing.assert_array_equal(draw(), expected)
