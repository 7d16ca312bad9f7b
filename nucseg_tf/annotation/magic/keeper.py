"""The project's model, loaded once and kept, and what it saw around earlier clicks.

The model is loaded, and each field looked at as a whole, in a thread of its own; until then
`state` says so, and nobody waits. When another model becomes the project's, it is loaded too.

h rows, w columns of a window.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nucseg_tf.annotation.loop import versions
from nucseg_tf.annotation.magic.look import Look, look_by_light, look_by_model
from nucseg_tf.imaging.window import Window

if TYPE_CHECKING:
    from nucseg_tf.inference.segmenter import Segmenter
    from nucseg_tf.inference.stages.values import Predicted
    from nucseg_tf.inference.windows import Survey

LOG = logging.getLogger(__name__)
KEEP_FIELDS = 50  # surveys, some numbers each
KEEP_WINDOWS = 32  # a megabyte each

Read = Callable[[], tuple[np.ndarray, float | None]]  # pixels (H, W) of a field, its pixel size
Ready = tuple["Segmenter", "Survey"]


class Keeper:
    """See the module docstring. For several threads at once."""

    def __init__(self, folder: Path, load: Callable[[Path], Segmenter] | None = None):
        """Begin without a model.

        Args:
            folder: of the project.
            load: a model by what `versions.model_folder` gives; replaced in tests.
        """
        self._folder = folder
        self._load = load or _load
        self._worker = ThreadPoolExecutor(1, "magic")
        self._model: tuple[str, Future[Segmenter]] | None = None
        self._fields: OrderedDict[tuple[str, str], Future[Ready]] = OrderedDict()
        self._windows: OrderedDict[Any, Predicted] = OrderedDict()
        self._guard = threading.Lock()
        self._network = threading.Lock()  # computes a window at a time

    def prepare(self, key: str, read: Read) -> dict[str, str]:
        """Begin to load the model and to look at a field, if that has not been done.

        Args:
            key: of the field.
            read: its image; called in the thread.

        Returns:
            state: "loading", "ready" or "failed", then with `error`; and `model`.
        """
        name = versions.current(self._folder)
        future = self._field(name, key, read)
        answer = {"state": "loading", "model": name, "error": ""}
        if future.done():
            error = future.exception()
            answer |= {"state": "failed", "error": str(error)} if error else {"state": "ready"}
        return answer

    def look(
        self, key: str, pixels: np.ndarray, pixel_size: float | None, place: tuple[int, int]
    ) -> Look | None:
        """What is seen under a click; by the light alone if there is no model to be had.

        Args:
            key: of the field.
            pixels: (H, W) of its image.
            pixel_size: µm.
            place: row and column, inside.

        Returns:
            None while the model is being loaded.
        """
        name = versions.current(self._folder)
        future = self._field(name, key, lambda: (pixels, pixel_size))
        if not future.done():
            return None
        if future.exception() is not None:
            return look_by_light(pixels, place)
        segmenter, survey = future.result()
        predict = partial(self._predict, (name, key))
        return look_by_model(pixels, place, segmenter, survey, predict)

    def forget(self) -> None:
        """Look at all fields anew, as other planes of their images are shown."""
        with self._guard, self._network:
            self._fields.clear()
            self._windows.clear()

    def close(self) -> None:
        """End the thread, after what it does now."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    def _field(self, name: str, key: str, read: Read) -> Future[Ready]:
        with self._guard:
            if self._model is None or self._model[0] != name:
                self._model = name, self._worker.submit(self._load_model, name)
                self._fields.clear()
            model = self._model[1]
            future = self._fields.pop((name, key), None)
            if future is None:
                future = self._worker.submit(self._survey, model, read)
            self._fields[name, key] = future
            _shorten(self._fields, KEEP_FIELDS)
            return future

    def _load_model(self, name: str) -> Segmenter:
        try:
            return self._load(versions.model_folder(self._folder, name))
        except Exception as error:
            LOG.warning("nuclei under a click are found without a model: %s", error)
            raise

    def _survey(self, model: Future[Segmenter], read: Read) -> Ready:
        from nucseg_tf.inference.windows import survey

        segmenter = model.result()  # done by now: the thread does one thing after the other
        pixels, pixel_size = read()
        return segmenter, survey(segmenter, pixels, pixel_size)

    def _predict(
        self,
        field: tuple[str, str],
        segmenter: Segmenter,
        pixels: np.ndarray,
        window: Window,
        survey: Survey,
    ) -> Predicted:
        """`predict_window`, or what it gave before."""
        from nucseg_tf.inference.windows import predict_window

        with self._network:
            found = self._windows.pop((field, window), None)
            found = found or predict_window(segmenter, pixels, window, survey)
            self._windows[field, window] = found
            _shorten(self._windows, KEEP_WINDOWS)
            return found


def _load(model: Path) -> Segmenter:
    from nucseg_tf.inference.segmenter import load_model

    return load_model(model)


def _shorten(kept: OrderedDict[Any, Any], length: int) -> None:
    while len(kept) > length:
        kept.popitem(last=False)
