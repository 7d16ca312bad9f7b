"""Names that come from a page."""

from __future__ import annotations

import pytest

from nucseg_tf.annotation.editor.message import EditError
from nucseg_tf.annotation.editor.names import plain_name


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("well A01 (2).tif", "well A01 (2).tif"),
        ("zwölf.tif", "zwölf.tif"),
        ("u\u0308ber.tif", "über.tif"),
        ('a:b*c?"<>|.tif', "a_b_c_____.tif"),
        ("a.tif . ", "a.tif"),
        ("CONTROL.tif", "CONTROL.tif"),
    ],
)
def test_plain_names(name, plain):
    assert plain_name(name) == plain


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "..", "../a.tif", "/etc/passwd", "a/b.tif", "..\\a.tif", "C:\\a.tif"),
        *(".hidden.tif", " a.tif", "a\x00.tif", "a\n.tif", "a\u202e.tif", "a\ud800.tif"),
        *("con", "NUL.tif", "com1.tif", "LPT9.ome.tif", "aux .tif", "x" * 151, "ü" * 76),
    ],
)
def test_what_is_no_plain_name(name):
    with pytest.raises(EditError, match=r"expected a|no text"):
        plain_name(name)
