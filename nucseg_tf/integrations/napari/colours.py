"""Nuclei in the colours of a measurement."""

from __future__ import annotations

import napari
import numpy as np
import pandas as pd
from magicgui.widgets import ComboBox, Container, create_widget
from napari.layers import Labels
from napari.utils.colormaps import DirectLabelColormap, ensure_colormap, label_colormap

from nucseg_tf.integrations.napari.form import PLUGIN

WIDGET = "Colour nuclei by a measurement"
NUMBER = "number"  # each another colour, as before
COLOURS = "viridis"
UNKNOWN = (0.5, 0.5, 0.5, 1.0)  # of nuclei without a value
RANGE = (2, 98)  # percentiles that get the first and the last colour


def open_colour(viewer: napari.viewer.Viewer) -> None:
    """Dock the widget."""
    viewer.window.add_plugin_dock_widget(PLUGIN, WIDGET)


class ColourNuclei(Container):
    """Gives each nucleus of a Labels layer the colour of its value."""

    def __init__(self) -> None:
        self.layer = create_widget(annotation=Labels, label="labels")
        self.by = ComboBox(label="by", choices=lambda _: self._measurements())
        super().__init__(widgets=[self.layer, self.by])
        self.layer.changed.connect(lambda _: self.by.reset_choices())
        self.by.changed.connect(self._colour)

    def _measurements(self) -> list[str]:
        """The features of the layer that are numbers."""
        layer = self.layer.value
        features = pd.DataFrame() if layer is None else layer.features
        able = features.select_dtypes(["number", "bool"]).columns
        return [NUMBER, *(name for name in able if name != "index")]

    def _colour(self, by: str) -> None:
        layer = self.layer.value
        if layer is not None:
            colours = label_colormap() if by == NUMBER else colours_of(layer.features, by)
            layer.colormap = colours


def colours_of(features: pd.DataFrame, by: str) -> DirectLabelColormap:
    """A colour for each number, by the values of a column.

    Args:
        features: of a layer, with `index`, the numbers.
        by: a column of numbers.
    """
    values = features[by].to_numpy(float)
    known = np.isfinite(values)
    low, high = np.percentile(values[known], RANGE) if known.any() else (0, 1)
    share = np.clip((values - low) / max(high - low, np.finfo(float).tiny), 0, 1)
    rgba = ensure_colormap(COLOURS).map(np.where(known, share, 0))
    rgba[~known] = UNKNOWN
    colours = dict(zip(features["index"].tolist(), rgba, strict=True))
    return DirectLabelColormap(color_dict={**colours, 0: np.zeros(4), None: np.array(UNKNOWN)})
