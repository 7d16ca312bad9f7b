"""The widget: an image layer, a model, and how to look at it."""

from __future__ import annotations

from pathlib import Path

import napari
from magicgui.widgets import (
    CheckBox,
    ComboBox,
    Container,
    FileEdit,
    FloatSpinBox,
    Label,
    LineEdit,
    ProgressBar,
    PushButton,
    SpinBox,
    create_widget,
)
from magicgui.widgets.bases import Widget
from napari.layers import Image, Labels
from napari.utils.notifications import show_error

from nucseg_tf.errors import NucsegError, UsageError
from nucseg_tf.inference.options import AUTO, NATIVE, Options
from nucseg_tf.integrations.napari.closing import Closing
from nucseg_tf.integrations.napari.images import (
    channel_names,
    check_axes,
    guess_axes,
    pixel_size_of,
)
from nucseg_tf.integrations.napari.job import Job
from nucseg_tf.integrations.napari.models import Models
from nucseg_tf.integrations.napari.task import Task
from nucseg_tf.integrations.napari.words import FIELDS, in_fields
from nucseg_tf.io.choices import EACH, FOCUS, MAX, MEAN
from nucseg_tf.models import zoo

FOLDER = "folder…"
USUAL, PX = "as the model says", "px"
ONLY, CURRENT = "the only one", "current"
AS_TRAINED, YES, NO = "as the model was trained", "yes", "no"
INVERT = {AS_TRAINED: None, YES: True, NO: False}
DEFAULT = "fpn2ws-nuclei"
MOST = 32  # characters of what is at work that are shown
PLUGIN, WIDGET = "nucseg-tf", "Segment nuclei"


def open_segment(viewer: napari.viewer.Viewer) -> None:
    """Dock the widget."""
    viewer.window.add_plugin_dock_widget(PLUGIN, WIDGET)


