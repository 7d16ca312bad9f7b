"""From a file, or what else holds an image, to one plane of pixels and all its channels."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from nucseg_tf.errors import UsageError
from nucseg_tf.imaging.background import has_bright_background
from nucseg_tf.imaging.illumination import correct
from nucseg_tf.inference.options import Options
from nucseg_tf.io.images import check_finite, check_pixel_size, describe
from nucseg_tf.io.planes import Planes, find_planes
from nucseg_tf.io.sources import FileSource, View
from nucseg_tf.types import Image

LOG = logging.getLogger(__name__)


class Read:
    """The first stage.

    Args:
        options: channel, plane and pixel size.
        all_channels: whether the other channels are wanted, too, to be measured.
        lights: illumination of each channel, by name, to be corrected; "" of the only one.
    """

    def __init__(
        self,
        options: Options,
        all_channels: bool = False,
        lights: Mapping[str, np.ndarray] | None = None,
    ):
        check_pixel_size(options.pixel_size)
        self.options, self.choice, self.all_channels = options, options.choice, all_channels
        self.lights = lights or {}
        self._last: tuple[str, Planes] | None = None
        self._guard = threading.Lock()
        self._bright: set[str] = set()

    def __call__(self, item: Path | View) -> Image:
        """Read a plane.

        Raises:
            ImageReadError: it cannot be read, is ambiguous, or has pixels that are not finite.
        """
        view = item if isinstance(item, View) else self._only_view(item)
        if view.error is not None:
            raise view.error
        planes = self._open(view)
        settled = planes.settle(view.choice)
        if self.all_channels and view.choice.channel is not None and planes.count("channel") > 1:
            found = planes.channels(settled)
            channels = {name: self._evened(name, plane) for name, plane in found.items()}
            pixels = next(iter(channels.values()))
        else:
            channels, pixels = {}, self._evened("", planes.plane(settled))
        image = describe(pixels, planes.raw, view.path, self.options.pixel_size)
        check_finite(image)
        self._warn_if_bright(view, pixels)
        image = replace(image, channels=channels, name=view.name, origin=view.origin)
        image = replace(image, group=view.source.group)
        t, z = planes.number("t", settled.t or 0), settled.z
        made_of_all = isinstance(view.choice.z, str)
        return replace(image, t=t, z=None if made_of_all or isinstance(z, str) else z)

    def _warn_if_bright(self, view: View, pixels: np.ndarray) -> None:
        """Once a source: of the planes of a stack one is as good as the others."""
        if view.source.name in self._bright or not has_bright_background(pixels):
            return
        self._bright.add(view.source.name)
        given = "inverted, its background is bright; leave --invert out, or say --invert=false"
        hint = "its background seems bright; where nuclei are dark, use --invert"
        LOG.warning("%s: %s", view.path, given if self.choice.invert else hint)

    def _evened(self, channel: str, pixels: np.ndarray) -> np.ndarray:
        """A plane in even light."""
        if channel not in self.lights:
            return pixels
        return correct(pixels, self.lights[channel], self.options.offset)

    def _only_view(self, path: Path) -> View:
        if not self.choice.is_one:
            raise UsageError("--z or --t: expected one plane here, not each. Choose an index.")
        return View(FileSource(path, self.choice.scene), self.choice)

    def _open(self, view: View) -> Planes:
        """The planes of a view's source; of a stack, they are kept until the next one."""
        if view.t is None and view.z is None:
            return find_planes(view.path, view.source.open(), view.choice)
        with self._guard:
            if self._last is None or self._last[0] != view.source.name:
                planes = find_planes(view.path, view.source.open(), view.choice)
                self._last = (view.source.name, planes)
            return self._last[1]
