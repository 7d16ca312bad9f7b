"""Options of the command line by the names that they have in the widget."""

from __future__ import annotations

import re

FIELDS = {
    "--channel": "channel",
    "--z": "z",
    "--t": "t",
    "--link": "link planes or frames",
    "--diameter": "diameter",
    "--pixel-size": "pixel size, µm",
    "--invert": "dark nuclei",
    "--tile": "tile, px",
    "--tta": "views",
}


def in_fields(text: str) -> str:
    """A message with the fields of the widget in the place of options."""
    return re.sub(r"--[a-z-]+", lambda found: FIELDS.get(found[0], found[0]), text)
