"""Nuclei in the colours of a measurement."""

from __future__ import annotations

import numpy as np
import pandas as pd
from napari.layers import Labels

from nucseg_tf.integrations.napari.colours import UNKNOWN, ColourNuclei, colours_of


def test_high_and_low_values_differ_and_unknown_ones_are_grey():
    features = pd.DataFrame({"index": [2, 5, 7], "area_px": [10.0, 90.0, np.nan]})
    found = colours_of(features, "area_px").color_dict
    assert not np.allclose(found[2], found[5])
    np.testing.assert_allclose(found[7], UNKNOWN)
    np.testing.assert_allclose(found[0], 0)


def test_equal_values_have_one_colour():
    features = pd.DataFrame({"index": [1, 2], "suspect": [1, 1]})
    found = colours_of(features, "suspect").color_dict
    np.testing.assert_allclose(found[1], found[2])


def test_the_form_offers_the_measurements_of_its_layer(make_napari_viewer):
    viewer = make_napari_viewer()
    features = pd.DataFrame({"index": [1], "area_px": [4], "reasons": ["touching"]})
    viewer.add_layer(Labels(np.ones((8, 8), int), features=features))
    widget = ColourNuclei()
    viewer.window.add_dock_widget(widget)
    assert list(widget.by.choices) == ["number", "area_px"]
    widget.by.value = "area_px"
    assert 1 in viewer.layers[0].colormap.color_dict
