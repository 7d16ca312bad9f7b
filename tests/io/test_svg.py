"""Drawings in SVG as labels."""

from __future__ import annotations

import time

import numpy as np
import pytest
from reference.drawn import random_labels
from reference.sets import svg_file

from nucseg_tf.errors import DataError
from nucseg_tf.io.any_labels import holds_labels, read_any_labels
from nucseg_tf.io.svg import read_svg

SHAPE = (24, 32)
SIZE = 'width="32" height="24"'
SQUARE = '<path d="M2,3h4v4h-4z"/>'
ROWS, COLUMNS = np.mgrid[:24, :32] + 0.5


@pytest.fixture
def read(tmp_path):
    def read(inner, root=SIZE, shape=SHAPE):
        path = tmp_path / "a.svg"
        path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" {root}>{inner}</svg>')
        return read_svg(path, shape)

    return read


@pytest.fixture
def square():
    found = np.zeros(SHAPE, np.int32)
    found[3:7, 2:6] = 1
    return found


@pytest.mark.parametrize("seed", range(3))
def test_what_is_written_comes_back_to_the_pixel(tmp_path, seed):
    labels = random_labels(seed, (40, 50))
    path = svg_file(tmp_path / "a.svg", labels)
    assert holds_labels(path)
    found = read_any_labels(path, lambda: labels.shape)
    pairs = np.unique(np.stack([labels.ravel(), found.ravel()]), axis=1)
    assert len(pairs[0]) == len(np.unique(labels)) == len(np.unique(found))


@pytest.mark.parametrize(
    "shape",
    [
        '<polygon points="2,3 6,3 6,7 2,7 "/>',
        '<polygon points="2 3 6 3\n\t\t6 7 2 7"/>',
        '<polyline points="2,3 6,3 6,7 2,7"/>',
        '<rect x="2" y="3px" width="4" height="4"/>',
        '<g transform="translate(2,3)"><path d="M0 0h4v4h-4"/></g>',
        '<g transform="scale(2)"><rect transform="translate(1 1.5)" width="2" height="2"/></g>',
        '<g transform="matrix(0 2 -2 0 6 3)"><rect width="2" height="2"/></g>',
        '<rect transform="translate(6,3) rotate(90)" width="4" height="4"/>',
        '<rect transform="rotate(180 4 5)" x="2" y="3" width="4" height="4"/>',
        '<rect transform="skewX(0), skewY(0) scale(1,-1)" x="2" y="-7" width="4" height="4"/>',
        '<switch><a><path class="st0" style="fill:none" d="M2,3h4v4h-4z"/></a></switch>',
    ],
)
def test_a_square_in_many_ways(read, square, shape):
    np.testing.assert_array_equal(read(shape), square)


@pytest.mark.parametrize(
    "root",
    [
        *("", 'width="32px" height="24px"', 'viewBox="0 0 32 24" width="100%" height="100%"'),
        'width="24pt" height="18pt" viewBox="0,0,32,24"',
        'width="100%" height="100%"',
    ],
)
def test_a_canvas_of_the_images_size(read, square, root):
    np.testing.assert_array_equal(read(SQUARE, root), square)


@pytest.mark.parametrize(
    ("root", "shape"),
    [
        ('viewBox="0 0 16 12"', '<rect x="1" y="1.5" width="2" height="2"/>'),
        (
            'viewBox="-8 -6 16 12" width="1" height="9"',
            '<rect x="-7" y="-4.5" width="2" height="2"/>',
        ),
        ('width="24pt" height="18pt"', SQUARE),
        ('width="1in" height="0.75in"', '<rect x="6" y="9" width="12" height="12"/>'),
    ],
)
def test_a_canvas_of_another_size_is_enlarged(read, square, root, shape):
    np.testing.assert_array_equal(read(shape, root), square)


def test_round_shapes(read):
    found = read(
        '<circle cx="8" cy="8" r="5"/><ellipse cx="20" cy="12" rx="3.5" ry="7.3"/>'
        '<rect x="25" y="2" width="6" height="8" rx="3"/>'
    )
    expected = np.zeros(SHAPE, np.int32)
    expected[(ROWS - 8) ** 2 + (COLUMNS - 8) ** 2 < 25] = 1
    expected[((ROWS - 12) / 7.3) ** 2 + ((COLUMNS - 20) / 3.5) ** 2 < 1] = 2
    inside = (COLUMNS - 28) ** 2 + (np.clip(ROWS, 5, 7) - ROWS) ** 2 < 9
    expected[inside] = 3
    np.testing.assert_array_equal(found, expected)


