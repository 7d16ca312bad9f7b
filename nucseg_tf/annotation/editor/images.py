"""The images of a project as pages see them: of one plane, which the project chooses."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from nucseg_tf.annotation.editor.pictures import Picture, read_picture
from nucseg_tf.annotation.editor.planes import (
    PlaneChoice,
    offer,
    read_choice,
    read_plane,
    write_choice,
)
from nucseg_tf.annotation.editor.project import ANNOTATION, Project
from nucseg_tf.annotation.editor.shelf import Stamp, stamp
from nucseg_tf.annotation.editor.thumbnails import Thumbnails
from nucseg_tf.annotation.editor.visit import BegunError, Visit

KEEP = 4  # pictures held in memory


class Images:
    """See the module docstring; for several threads at once.

    Attributes:
        options: planes by the command line.
        choice: the same, and where they say nothing, what the project chose.
    """

    def __init__(
        self, project: Project, options: PlaneChoice, guards: Mapping[str, threading.RLock]
    ):
        """Begin with nothing read.

        Args:
            project: its folder and fields.
            options: planes by the command line; before what the project chose, and kept, for
                trainings to read them.
            guards: of each field, held while its image is read.
        """
        self._project = project
        self._guards = guards
        self.options = options
        kept = read_choice(project.folder)
        self.choice = self.options.over(kept)
        if self.choice != kept:
            write_choice(project.folder, self.choice)
        self._choosing = threading.Lock()
        self._pictures: OrderedDict[tuple[str, PlaneChoice, Stamp], Picture] = OrderedDict()
        self._thumbnails = Thumbnails(project.folder / ANNOTATION)

    def picture(self, key: str) -> Picture:
        """The image of a field."""
        field = self._project.field(key)
        with self._guards[key]:
            choice, now = self.choice, stamp(field.image)  # other programs may replace images
            picture = self._pictures.pop((key, choice, now), None)
            picture = picture or read_picture(field.image, choice)
            self._pictures[key, choice, now] = picture
            while len(self._pictures) > KEEP:
                self._pictures.popitem(last=False)
            return picture

    def thumbnail(self, key: str) -> bytes:
        """A small JPEG of a field; for one thread at a time."""
        return self._thumbnails.get(self._project.field(key).image, self.choice)

    def planes(self, key: str) -> dict[str, Any]:
        """What channels, planes and times a field's image has, and what is chosen."""
        found = offer(self._project.field(key).image, self.choice)
        return found | {"fixed": list(self.options.said())}

    def choose(self, visit: Visit, choice: PlaneChoice, over: bool = False) -> dict[str, Any]:
        """Show another plane of all images.

        Args:
            visit: who asks; the image of the field must have the plane.
            choice: of the project; options of the command line go before it.
            over: also if fields were corrected on another plane.

        Raises:
            BegunError: they were.
            ImageReadError: the image has no such plane.
        """
        wanted = self.options.over(choice)
        read_plane(self._project.field(visit.field).image, wanted)
        with self._choosing:
            begun = [field for field in list(self._project.fields.values()) if field.is_begun]
            if begun and wanted != self.choice and not over:
                raise BegunError(f"{len(begun)} fields were worked on as they are shown now")
            write_choice(self._project.folder, wanted)
            self.choice = wanted
        return asdict(wanted)
