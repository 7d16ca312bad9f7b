"""The model that was loaded last, kept for the next image; and the models there are."""

from __future__ import annotations

import gc
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nucseg_tf.engines.base import Device
from nucseg_tf.models import zoo

if TYPE_CHECKING:
    from nucseg_tf.inference.segmenter import Segmenter


class Models:
    """Loads models, and keeps one: until another one is asked for, or it is let go of."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._key: Any = None
        self._held: Segmenter | None = None

    def load(self, name: str | Path, engine: str = "auto", device: Device = "auto") -> Segmenter:
        """The model, from its folder only if that has changed since the last time.

        Raises:
            ModelError, UsageError: as of `load_model`.
        """
        from nucseg_tf.inference.segmenter import load_model

        folder = zoo.find_model(name)
        hashes = folder / "sha256"
        key = (folder, hashes.read_bytes() if hashes.is_file() else b"", engine, device)
        with self._guard:
            if self._held is None or self._key != key:
                self._held = None  # never two at once
                self._held, self._key = load_model(folder, engine=engine, device=device), key
            return self._held

    def let_go(self) -> None:
        """Free the memory of what is kept."""
        with self._guard:
            self._held = None
        gc.collect()
