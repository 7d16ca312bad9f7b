"""What is asked for, and the layer that comes of it; knows nothing of widgets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nucseg_tf.inference.arrays import Labelled, find_nuclei
from nucseg_tf.inference.options import Options
from nucseg_tf.integrations.napari.images import as_raw
from nucseg_tf.integrations.napari.places import ALL, MADE_ONE, place
from nucseg_tf.integrations.napari.results import describe, number_on, planes_of
from nucseg_tf.io.choices import EACH

if TYPE_CHECKING:
    from napari.layers import Image, Labels

    from nucseg_tf.inference.watched import Watch
    from nucseg_tf.integrations.napari.models import Models


@dataclass(frozen=True)
class Task:
    """One segmentation.

    Attributes:
        layer: the image.
        axes: a letter for each axis of it.
        options: as of `nucseg predict`.
        model: name, or folder.
    """

    layer: Image
    axes: str
    options: Options
    model: str | Path

    def work(self, models: Models, watch: Watch) -> tuple[Labelled, Mapping[str, Any]]:
        """Find the nuclei; fit for any thread.

        Returns:
            The nuclei, and what is to be known of how they were found.
        """
        watch(0, f"loading {self.model}")
        segmenter = models.load(self.model)
        raw = as_raw(self.layer, self.axes, self.options.pixel_size)
        found = find_nuclei(segmenter, raw, self.layer.name, self.options, watch)
        said = {
            "model": segmenter.info.name,
            "sha256": segmenter.model.sha256,
            "scores": "confidence" if segmenter.info.confidence else "raw",
            "engine": segmenter.network.engine,
            "device": segmenter.network.device,
            "options": self.options,
        }
        return found, said

    def as_layer(self, found: Labelled, said: Mapping[str, Any]) -> Labels:
        """A Labels layer on the pixels of the image."""
        from napari.layers import Labels

        labels, table = found.labels, found.table
        where = planes_of(labels, table)
        if not self.options.link:
            table = number_on(labels, table, where)
        features = describe(labels, table, where, said["scores"] == "confidence")
        data, placed = place(labels, self.layer, self.axes, self._taken)
        metadata = {"nucseg": {**said, "image": self.layer.name, "objects": table}}
        name = f"{self.layer.name} nuclei"
        return Labels(data, name=name, features=features, metadata=metadata, **placed)

    @property
    def _taken(self) -> dict[str, int | str]:
        """What is taken of each axis, see `places`."""
        chosen = {"T": self.options.t, "Z": self.options.z, "C": None}
        taken: dict[str, int | str] = {}
        for axis in self.axes[:-2]:
            choice = chosen[axis]
            plane = choice if isinstance(choice, int) else MADE_ONE
            taken[axis] = ALL if choice == EACH else plane
        return taken
