"""Files made by writers, as bytes."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any


def made(name: str, write: Callable[[Path], Any]) -> bytes:
    """The content of a file that `write` writes.

    Args:
        name: of the file; its suffix may matter.
        write: gets its path.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        write(path)
        return path.read_bytes()