class SegmentNuclei(Container):
    """Finds the nuclei of an image layer, and adds them as a Labels layer."""

    def __init__(self, viewer: napari.viewer.Viewer):
        self._viewer, self._models = viewer, Models()
        self._job: Job | None = None
        self._came = ""  # of the job, in words
        super().__init__()
        self.extend([*self._ask_image(), *self._ask_model(), *self._ask_run()])  # aligns the labels
        self._listen()
        self._closing = Closing(self.native, self._close)
        self._show_fields()
        self._follow()
        self._take_image(self.image.value)

    def _ask_image(self) -> list[Widget]:
        """Fields of the image, and of what is taken of it."""
        self.image = create_widget(annotation=Image, label="image")
        self.axes = LineEdit(label="axes", tooltip="a letter each: T time, C channel, Z plane, YX")
        # Asked for whenever layers come and go: napari has all choices of its widgets renewed.
        self.channel = ComboBox(
            label=FIELDS["--channel"],
            choices=lambda _: self._channels(),
            tooltip="current: the one that is shown; max: the brightest of all",
        )
        self.z = ComboBox(
            label=FIELDS["--z"],
            choices=[CURRENT, EACH, MAX, MEAN, FOCUS],
            tooltip="current: the plane that is shown; max, mean: of all; focus: the sharpest",
        )
        self.t = ComboBox(
            label=FIELDS["--t"],
            choices=[CURRENT, EACH],
            tooltip="current: the frame that is shown",
        )
        self.link = CheckBox(
            label=FIELDS["--link"], tooltip="one number a nucleus through planes; tracks in movies"
        )
        return [self.image, self.axes, self.channel, self.z, self.t, self.link]

    def _ask_model(self) -> list[Widget]:
        """Fields of the model, and of how it looks at the image."""
        names = list(zoo.list_models())
        self.model = ComboBox(
            label="model",
            choices=[*names, FOLDER],
            value=DEFAULT if DEFAULT in names else FOLDER,
            tooltip="of those that come with nucseg, or a folder of your own",
        )
        self.folder = FileEdit(label="folder of the model", mode="d")
        self.diameter = ComboBox(
            label=FIELDS["--diameter"],
            choices=[USUAL, AUTO, NATIVE, PX],
            tooltip="of a typical nucleus; auto: found in the image; native: as large as it is",
        )
        self.px = FloatSpinBox(label="nucleus, px", value=30, min=0.1, max=10_000, step=1)
        self.pixel_size = LineEdit(label=FIELDS["--pixel-size"], tooltip="empty: unknown")
        self.invert = ComboBox(
            label=FIELDS["--invert"],
            choices=list(INVERT),
            tooltip="yes: nuclei are darker than what is around them",
        )
        self.tile = SpinBox(
            label=FIELDS["--tile"],
            max=65_536,
            step=32,
            tooltip="side of the pieces of a large image; 0: the usual one, else a multiple of 32",
        )
        self.tta = SpinBox(
            label=FIELDS["--tta"],
            value=1,
            min=1,
            max=8,
            tooltip="flips and turns that are averaged; each takes as long again",
        )
        return [
            *(self.model, self.folder, self.diameter, self.px),
            *(self.pixel_size, self.invert, self.tile, self.tta),
        ]

    def _ask_run(self) -> list[Widget]:
        """What begins and ends it, and says what it is at."""
        self.run = PushButton(text="Segment nuclei")
        self.stop = PushButton(text="Stop", enabled=False)
        self.bar = ProgressBar(value=0, max=100, label=" ")
        self.says = Label(label=" ")
        return [self.run, self.stop, self.bar, self.says]

    def _listen(self) -> None:
        self.image.changed.connect(self._take_image)
        for field in (self.axes, self.z, self.t):
            field.changed.connect(self._show_axes)
        self.model.changed.connect(self._show_fields)
        self.diameter.changed.connect(self._show_fields)
        self.run.changed.connect(self.begin)
        self.stop.changed.connect(self.end)
        self._viewer.layers.selection.events.active.connect(self._follow)

    def begin(self) -> None:
        """Segment what the form says."""
        try:
            task = self.task()
        except NucsegError as error:
            show_error(in_fields(str(error)))
            return
        self._came = ""
        self._set_busy(True)
        self._job = Job(
            work=lambda watch: task.work(self._models, watch),
            take=lambda found: self._add(task.as_layer(*found)),
            show=self._show_progress,
            end=lambda: self._set_busy(False),
        )

    def end(self) -> None:
        """Stop at the next tile."""
        if self._job is not None:
            self._job.stop()
            self.stop.enabled = False

    def task(self) -> Task:
        """What the form says.

        Raises:
            UsageError: it makes no sense.
        """
        layer = self.image.value
        if layer is None:
            raise UsageError("There is no image layer. Open an image first.")
        axes = check_axes(layer, self.axes.value)
        options = Options(
            channel=self._channel(layer, axes),
            z=self._plane(layer, axes, "Z", self.z.value),
            t=self._plane(layer, axes, "T", self.t.value),
            link=self.link.value and self._asks_each(axes),
            pixel_size=_number("pixel size", self.pixel_size.value),
            diameter={USUAL: None, PX: self.px.value}.get(self.diameter.value, self.diameter.value),
            tile=self.tile.value or None,
            tta=self.tta.value,
            invert=INVERT[self.invert.value],
        )
        model = self.folder.value if self.model.value == FOLDER else self.model.value
        if model == Path():
            raise UsageError("folder of the model: choose one, or one of the models of the list.")
        return Task(layer, axes, options, model)

    def _channel(self, layer: Image, axes: str) -> int | str | None:
        if self.channel.value == ONLY:
            return None
        if self.channel.value == CURRENT:
            return self._current(layer, axes.index("C"))
        return self.channel.value

    def _plane(self, layer: Image, axes: str, axis: str, choice: str) -> int | str | None:
        if axis not in axes:
            return None
        return self._current(layer, axes.index(axis)) if choice == CURRENT else choice

    def _current(self, layer: Image, number: int) -> int:
        """The plane of an axis that is shown now."""
        where = round(float(layer.world_to_data(self._viewer.dims.point)[number]))
        return min(max(where, 0), layer.data.shape[number] - 1)

    def _follow(self) -> None:
        """Take the layer that the user has chosen in the list, if it is an image."""
        layer = self._viewer.layers.selection.active
        if layer in self.image.choices:
            self.image.value = layer

    def _take_image(self, layer: Image | None) -> None:
        """Fill in what an image says of itself."""
        self.axes.value = "" if layer is None else guess_axes(layer)
        size = None if layer is None else pixel_size_of(layer)
        self.pixel_size.value = "" if size is None else f"{size:.6g}"
        self._show_axes()

    def _show_axes(self) -> None:
        """Offer what can be chosen of the image."""
        layer, axes = self.image.value, self.axes.value.strip().upper()
        self.channel.reset_choices()
        self.axes.visible = layer is not None and layer.ndim > 2
        self.channel.visible = len(self.channel.choices) > 1
        self.z.visible, self.t.visible = "Z" in axes, "T" in axes
        self.link.visible = self._asks_each(axes)

    def _asks_each(self, axes: str) -> bool:
        """Whether there is something to be linked."""
        chosen = {"Z": self.z.value, "T": self.t.value}  # `visible` is false of a closed window
        return any(chosen[axis] == EACH for axis in chosen if axis in axes)

    def _channels(self) -> list[str]:
        """What there is to choose from among channels."""
        layer, axes = self.image.value, self.axes.value.strip().upper()
        names = [] if layer is None or len(axes) != layer.ndim else channel_names(layer, axes)
        return [CURRENT if "C" in axes else ONLY, *names, *([MAX] if names else [])]

    def _show_fields(self) -> None:
        self.folder.visible = self.model.value == FOLDER
        self.px.visible = self.diameter.value == PX

    def _show_progress(self, percent: int, title: str) -> None:
        self.bar.value, self.bar.tooltip = percent, title
        self.says.value = title if len(title) <= MOST else f"{title[: MOST - 1]}…"

    def _add(self, labels: Labels) -> None:
        self._viewer.add_layer(labels)
        self._came = f"{len(labels.features):,} nuclei"

    def _set_busy(self, busy: bool) -> None:
        self.run.enabled, self.stop.enabled = not busy, busy
        if not busy:
            self._job, self.bar.value, self.says.value = None, 0, self._came

    def _close(self) -> None:
        """The widget was closed: stop, and free the memory of the model."""
        if self._job is not None:
            self._job.leave()
        self._models.let_go()


def _number(name: str, text: str) -> float | None:
    """A number that may be left out."""
    try:
        return float(text) if text.strip() else None
    except ValueError as error:
        raise UsageError(f"{name}: expected a number. Received: {text!r}.") from error
