"""Names of images."""

from __future__ import annotations

from pathlib import Path

import pytest

from nucseg_tf.io.names import stem_of


@pytest.mark.parametrize(
    ("name", "stem"), [("a/b.ome.tif", "b"), ("b.png.tif", "b.png"), ("ome.tif", "ome")]
)
def test_an_ome_tiff_has_an_ending_of_two_parts(name, stem):
    assert stem_of(Path(name)) == stem
