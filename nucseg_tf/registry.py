"""What the program knows by name: model families, engines, readers of images, writers of results.

A name stands for an object, or for the text "module:attribute", which is imported when it is first
asked for. So one line below adds a family, and listing names costs nothing. Another package adds
its own by an entry point in the group of the registry:

    [project.entry-points."nucseg_tf.families"]
    toy = "nucseg_toy:FAMILY"
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import cached_property
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from nucseg_tf.errors import NucsegError, UsageError
from nucseg_tf.suggest import nearest

if TYPE_CHECKING:
    from nucseg_tf.engines.base import Engine
    from nucseg_tf.families.base import Family
    from nucseg_tf.io.readers.base import Reader
    from nucseg_tf.io.writers.base import Writer

LOG = logging.getLogger(__name__)
Entry = TypeVar("Entry")


class Registry(Generic[Entry]):
    """Objects of one kind, by name, in the order in which they were added.

    Args:
        kind: what they are, for messages.
        group: of the entry points by which other packages add theirs.
        own: "module:attribute" of those of this package, by name.
    """

    def __init__(self, kind: str, group: str, own: dict[str, str]):
        self.kind, self.group = kind, group
        self._entries: dict[str, Any] = dict(own)
        self._broken: set[str] = set()

    def register(self, name: str, entry: Entry | str) -> None:
        """Add an object, or the "module:attribute" of one.

        Raises:
            ValueError: the name is taken.
        """
        if name in self.names():
            raise ValueError(f"{self.kind} {name!r} is there already")
        self._entries[name] = entry

    def names(self) -> list[str]:
        """Names that can be asked for: those of this package, then those of others."""
        return list(dict.fromkeys([*self._entries, *self._found]))

    def __getitem__(self, name: str) -> Entry:
        """The object of a name.

        Raises:
            UsageError: there is none; names the nearest.
            NucsegError: it comes from another package, and cannot be imported.
        """
        if name not in self._entries and name in self._found:
            self._entries[name] = self._load(self._found[name])
        if name in self._entries:
            entry = self._entries[name]
            if isinstance(entry, str):
                module, _, attribute = entry.partition(":")
                entry = self._entries[name] = getattr(import_module(module), attribute)
            return entry
        raise UsageError(f"no {self.kind} {name!r}; {nearest(name, self.names())}")

    def items(self) -> Iterator[tuple[str, Entry]]:
        """All of them; one of another package that cannot be imported is left out with a warning.

        Readers are asked for with every image, so it is tried and warned of once.
        """
        for name in self.names():
            if name in self._broken:
                continue
            try:
                entry = self[name]
            except UsageError:
                raise
            except NucsegError as error:
                self._broken.add(name)
                LOG.warning("%s", error)
            else:
                yield name, entry

    def __iter__(self) -> Iterator[Entry]:
        return (entry for _, entry in self.items())

    @cached_property
    def _found(self) -> dict[str, EntryPoint]:
        found: dict[str, EntryPoint] = {}
        for point in entry_points(group=self.group):
            if point.name in self._entries or point.name in found:
                LOG.warning("%s %r of %s is left out: the name is taken", *self._describe(point))
            else:
                found[point.name] = point
        return found

    def _load(self, point: EntryPoint) -> Entry:
        try:
            return point.load()
        except Exception as error:  # whatever another package does when imported
            kind, name, package = self._describe(point)
            raise NucsegError(
                f"{kind} {name!r} of {package} cannot be loaded: {error!r}. Update or remove it."
            ) from error

    def _describe(self, point: EntryPoint) -> tuple[str, str, str]:
        return self.kind, point.name, point.dist.name if point.dist else point.value


FAMILIES: Registry[Family] = Registry(
    "model family",
    "nucseg_tf.families",
    {
        "fpn2ws": "nucseg_tf.families.fpn2ws:FAMILY",
        "mask_rcnn": "nucseg_tf.families.mask_rcnn:FAMILY",
        "jacobkie": "nucseg_tf.families.jacobkie:FAMILY",
    },
)
ENGINES: Registry[Engine] = Registry(
    "engine",
    "nucseg_tf.engines",
    {
        "keras": "nucseg_tf.engines.keras:ENGINE",
        "openvino": "nucseg_tf.engines.openvino:ENGINE",
    },
)
READERS: Registry[Reader] = Registry(
    "reader",
    "nucseg_tf.readers",
    {
        "tiff": "nucseg_tf.io.readers.tiff:READER",
        "plain": "nucseg_tf.io.readers.plain:READER",
        "omezarr": "nucseg_tf.io.readers.omezarr:READER",
        "hdf5": "nucseg_tf.io.readers.hdf5:READER",
        "czi": "nucseg_tf.io.readers.czi:READER",
        "nd2": "nucseg_tf.io.readers.nd2:READER",
        "lif": "nucseg_tf.io.readers.lif:READER",
    },
)
WRITERS: Registry[Writer] = Registry(
    "writer",
    "nucseg_tf.writers",
    {
        "thumbnail": "nucseg_tf.io.writers.thumbnail:WRITER",
        "overlay": "nucseg_tf.io.writers.overlay:WRITER",
        "rois": "nucseg_tf.io.writers.imagej:WRITER",
        "geojson": "nucseg_tf.io.writers.geojson:WRITER",
        "labelme": "nucseg_tf.io.writers.labelme:WRITER",
    },
)
