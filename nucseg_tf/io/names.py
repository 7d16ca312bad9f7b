"""Names of images."""

from __future__ import annotations

from pathlib import Path


def stem_of(path: Path) -> str:
    """An image's name without its ending, of which ".ome.tif" is one.

    >>> stem_of(Path("a/cells.ome.tif")), stem_of(Path("cells.png.tif"))
    ('cells', 'cells.png')
    """
    return path.stem.removesuffix(".ome")