def test_holes_pieces_and_what_lies_on_top(read):
    found = read('<path d="M0 0h8v6h-8zM2 2v2h3v-2zM20 0h2v2h-2z"/><path d="M7 0h3v1h-3z"/>')
    assert found[0, :24].tolist() == [1] * 7 + [2] * 3 + [0] * 10 + [1] * 2 + [0] * 2
    assert found[2, :9].tolist() == [1, 1, 0, 0, 0, 1, 1, 1, 0]


NESTED = "M2 2h12v12h-12zM5 5h6v6h-6z"  # both the same way round
ONCE_INSIDE = "M2 2h12v12h-12zM5 5v6h6v-6z"
STAR = "8,1 4,14 15,5 1,5 12,14"


@pytest.mark.parametrize(
    ("shape", "is_hole"),
    [
        (f'<path d="{NESTED}"/>', False),
        (f'<path d="{ONCE_INSIDE}"/>', True),
        (f'<path fill-rule="evenodd" d="{NESTED}"/>', True),
        (f'<path style="fill:red; fill-rule : evenodd" d="{NESTED}"/>', True),
        (f'<path style="clip-rule:evenodd" d="{NESTED}"/>', False),
        (f'<g fill-rule="evenodd"><path d="{NESTED}"/></g>', True),
        (f'<g fill-rule="evenodd"><path fill-rule="nonzero" d="{NESTED}"/></g>', False),
        (f'<path fill-rule="evenodd" style="fill-rule:nonzero" d="{NESTED}"/>', False),
        (f'<style>.a,.b{{fill-rule:evenodd;}}</style><path class="b" d="{NESTED}"/>', True),
        (f'<style>.a{{fill-rule:evenodd;}}</style><path class="b" d="{NESTED}"/>', False),
        (f'<polygon points="{STAR}"/>', False),
        (f'<polygon fill-rule="evenodd" points="{STAR}"/>', True),
    ],
)
def test_what_lies_within_is_a_hole_as_it_is_drawn(read, shape, is_hole):
    found = read(shape)
    assert found[8, 8] == (not is_hole)
    assert found.max() == 1


@pytest.mark.parametrize(
    ("inner", "shown"),
    [
        ('<g visibility="hidden"><path visibility="visible" d="M0 0h4v4h-4z"/></g>', True),
        ('<g display="none"><path style="display:inline" d="M0 0h4v4h-4z"/></g>', False),
        ('<path class="a" d="M0 0h4v4h-4z"/><style>.a{display:none}</style>', False),
        ('<style>/* .a{display:none} */</style><path class="a" d="M0 0h4v4h-4z"/>', True),
        ('<style>.a{display:none}</style><path class="b" display="none" d="M0 0h4v4h-4z"/>', False),
        ('<rect width="32" height="24" style="fill:none"/>', False),
        ('<path xmlns:q="q" d="M0 0h4v4h-4z" q:d="M9 9"/>', True),
    ],
)
def test_what_is_shown_as_programs_show_it(read, inner, shown):
    assert read(f"{inner}<rect x='9' width='4' height='4'/>").max() == 1 + shown


def test_what_reaches_over_the_edge_of_the_canvas_is_cut(read):
    found = read('<rect x="28" y="-5" width="20" height="10"/>')
    assert found.sum() == found[:5, 28:].sum() == 20


@pytest.mark.parametrize(
    "other",
    [
        '<image xlink:href="a.jpg" width="32" height="24"/>',
        '<defs><path id="p" d="M0 0h9v9"/></defs>',
        '<clipPath><rect width="9" height="9"/></clipPath>',
        '<g display="none"><g><rect width="9" height="9"/></g></g>',
        '<rect visibility="hidden" width="9" height="9"/>',
        '<g style="fill:#fff;display:none"><rect width="9" height="9"/></g>',
        "<style>.st0{fill:none;}\n.st1,.st2{display:none;}</style>"
        '<g class="st0 st2"><rect width="9" height="9"/></g>',
        "<title>T</title><metadata><rdf><path d=''/></rdf></metadata>",
        "<foreignObject><path d='M0 0h9v9'/></foreignObject>",
    ],
)
def test_images_and_what_is_hidden_are_left_alone(read, square, caplog, other):
    np.testing.assert_array_equal(read(other + SQUARE), square)
    assert not caplog.text


