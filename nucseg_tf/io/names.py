"""Names of images."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from pathlib import Path


def stem_of(path: Path) -> str:
    """An image's name without its ending, of which ".ome.tif" is one.

    >>> stem_of(Path("a/cells.ome.tif")), stem_of(Path("cells.png.tif"))
    ('cells', 'cells.png')
    """
    return path.stem.removesuffix(".ome")


def folded(name: str) -> str:
    """A name as file systems see it that tell neither case nor forms of Unicode apart (macOS).

    >>> folded("Z\u00c4HLER") == folded("za\u0308hler")
    True
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def nuclei_among(classes: Iterable[str]) -> set[str]:
    """Of the classes of a data set those that are called after nuclei, or all if none is.

    >>> sorted(nuclei_among(["cell", "Nuclei", "nucleus"])), nuclei_among(["cell"])
    (['Nuclei', 'nucleus'], {'cell'})
    """
    known = set(classes)
    return {name for name in known if "nucle" in name.lower()} or known
