"""The model that was loaded last, kept for the next image; and the models there are."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nucseg_tf.models import zoo

if TYPE_CHECKING:
    from nucseg_tf.inference.segmenter import Segmenter


class Models:
    """Loads models, one at a time, and keeps the last one."""

    def __init__(self) -> None:
        self._key: Any = None
        self._held: Segmenter | None = None
        self._open = True

    def load(self, name: str | Path) -> Segmenter:
        """The model, from its folder only if that has changed since the last time.

        Raises:
            ModelError, UsageError: as of `load_model`.
        """
        from nucseg_tf.inference.segmenter import load_model

        folder = zoo.find_model(name)
        hashes = folder / "sha256"
        key = (folder, hashes.read_bytes() if hashes.is_file() else b"")
        if self._held is not None and self._key == key:
            return self._held
        self._held = None  # never two at once
        loaded = load_model(folder, device="auto")
        if self._open:
            self._held, self._key = loaded, key
        return loaded

    def let_go(self) -> None:
        """Free the memory of what is kept, and keep nothing from now on."""
        self._open, self._held = False, None
        gc.collect()