def test_what_has_no_area_is_counted(read, square, caplog):
    others = '<line x1="1" x2="5"/><text>7</text><path d="M3 3z"/><path d="M1 1h5"/>'
    assert (read(others + SQUARE) > 0).sum() == 16
    assert "a.svg: left out, for it has no area: 1 line, 1 text, 2 path" in caplog.text


@pytest.mark.parametrize(
    ("inner", "told"),
    [
        ('<path d="X"/>', "path 1: cannot be read: it has 'X'"),
        (SQUARE + '<polygon points="1,2 3"/>', "polygon 2: cannot be read: numbers are missing"),
        ('<circle cx="1%" cy="2" r="3"/>', "its cx is '1%'"),
        ('<rect width="9" height="big"/>', "its height is 'big'"),
        ('<path transform="turn(3)" d="M0 0h9v9"/>', "its transform is turn of 1 numbers"),
        ('<path transform="scale(3" d="M0 0h9v9"/>', "its transform is 'scale"),
        ('<path transform="scale(1e300)scale(1e300)" d="M0 0h9v9"/>', "beyond all bounds"),
        ('<path transform="scale(x)" d="M0 0h9v9"/>', "could not convert"),
        ('<path style="transform:scale(2)" d="M0 0h9v9"/>', "moved by its style"),
        ('<path d="M0 0A1e200 1e-300 0 0 0 9 9h3"/>', "path 1"),
        ('<rect x="500" width="9" height="9"/>', "rect 1 lies beyond the image"),
        ('<use xlink:href="#p"/>', "has a <use>, which is not followed"),
        (f"<svg>{SQUARE}</svg>", "has a <svg>|canvas"),
    ],
)
def test_what_cannot_be_told_is_an_error(read, inner, told):
    with pytest.raises(DataError, match=rf"a\.svg: .*({told})"):
        read(inner)


@pytest.mark.parametrize(
    ("root", "told"),
    [
        ('width="24" height="32"', "canvas of 24 x 32 .* is not that of an image of 32 x 24 px"),
        ('viewBox="0 0 32"', "its canvas is"),
        ('viewBox="0 0 0 9"', "its canvas is"),
        ('viewBox="0 0 nan 9"', "its canvas is"),
        ('viewBox="a b c d"', "could not convert"),
        ('width="3em" height="3em"', "its width is '3em'"),
    ],
)
def test_the_canvas_must_be_that_of_the_image(read, root, told):
    with pytest.raises(DataError, match=rf"a\.svg: path 1: cannot be read: .*{told}"):
        read(SQUARE, root)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "cannot be read as XML"),
        ("<svg>", "cannot be read as XML"),
        ("<html/>", "is no SVG, but an XML of 'html'"),
        ('<!DOCTYPE svg [<!ENTITY x "y">]><svg>&x;</svg>', "declares entities"),
        ("<svg>" * 100 + "</svg>" * 100, "nested deeper"),
    ],
)
def test_what_is_no_svg(tmp_path, text, told):
    (tmp_path / "a.svg").write_text(text)
    with pytest.raises(DataError, match=rf"a\.svg: .*{told}"):
        read_svg(tmp_path / "a.svg", SHAPE)


def test_a_long_style_of_a_group_is_looked_at_once(read):
    style, pixel = "fill:red;" * 200_000, '<path d="M2,3h1v1h-1z"/>'
    inner = f'<g style="{style}" class="{"a " * 400_000}">{pixel * 2000}</g>'
    before = time.perf_counter()
    assert read(f"<style>.b{{display:none}}</style>{inner}").max() == 2000
    assert time.perf_counter() - before < 20  # 0.1 s an element otherwise


def test_a_shape_of_too_many_corners_is_refused(read):
    with pytest.raises(DataError, match="path 1: cannot be read: it needs more than 1,000,000 cor"):
        read('<path d="M0 0' + "c99999 0 0 99999 0 0z" * 4000 + '"/>')
