"""The widget in a real napari: what it offers, does, says, and lets go of."""

from __future__ import annotations

import gc
import weakref
from types import SimpleNamespace

import numpy as np
import pytest
from napari.layers import Image, Labels
from napari.utils.notifications import notification_manager
from reference.bright_spots import spots

from nucseg_tf.errors import UsageError
from nucseg_tf.families.base import Family
from nucseg_tf.integrations.napari.form import PLUGIN, WIDGET
from nucseg_tf.integrations.napari.models import Models
from nucseg_tf.integrations.napari.words import in_fields


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
    assert "Choose with channel 0..2 (or red, green, blue, max)" in said()[-1]
    labels = segment(form, Image(image, rgb=True, name="again"), channel="blue")
    assert (labels.data.shape, labels.data.max()) == ((64, 64), 2)
    assert "red_mean" in labels.metadata["nucseg"]["objects"]


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("axes", "QYX", "axes: expected 3 letters"),
        ("pixel_size", "wide", "pixel size: expected a number. Received: 'wide'."),
        ("pixel_size", "-1", "pixel size, µm: expected 0.0001 to 10000 µm. Received: -1.0"),
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


def test_options_are_called_as_their_fields(form, model):
    layer = Image(spots(), name="a")
    form.viewer_of_test.add_layer(layer)
    model.check = lambda options: Family.check_tile(SimpleNamespace(step=32, least_tile=256), 128)
    form.begin()
    form.wait()
    assert said()[-1] == "tile, px: expected a multiple of 32 larger than 256. Received: 128."
    assert in_fields("--link: see --tta and --overlay") == (
        "link planes or frames: see views and --overlay"
    )


def test_linking_is_offered_where_each_plane_is_wanted(form):
    layer = Image(spots(3), name="a")
    form.viewer_of_test.add_layer(layer)
    form.viewer_of_test.window._qt_window.show()
    assert not form.link.visible
    form.z.value = "each"
    assert form.link.visible
    form.link.value = True
    assert form.task().options.link
    form.z.value = "max"
    assert not form.link.visible
    assert not form.task().options.link


def test_what_came_out_is_said(form, model):
    segment(form, Image(spots(), name="a"))
    assert (form.says.value, form.bar.value) == ("2 nuclei", 0)
    model.stages = refuse
    form.begin()
    form.wait()
    assert form.says.value == ""


def refuse(*_):
    raise UsageError("no")


def test_fields_begin_below_each_other(form):
    form.viewer_of_test.add_layer(Image(spots(3), name="a"))
    form.viewer_of_test.window._qt_window.show()
    fields = (form.image, form.axes, form.z, form.model, form.pixel_size, form.tta)
    assert len({field.native.geometry().left() for field in fields}) == 1


def test_stop_ends_between_tiles(form, model):
    model.go_on.clear()
    form.viewer_of_test.add_layer(Image(spots(), name="a"))
    form.begin()
    assert (form.run.enabled, form.stop.enabled) == (False, True)
    form.wait_until(lambda: model.tiles > 0)
    form.end()
    model.go_on.set()
    form.wait()
    assert model.tiles == 1
    assert said()[-1] == "Stopped; no labels were added."
    assert len(form.viewer_of_test.layers) == 1
    assert (form.run.enabled, form.stop.enabled) == (True, False)


def test_cancel_in_the_activity_dock_stops(form, model):
    model.go_on.clear()
    form.viewer_of_test.add_layer(Image(spots(), name="a"))
    form.begin()
    form.wait_until(lambda: model.tiles > 0)
    form._job._bar.cancel()
    model.go_on.set()
    form.wait()
    assert (model.tiles, said()[-1]) == (1, "Stopped; no labels were added.")


def test_closing_stops_and_lets_go(form, model):
    model.go_on.clear()
    form.viewer_of_test.add_layer(Image(spots(), name="a"))
    form._models._held = model
    form.begin()
    form.wait_until(lambda: model.tiles > 0)
    before = said()
    viewer, models, job = form.viewer_of_test, form._models, form._job
    dock = form.native.parent()
    dock.close()  # as its button that hides it does
    assert models._held is model
    dock.destroyOnClose()  # as its button with the cross does
    assert models._held is None
    model.go_on.set()
    form.wait_until(lambda: not job._worker.is_running)
    assert model.tiles == 1
    assert said() == before
    assert len(viewer.layers) == 1
    viewer.add_layer(Image(spots(), name="b"))  # nothing hears of it


def test_a_closed_form_is_gone_and_can_be_opened_again(
    make_napari_viewer, model, monkeypatch, qtbot
):
    monkeypatch.setattr(Models, "load", lambda self, *_: model)
    viewer = make_napari_viewer()
    viewer.add_layer(Image(spots(), name="a"))
    dock, form = viewer.window.add_plugin_dock_widget(PLUGIN, WIDGET)
    form.begin()
    qtbot.waitUntil(lambda: form._job is None, timeout=60_000)
    gone = weakref.ref(form)
    dock.destroyOnClose()
    del dock, form
    qtbot.wait(1)  # until Qt has deleted the dock
    gc.collect()
    assert gone() is None
    _, form = viewer.window.add_plugin_dock_widget(PLUGIN, WIDGET)
    assert form.task().layer.name == "a"


def test_the_active_layer_is_taken(form):
    viewer = form.viewer_of_test
    first, second = Image(spots(), name="a"), Image(spots(3), name="b")
    viewer.add_layer(first)
    viewer.add_layer(second)
    assert (form.image.value, form.axes.value) == (second, "ZYX")
    viewer.layers.selection.active = first
    assert (form.image.value, form.axes.value) == (first, "YX")
    viewer.add_layer(Labels(np.ones((8, 8), int)))
    assert form.image.value is first


def test_what_a_run_warns_of_is_said(form):
    segment(form, Image(np.zeros((64, 64), np.uint8), name="dark"))
    assert "dark: no nucleus found" in said()


def test_an_image_without_layers_or_with_labels_alone(form):
    form.begin()
    assert said()[-1] == "There is no image layer. Open an image first."
