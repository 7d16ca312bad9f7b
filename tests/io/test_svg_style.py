"""Styles of SVG, from the nearest to what is around."""

from __future__ import annotations

import time

import pytest

from nucseg_tf.io.plain_xml import Around, Element
from nucseg_tf.io.svg_style import is_evenodd, is_shown, sheet_of


def element(*around, **attributes):
    return Element("path", attributes, "", tuple(Around("g", each) for each in around))


@pytest.mark.parametrize(
    ("outer", "own", "evenodd"),
    [
        ({}, {}, False),
        ({}, {"fill-rule": "evenodd"}, True),
        ({"fill-rule": "evenodd"}, {}, True),
        ({"fill-rule": "evenodd"}, {"fill-rule": "inherit"}, True),
        ({"fill-rule": "evenodd"}, {"style": "fill-rule:nonzero"}, False),
        ({}, {"class": "x a", "fill-rule": "nonzero"}, True),
        ({}, {"class": "a", "style": "a-fill-rule:x;fill-rule : nonzero"}, False),
    ],
)
def test_the_nearest_is_right_and_a_style_before_a_class_before_an_attribute(outer, own, evenodd):
    sheet = sheet_of(".a{fill-rule:evenodd}")
    assert is_evenodd(element(outer, **own), sheet) == evenodd


def test_what_is_left_out_hides_all_in_it_and_what_is_invisible_not():
    assert not is_shown(element({"display": "none"}, display="inline"), {})
    assert not is_shown(element({"visibility": "hidden"}), {})
    assert is_shown(element({"visibility": "hidden"}, visibility="visible"), {})


def test_comments_without_end_take_no_time():
    before = time.perf_counter()
    assert sheet_of(".a{display:none}" + "/*" * 2**15)["display"] == {"a": "none"}
    assert time.perf_counter() - before < 1
