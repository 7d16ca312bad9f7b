"""Which picture beside the report shows which field."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from nucseg_tf.io.writers.thumbnail import ENDING

_PLANE = re.compile(r"(_[tz]\d{3,})+$")


def find_pictures(folder: Path, entries: Sequence[Mapping[str, Any]]) -> list[str | None]:
    """The address of each field's thumbnail, from the folder's point of view.

    Args:
        folder: of the results.
        entries: of run.json. Of a stack, the first plane that has a picture is shown.

    Returns:
        As many, percent-encoded; None where there is no picture.
    """
    files: dict[str, str] = {}
    for path in sorted(folder.glob(f"*{ENDING}")):
        name = path.name.removesuffix(ENDING)
        files[name] = path.name
        files.setdefault(_PLANE.sub("", name), path.name)
    found = (files.get(_name(entry)) for entry in entries)
    return [None if file is None else quote(os.fsencode(file)) for file in found]


def _name(entry: Mapping[str, Any]) -> str:
    """Of an image's results."""
    if "name" in entry:
        return entry["name"]
    stem = Path(entry["image"]).stem
    return f"{stem}_{entry['scene']}" if "scene" in entry else stem
