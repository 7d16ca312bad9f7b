"""What a model family is. Read this first to understand one, or to add one.

A family knows how a network for nuclei is built, what it learns from (targets and losses), what it
gives of an image, and how nuclei are made of that. All the rest - fields, augmentation, training,
several devices, stages of prediction, tuning, benchmarks, model folders - is common, and asks the
family, of which a configuration has the name.

One line in `registry.FAMILIES` adds a family; another package adds one by an entry point. The
methods import what they need when they are called, for a configuration can be read without Keras.

Letters: B images, H rows, W columns, S side of a ROI, K maps.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nucseg_tf.engines.base import Compiled, Parts, whole
from nucseg_tf.errors import UsageError
from nucseg_tf.schema import Architecture, Thresholds
from nucseg_tf.types import Instances, Targets

if TYPE_CHECKING:
    import keras

    from nucseg_tf.config import Config
    from nucseg_tf.imaging.edges import Edges
    from nucseg_tf.imaging.raster import Raster
    from nucseg_tf.imaging.window import Window

# From a normalised image (H, W) that is read by windows, the largest side of tiles (px), how many
# symmetries to average over and thresholds to what the network gives of it.
Run = Callable[["Raster", int, int, Any], Any]


class Family(ABC):
    """A model family.

    Attributes:
        name: in configurations, model folders and the registry.
        title: as people write it, for model cards and reports.
        published: its name in the published tables, then others that people give it.
        architecture: what its networks can vary in; a subclass with `family` fixed.
        thresholds: the class of those of its decoding.
        section: of configurations and model.yaml that holds the thresholds.
        grid: values of each threshold that tuning tries, one threshold after the other.
        losses: names of what `loss_parts` gives, in the order of their weights.
        tile: px, the usual side of tiles.
        step: px; sides of tiles are multiples of it.
        least_tile: px; tiles must be larger.
        sensible_tile: px; smaller ones are computed nearly all as context, and with too little.
        maps: names of the maps that its networks give; none where they give something else.
        context: px along the edges of a tile that serve as context only.
        evidence: names of what `evidence_of` gives.
        engines: names of those that compute its networks, in `registry.ENGINES`.
        coco: name of the file of weights trained on COCO, which `load_coco` reads, and where it is
            published; None where there are none.
    """

    name: str
    title: str
    published: tuple[str, ...] = ()
    architecture: type[Architecture]
    thresholds: type[Thresholds]
    section: str
    grid: Mapping[str, tuple[Any, ...]]
    losses: tuple[str, ...]
    tile: int = 1536
    step: int = 32
    least_tile: int = 256
    sensible_tile: int = 512
    maps: tuple[str, ...] = ()
    context: int = 0
    evidence: tuple[str, ...] = ()
    engines: tuple[str, ...] = ("keras",)
    coco: tuple[str, str] | None = None

    def check(self, config: Config) -> None:  # noqa: B027 - most have nothing to check
        """Refuse a configuration whose parts do not fit each other; ValueError."""

    def check_tile(self, tile: int) -> None:
        """Refuse a side of tiles that makes no sense; UsageError."""
        if tile <= self.least_tile or tile % self.step:
            raise UsageError(
                f"--tile: expected a multiple of {self.step} larger than {self.least_tile}. "
                f"Received: {tile}."
            )

    def smaller_tile(self, tile: int) -> int | None:
        """Half a side of tiles, for less memory; None where there is none that makes sense."""
        least = -(-3 * self.least_tile // 2 // self.step) * self.step  # below, most is context
        half = max(least, tile // 2 // self.step * self.step)
        return half if half < tile else None

    # --- the network and what it learns from

    @abstractmethod
    def build(self, arch: Any, pretrained: bool = False) -> keras.Model:
        """Build the network, of `keras.layers` and `keras.ops` only.

        Args:
            arch: of the class `architecture`.
            pretrained: let the encoder's library load its ImageNet weights; else random ones.
        """

    @abstractmethod
    def encoder_layers(self, network: keras.Model) -> list[keras.layers.Layer]:
        """Layers of the pre-trained part, which stay as they are during the cold start."""

    def load_coco(self, network: keras.Model, file: Path) -> int:
        """Set what fits of a network from an .h5 file of COCO weights.

        Returns:
            How many arrays were set.

        Raises:
            InitialisationError: if the file is missing or another one; the network is as before.
        """
        raise NotImplementedError(f"{self.name} has no COCO weights: ask `coco` first")

    @abstractmethod
    def targets(self, config: Config) -> Targets:
        """How targets are made of labels."""

    @abstractmethod
    def loss_parts(
        self, network: keras.Model, outputs: Any, targets: dict, weights: tuple[float, ...] = ()
    ) -> dict[str, Any]:
        """The losses of a batch.

        Args:
            network: that made the outputs.
            outputs: of its `call`.
            targets: (B, ...) by name, as of `targets`.
            weights: of `losses`, in their order; all 1 without.

        Returns:
            {name: scalar}, each weighted, and 0 where there is nothing to compare.
        """

    def counted(self, targets: dict) -> dict[str, Any]:
        """The number of what each loss averages over, so that several GPUs compute what one would.

        Args:
            targets: (B, ...) by name, of one device.

        Returns:
            {name: scalar}; a loss that is missing counts ROIs alike.
        """
        return {}

    # --- from an image to nuclei

    def parts(self, network: Any) -> Parts:
        """What engines compile of a network for `runner`, by name; one part, unless overridden."""
        return whole(network)

    @abstractmethod
    def runner(self, network: Compiled) -> Run:
        """Make of a compiled network a function from an image to what it gives of it ("raw").

        That is kept apart from decoding, so that thresholds are tuned without the network, and
        both may run side by side.

        Args:
            network: called with a batch, it gives what the network gives; a family that divides its
                network calls the `parts`, one that needs more of it takes its `network`, and names
                Keras alone as engine.
        """

    @abstractmethod
    def empty(self, shape: tuple[int, int]) -> Any:
        """What is given of an image (H, W) in which there is nothing to see."""

    def rescale(self, raw: Any, seen: tuple[int, int], shape: tuple[int, int]) -> Any:
        """Undo a zoom: from what came of an image of size (h, w) to what `decode` takes of (H, W).

        Args:
            raw: what came.
            seen: (h, w).
            shape: (H, W).
        """
        return raw

    @abstractmethod
    def decode(self, raw: Any, window: Window, thresholds: Any) -> Instances:
        """The nuclei of a window of an image.

        A large image is decoded window by window; nuclei that lie well within two windows come out
        alike from both.

        Args:
            raw: what the network gave of the whole image.
            window: of the image.
            thresholds: of the class `thresholds`; limits of area in px of the image.

        Returns:
            Labels of the window's shape, and scores.
        """

    def at_scale(self, thresholds: Any) -> Any:
        """Thresholds for an image that was brought to the diameter that the model knows best."""
        return thresholds

    def evidence_of(
        self, raw: Any, window: Window, edges: Edges, nuclei: int
    ) -> dict[str, np.ndarray]:
        """What of the network's output speaks for or against each nucleus, besides its score.

        Args:
            raw: that the nuclei were made of, of the whole image.
            window: of the image, which holds the nuclei.
            edges: of the nuclei, in px of the window.
            nuclei: N, 1 or more.

        Returns:
            (N,) finite, by the names of `evidence`; see `inference.evidence` for what all have.
        """
        return {}

    def widest(self, thresholds: Any) -> Any:
        """Thresholds for `runner` with which all of `grid` can be decoded from what it gives."""
        return thresholds
