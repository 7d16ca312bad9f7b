"""The widget in a real napari: what it offers, does, says, and lets go of."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image, Labels
from napari.utils.notifications import notification_manager
from reference.bright_spots import spots


def said() -> list[str]:
    return [notification.message for notification in notification_manager.records]


def segment(form, layer, **choices):
    """The layer that comes of an image layer."""
    viewer = form.viewer_of_test
    viewer.add_layer(layer)
    form.image.value = layer
    for name, value in choices.items():
        getattr(form, name).value = value
    before = len(viewer.layers)
    form.begin()
    form.wait()
    assert len(viewer.layers) == before + 1, said()
    return viewer.layers[-1]


def test_a_field_becomes_labels_with_features(form):
    image = Image(spots(), name="a", scale=(0.5, 0.25), translate=(3, 4), rotate=30)
    image.units = ("um", "um")
    labels = segment(form, image)
    assert isinstance(labels, Labels)
    assert (labels.name, labels.data.dtype, labels.data.max()) == ("a nuclei", np.int32, 2)
    np.testing.assert_array_equal(labels.data > 0, spots() > 0)
    np.testing.assert_allclose(labels.data_to_world((5, 7)), image.data_to_world((5, 7)))
    assert labels.units == image.units
    assert labels.features["index"].tolist() == [1, 2]
    assert labels.features["area_px"].tolist() == [64, 64]
    assert labels.features["area_um2"].tolist() == [8, 8]  # 64 px of 0.5 x 0.25 µm
    assert labels.features["confidence"].tolist() == [0.5, 1]
    assert labels.features["suspect"].tolist() == [1, 0]
    assert (
        "confidence: 1"
        in labels.get_status(image.data_to_world((42, 33)), world=True)["coordinates"]
    )
    assert len(labels.metadata["nucseg"]["objects"]) == 2


def test_each_plane_of_a_stack_counts_on_unless_linked(form):
    image = Image(spots(3), name="stack", scale=(2, 1, 1))
    labels = segment(form, image, z="each")
    assert labels.data.shape == (3, 64, 64)
    assert [np.unique(plane).tolist() for plane in labels.data] == [[0, 1, 2], [0, 3, 4], [0, 5, 6]]
    assert labels.features["index"].tolist() == [1, 2, 3, 4, 5, 6]
    linked = segment(form, image.__class__(spots(3), name="b"), z="each", link=True)
    assert [np.unique(plane).tolist() for plane in linked.data] == [[0, 1, 2]] * 3
    assert linked.features["index"].tolist() == [1, 2]
    assert linked.features["sections"].tolist() == [3, 3]
    assert linked.features["area_px"].tolist() == [192, 192]


def test_the_plane_that_is_shown(form):
    stack = spots(4)
    stack[2, 50:60, 50:60] = 255
    image = Image(stack, name="stack", scale=(2, 1, 1), translate=(10, 0, 0))
    form.viewer_of_test.add_layer(image)
    form.viewer_of_test.dims.set_point(0, 14)
    form.image.value = image
    form.begin()
    form.wait()
    labels = form.viewer_of_test.layers[-1]
    assert (labels.data.shape, labels.data.max()) == ((1, 64, 64), 3)
    np.testing.assert_allclose(labels.data_to_world((0, 5, 6)), image.data_to_world((2, 5, 6)))


def test_a_channel_of_colours(form):
    image = np.zeros((64, 64, 3), np.uint8)
    image[..., 2] = spots()
    image[:20, :20, 0] = 90
    layer = Image(image, rgb=True, name="rgb")
    form.viewer_of_test.add_layer(layer)
    form.image.value = layer
    assert form.channel.choices == ("the only one", "red", "green", "blue", "max")
    form.begin()
    form.wait()
    assert "--channel 0..2 (or red, green, blue, max)" in said()[-1]
    labels = segment(form, Image(image, rgb=True, name="again"), channel="blue")
    assert (labels.data.shape, labels.data.max()) == ((64, 64), 2)
    assert "red_mean" in labels.metadata["nucseg"]["objects"]


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("axes", "QYX", "axes: expected 3 letters"),
        ("pixel_size", "wide", "pixel size: expected a number. Received: 'wide'."),
        ("pixel_size", "-1", "pixel size must be above 0 µm. Received: -1.0"),
    ],
)
def test_what_makes_no_sense_is_said(form, field, value, text):
    layer = Image(spots(2), name="a")
    form.viewer_of_test.add_layer(layer)
    form.image.value = layer
    getattr(form, field).value = value
    form.begin()
    form.wait()
    assert text in said()[-1]
    assert len(form.viewer_of_test.layers) == 1


def test_stop_ends_between_tiles(form, model, qtbot):
    model.side = 8  # 4,096 tiles
    layer = Image(np.zeros((512, 512), np.uint8), name="large")
    form.viewer_of_test.add_layer(layer)
    form.image.value = layer
    form.begin()
    assert (form.run.enabled, form.stop.enabled) == (False, True)
    qtbot.waitUntil(lambda: model.tiles > 0)
    form.end()
    form.wait()
    assert 0 < model.tiles < 4096
    assert said()[-1] == "Stopped; no labels were added."
    assert len(form.viewer_of_test.layers) == 1
    assert (form.run.enabled, form.stop.enabled) == (True, False)


def test_closing_stops_and_lets_go(form, model, qtbot):
    model.side = 8
    layer = Image(np.zeros((512, 512), np.uint8), name="large")
    form.viewer_of_test.add_layer(layer)
    form.image.value = layer
    form._models._held = model
    form.begin()
    qtbot.waitUntil(lambda: model.tiles > 0)
    viewer, models, job = form.viewer_of_test, form._models, form._job
    viewer.window.remove_dock_widget("all")
    qtbot.waitUntil(lambda: models._held is None)
    qtbot.waitUntil(lambda: not job._worker.is_running)
    assert model.tiles < 4096


def test_what_a_run_warns_of_is_said(form):
    segment(form, Image(np.zeros((64, 64), np.uint8), name="dark"))
    assert "dark: no nucleus found" in said()


def test_an_image_without_layers_or_with_labels_alone(form):
    form.begin()
    assert said()[-1] == "There is no image layer. Open an image first."
